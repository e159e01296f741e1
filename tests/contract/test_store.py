"""What every store keeps to, whatever database is below it. A new one comes in as one more line in `STORES`."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import get_args

import pytest

from relay.registry.domain.certificates import Certificate
from relay.registry.domain.errors import BookUnavailable
from relay.registry.domain.events import (
    AddressRegistered,
    AddressRemoved,
    AuthorisationWithdrawn,
    Blocked,
    BlockLifted,
    CertificateAdded,
    CertificateCollected,
    CertificateRevoked,
    CheckDeferred,
    ConsentGiven,
    ConsentWithdrawn,
    ContactPersonAdded,
    DeferralEnded,
    EnterpriseAdded,
    Event,
    MainContactNamed,
    OrganisationAdded,
    PartyAddressRegistered,
    PartyAddressRemoved,
    PartyDeselected,
    PartySelected,
    ServiceAuthorised,
)
from relay.registry.domain.identifiers import EnterpriseId, OrganisationId, UserNumber
from relay.registry.domain.mandates import Authorisation, Block, Consent, Deferral, Service
from relay.registry.domain.parties import Enterprise, Language, MainContact
from relay.registry.keeper import snapshot_of
from relay.registry.ports import Book, Store
from relay.registry.storage import postgres, sqlite
from relay.registry.storage.portable import exported, read
from tests.kit import postgres as cluster_kit
from tests.kit.postgres import Postgres
from tests.kit.registry import (
    ELDERS,
    NOON,
    PARTY,
    PERSON,
    PERSON_ELDERS,
    PERSON_PARTY,
    SYSTEM,
    SYSTEM_ELDERS,
    VOORBEELD,
    contact_person,
    organisation,
    party_address,
    personal_certificate,
    print_of,
    registered,
    registration,
    selection,
    software_party,
    support,
    system_certificate,
)

Open = Callable[[], AbstractContextManager[Store]]

STORES: dict[str, Callable[[Path, pytest.FixtureRequest], Open]] = {
    "sqlite": lambda folder, request: lambda: sqlite.opened(folder / "book.sqlite"),
    "postgres": lambda folder, request: partial(postgres.opened, request.getfixturevalue("cluster").database()),
}

OFFICE, HOME = registration("198.100.20.7"), registration("198.100.30.0/30", at=NOON + timedelta(days=1))
OTHER = OrganisationId("praktijk-derde")
MAIN = MainContact(
    user_number=PERSON_ELDERS, name="H. Test (fictief)", enterprise=EnterpriseId("zorggroep"), mail="h@zorggroep.test"
)
CONSENT = Consent(provider=VOORBEELD, party=PARTY, service=Service.COV, by=PERSON, at=NOON)
DEFERRAL = Deferral(user_number=SYSTEM, until=NOON + timedelta(days=1), by=PERSON, at=NOON)
REMOVED = AddressRemoved(user_number=SYSTEM, range=OFFICE.range, by=PERSON, at=NOON)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with cluster_kit.postgres(tmp_path_factory.mktemp("postgres")) as here:
        yield here


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    return STORES[request.param](tmp_path, request)


@pytest.fixture
def store(open_store: Open) -> Iterator[Store]:
    with open_store() as store:
        store.record(OrganisationAdded(organisation=organisation()), at=NOON)
        store.record(OrganisationAdded(organisation=organisation(ELDERS, "99000002")), at=NOON)
        yield store


def test_a_new_book_is_empty(open_store: Open) -> None:
    with open_store() as store:
        assert store.load() == Book(
            version=0,
            organisations=(),
            certificates=(),
            ranges={},
            customers={},
            selected={},
            consents=(),
            authorisations=(),
            blocks=(),
            deferrals=(),
        )
        assert store.organisations() == ()


def test_every_change_raises_the_version_by_one(store: Store) -> None:
    before = store.load().version
    versions = [
        store.record(ContactPersonAdded(person=contact_person()), at=NOON),
        store.record(CertificateAdded(certificate=system_certificate()), at=NOON),
        store.record(CertificateRevoked(fingerprint=print_of(1), at=NOON), at=NOON),
        store.record(AddressRegistered(registration=OFFICE), at=NOON),
        store.record(REMOVED, at=NOON),
    ]
    assert versions == [before + each for each in (1, 2, 3, 4, 5)]
    assert store.load().version == before + 5


def test_what_the_book_says_already_is_no_change(store: Store) -> None:
    store.record(ContactPersonAdded(person=contact_person()), at=NOON)
    store.record(CertificateAdded(certificate=system_certificate(revoked_at=NOON)), at=NOON)
    store.record(AddressRegistered(registration=OFFICE), at=NOON)
    before = store.load()
    assert store.record(OrganisationAdded(organisation=organisation()), at=NOON) is None
    assert store.record(ContactPersonAdded(person=contact_person()), at=NOON) is None
    assert store.record(CertificateAdded(certificate=system_certificate()), at=NOON) is None
    assert store.record(CertificateRevoked(fingerprint=print_of(1), at=NOON - timedelta(days=1)), at=NOON) is None
    assert store.record(AddressRegistered(registration=replace(OFFICE, at=NOON + timedelta(days=1))), at=NOON) is None
    assert store.record(replace(REMOVED, range=HOME.range), at=NOON) is None
    assert store.load() == before


def test_the_book_is_the_same_after_it_was_closed(open_store: Open, store: Store) -> None:
    store.record(CertificateAdded(certificate=system_certificate()), at=NOON)
    store.record(AddressRegistered(registration=OFFICE), at=NOON)
    before = store.load()
    with open_store() as reopened:
        assert reopened.load() == before
        assert reopened.organisations() == store.organisations()


def test_certificates_of_both_kinds_come_back_as_they_were(store: Store) -> None:
    certificates: list[Certificate] = [
        system_certificate(),
        system_certificate(SYSTEM_ELDERS, mark=2, of=ELDERS, revoked_at=NOON),
        personal_certificate(),
        personal_certificate(PERSON_ELDERS, mark=102, of=ELDERS, revoked_at=NOON + timedelta(microseconds=1)),
    ]
    for each in certificates:
        store.record(CertificateAdded(certificate=each), at=NOON)
    kept = store.load().certificates
    assert sorted(kept, key=lambda each: each.fingerprint) == certificates


def test_moments_come_back_in_utc_wherever_they_were_taken(store: Store) -> None:
    amsterdam = NOON.astimezone(timezone(timedelta(hours=2)))
    store.record(AddressRegistered(registration=replace(OFFICE, at=amsterdam)), at=NOON)
    (kept,) = store.registrations(SYSTEM)
    assert kept.at == NOON
    assert kept.at.utcoffset() == timedelta(0)


def test_a_revocation_is_kept_with_its_moment_for_that_certificate_alone(store: Store) -> None:
    for mark in (1, 2):
        store.record(CertificateAdded(certificate=system_certificate(mark=mark)), at=NOON)
    store.record(CertificateRevoked(fingerprint=print_of(1), at=NOON), at=NOON)
    revoked: dict[str, datetime | None] = {each.fingerprint: each.revoked_at for each in store.load().certificates}
    assert revoked == {print_of(1): NOON, print_of(2): None}


def test_registrations_come_back_in_the_order_in_which_they_were_made(store: Store) -> None:
    elsewhere = registration("0.0.0.0-255.255.255.255", SYSTEM_ELDERS, by=PERSON_ELDERS)
    for each in (HOME, elsewhere, OFFICE):  # neither by address nor by the moment that they carry
        store.record(AddressRegistered(registration=each), at=NOON)
    assert store.load().ranges == registered(HOME, elsewhere, OFFICE)
    assert store.registrations(SYSTEM) == (HOME, OFFICE)
    assert store.registrations(SYSTEM_ELDERS) == (elsewhere,)
    assert store.registrations(UserNumber("20009999000009")) == ()


def test_a_removal_takes_exactly_that_range_of_exactly_that_number(store: Store) -> None:
    inside, longer = registration("198.100.20.6-198.100.20.7"), registration("198.100.20.7-198.100.20.8")
    elsewhere = registration("198.100.20.7", SYSTEM_ELDERS)
    for each in (OFFICE, inside, longer, elsewhere):
        store.record(AddressRegistered(registration=each), at=NOON)
    store.record(REMOVED, at=NOON)
    assert store.load().ranges == registered(inside, longer, elsewhere)
    assert store.registrations(SYSTEM) == (inside, longer)


def test_what_parties_registered_and_who_ticked_them_come_back_as_they_were(store: Store) -> None:
    other = OrganisationId("software-elders")
    for party in (software_party(), software_party(other)):
        store.record(OrganisationAdded(organisation=party), at=NOON)
    first, second = party_address("198.100.40.0/30"), party_address("198.100.40.2")
    for address in (first, second, party_address("198.100.50.1", other)):
        assert store.record(PartyAddressRegistered(address=address), at=NOON) is not None
    for ticked in (selection(party=other), selection(), selection(ELDERS, other)):
        assert store.record(PartySelected(selection=ticked), at=NOON) is not None
    assert store.party_addresses(PARTY) == (first, second)
    assert store.selections(VOORBEELD) == (selection(party=other), selection())
    book = store.load()
    assert {party: [str(each) for each in ranges] for party, ranges in book.customers.items()} == {
        PARTY: ["198.100.40.0/30", "198.100.40.2"],
        other: ["198.100.50.1"],
    }
    assert book.selected == {VOORBEELD: (other, PARTY), ELDERS: (other,)}
    assert store.organisation(PARTY) == software_party()
    assert store.organisation(OrganisationId("praktijk-onbekend")) is None


def test_of_parties_too_what_the_book_says_already_is_no_change(store: Store) -> None:
    store.record(OrganisationAdded(organisation=software_party()), at=NOON)
    address, ticked = party_address("198.100.40.1"), selection()
    store.record(PartyAddressRegistered(address=address), at=NOON)
    store.record(PartySelected(selection=ticked), at=NOON)
    before = store.load()
    assert store.record(PartyAddressRegistered(address=replace(address, at=NOON + timedelta(days=1))), at=NOON) is None
    assert store.record(PartySelected(selection=replace(ticked, by=PERSON_ELDERS)), at=NOON) is None
    assert store.load() == before
    gone = PartyAddressRemoved(party=PARTY, range=address.range, by=PERSON_PARTY, at=NOON)
    assert [store.record(gone, at=NOON), store.record(gone, at=NOON)] == [before.version + 1, None]
    back = PartyDeselected(provider=VOORBEELD, party=PARTY, by=PERSON, at=NOON)
    assert [store.record(back, at=NOON), store.record(back, at=NOON)] == [before.version + 2, None]
    assert (store.load().customers, store.load().selected) == ({}, {})


def test_organisations_and_people_come_back_as_they_were(store: Store) -> None:
    people = [contact_person(), contact_person(UserNumber("10009999000005"))]
    for person in (people[1], people[0], contact_person(PERSON_ELDERS, ELDERS)):
        store.record(ContactPersonAdded(person=person), at=NOON)
    assert store.organisations() == (organisation(ELDERS, "99000002"), organisation())
    assert store.contact_person(PERSON) == contact_person()
    assert store.contact_person(SYSTEM) is None
    assert store.contact_persons(VOORBEELD) == tuple(people)


def test_a_change_that_fails_leaves_the_book_as_it_was(store: Store) -> None:
    before = store.load()
    nobodys = replace(system_certificate(), organisation=OrganisationId("praktijk-onbekend"))
    with pytest.raises(BookUnavailable):
        store.record(CertificateAdded(certificate=nobodys), at=NOON)
    assert store.load() == before
    assert store.record(CertificateAdded(certificate=system_certificate()), at=NOON) == before.version + 1


def test_two_who_write_at_once_both_get_in_and_each_gets_a_version_of_its_own(open_store: Open, store: Store) -> None:
    def write(to: Store, block: int) -> list[int | None]:
        ranges = [registration(f"198.100.{block}.{last}") for last in range(20)]
        return [to.record(AddressRegistered(registration=each), at=NOON) for each in ranges]

    before = store.load().version
    with open_store() as other, ThreadPoolExecutor(3) as threads:
        versions = {version for made in threads.map(write, (store, other, store), range(3)) for version in made}
    assert versions == set(range(before + 1, before + 61))
    assert len(store.registrations(SYSTEM)) == 60


ALL = (
    EnterpriseAdded(enterprise=Enterprise(id=EnterpriseId("zorggroep"), name="Zorggroep (fictief)")),
    MainContactNamed(person=MAIN),
    OrganisationAdded(organisation=software_party()),
    OrganisationAdded(organisation=support()),
    OrganisationAdded(organisation=replace(organisation(OTHER, "99000003"), enterprise=EnterpriseId("zorggroep"))),
    ContactPersonAdded(person=replace(contact_person(), mail="anna@praktijk.test", language=Language.ENGLISH)),
    CertificateAdded(certificate=system_certificate(collected_at=None)),
    CertificateCollected(fingerprint=print_of(1), at=NOON),
    CertificateAdded(certificate=personal_certificate()),
    CertificateRevoked(fingerprint=print_of(101), at=NOON),
    AddressRegistered(registration=OFFICE),
    AddressRegistered(registration=HOME),
    AddressRegistered(registration=replace(HOME, until=NOON)),
    AddressRegistered(registration=replace(HOME, until=NOON + timedelta(days=1))),
    REMOVED,
    PartyAddressRegistered(address=party_address("198.100.40.1")),
    PartyAddressRegistered(address=party_address("198.100.40.2", until=NOON)),
    PartyAddressRemoved(party=PARTY, range=party_address("198.100.40.1").range, by=PERSON_PARTY, at=NOON),
    PartySelected(selection=selection()),
    PartySelected(selection=selection(ELDERS)),
    PartyDeselected(provider=ELDERS, party=PARTY, by=PERSON_ELDERS, at=NOON),
    ConsentGiven(consent=CONSENT),
    ConsentGiven(consent=replace(CONSENT, service=Service.CLAIMS)),
    ConsentWithdrawn(provider=VOORBEELD, party=PARTY, service=Service.CLAIMS, by=PERSON, at=NOON),
    ServiceAuthorised(authorisation=Authorisation(user_number=SYSTEM, service=Service.COV, at=NOON)),
    ServiceAuthorised(authorisation=Authorisation(user_number=SYSTEM, service=Service.IWLZ, at=NOON, by=PERSON)),
    AuthorisationWithdrawn(user_number=SYSTEM, service=Service.IWLZ, at=NOON),
    Blocked(block=Block(user_number=SYSTEM, at=NOON)),
    Blocked(block=Block(user_number=SYSTEM_ELDERS, at=NOON, by=PERSON)),
    BlockLifted(user_number=SYSTEM, at=NOON),
    CheckDeferred(deferral=DEFERRAL),
    CheckDeferred(deferral=replace(DEFERRAL, until=NOON + timedelta(days=2))),
    CheckDeferred(deferral=replace(DEFERRAL, user_number=SYSTEM_ELDERS)),
    DeferralEnded(user_number=SYSTEM_ELDERS, by=PERSON, at=NOON),
)


def test_every_kind_of_event_is_tried_below() -> None:
    assert {type(each) for each in ALL} == set(get_args(Event))


def test_whoever_follows_event_by_event_has_what_is_read_at_once(store: Store) -> None:
    before = followed = snapshot_of(store.load())
    for event in ALL:
        assert store.record(event, at=NOON) is not None, event
        [(version, same)] = store.since(followed.version)
        assert same == event
        followed = followed.with_change(same, version=version)
        assert followed == snapshot_of(store.load()), event
    assert [event for _, event in store.since(before.version)] == list(ALL)


def test_what_was_said_already_or_never_makes_no_version(store: Store) -> None:
    for event in ALL:
        store.record(event, at=NOON)
    known = store.load()
    again = (
        MainContactNamed(person=MAIN),
        ConsentGiven(consent=CONSENT),
        ServiceAuthorised(authorisation=Authorisation(user_number=SYSTEM, service=Service.COV, at=NOON)),
        Blocked(block=Block(user_number=SYSTEM_ELDERS, at=NOON)),
        BlockLifted(user_number=SYSTEM, at=NOON),
        CheckDeferred(deferral=replace(DEFERRAL, until=NOON + timedelta(days=2))),
        DeferralEnded(user_number=SYSTEM_ELDERS, by=PERSON, at=NOON),
        CertificateCollected(fingerprint=print_of(1), at=NOON),
    )
    assert [store.record(event, at=NOON) for event in again] == [None] * len(again)
    assert store.load() == known
    assert not store.since(known.version)


def test_people_enterprises_and_consents_come_back_as_they_were(store: Store) -> None:
    for event in ALL:
        store.record(event, at=NOON)
    assert [each.name for each in store.enterprises()] == ["Zorggroep (fictief)"]
    assert store.main_contact(EnterpriseId("zorggroep")) == MAIN
    other = replace(MAIN, name="B. Test (fictief)")
    store.record(MainContactNamed(person=other), at=NOON)
    assert store.main_contact(EnterpriseId("zorggroep")) == other
    assert store.main_contact(EnterpriseId("elders")) is None
    [anna] = store.contact_persons(VOORBEELD)
    assert (anna.mail, anna.language) == ("anna@praktijk.test", Language.ENGLISH)
    assert store.consents(VOORBEELD) == store.consents(PARTY) == (CONSENT,)
    assert store.consents(ELDERS) == ()
    assert [each.until for each in store.registrations(SYSTEM)] == [NOON + timedelta(days=1)]
    assert [each.until for each in store.party_addresses(PARTY)] == [NOON]


def test_a_book_that_was_taken_out_and_in_is_the_same(store: Store, open_store: Open, tmp_path: Path) -> None:
    for event in ALL:
        store.record(event, at=NOON)
    with sqlite.opened(tmp_path / "another.sqlite") as another:
        another.begin(read(exported(store)), at=NOON)
        assert exported(another) == exported(store)
        assert replace(snapshot_of(another.load()), version=0) == replace(snapshot_of(store.load()), version=0)
        with pytest.raises(BookUnavailable):
            another.begin([OrganisationAdded(organisation=organisation(OrganisationId("vierde"), "99000004"))], at=NOON)
