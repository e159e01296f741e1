"""What every store keeps to, whatever database is below it. A new one comes in as one more line in `STORES`."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from relay.registry.domain.certificates import Certificate
from relay.registry.domain.errors import BookUnavailable
from relay.registry.domain.events import (
    AddressRegistered,
    AddressRemoved,
    CertificateAdded,
    CertificateRevoked,
    ContactPersonAdded,
    OrganisationAdded,
    PartyAddressRegistered,
    PartyAddressRemoved,
    PartyDeselected,
    PartySelected,
)
from relay.registry.domain.identifiers import OrganisationId, UserNumber
from relay.registry.ports import Book, Store
from relay.registry.storage.sqlite import opened
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
    system_certificate,
)

Open = Callable[[], AbstractContextManager[Store]]

STORES: dict[str, Callable[[Path], AbstractContextManager[Store]]] = {
    "sqlite": lambda folder: opened(folder / "book.sqlite"),
}

OFFICE, HOME = registration("198.100.20.7"), registration("198.100.30.0/30", at=NOON + timedelta(days=1))
REMOVED = AddressRemoved(user_number=SYSTEM, range=OFFICE.range, by=PERSON, at=NOON)


@pytest.fixture(params=STORES)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    return lambda: STORES[request.param](tmp_path)


@pytest.fixture
def store(open_store: Open) -> Iterator[Store]:
    with open_store() as store:
        store.record(OrganisationAdded(organisation=organisation()))
        store.record(OrganisationAdded(organisation=organisation(ELDERS, "99000002")))
        yield store


def test_a_new_book_is_empty(open_store: Open) -> None:
    with open_store() as store:
        assert store.load() == Book(version=0, certificates=(), ranges={}, customers={}, selected={})
        assert store.organisations() == ()


def test_every_change_raises_the_version_by_one(store: Store) -> None:
    before = store.load().version
    versions = [
        store.record(ContactPersonAdded(person=contact_person())),
        store.record(CertificateAdded(certificate=system_certificate())),
        store.record(CertificateRevoked(fingerprint=print_of(1), at=NOON)),
        store.record(AddressRegistered(registration=OFFICE)),
        store.record(REMOVED),
    ]
    assert versions == [before + each for each in (1, 2, 3, 4, 5)]
    assert store.load().version == before + 5


def test_what_the_book_says_already_is_no_change(store: Store) -> None:
    store.record(ContactPersonAdded(person=contact_person()))
    store.record(CertificateAdded(certificate=system_certificate(revoked_at=NOON)))
    store.record(AddressRegistered(registration=OFFICE))
    before = store.load()
    assert store.record(OrganisationAdded(organisation=organisation())) is None
    assert store.record(ContactPersonAdded(person=contact_person())) is None
    assert store.record(CertificateAdded(certificate=system_certificate())) is None
    assert store.record(CertificateRevoked(fingerprint=print_of(1), at=NOON - timedelta(days=1))) is None
    assert store.record(AddressRegistered(registration=replace(OFFICE, at=NOON + timedelta(days=1)))) is None
    assert store.record(replace(REMOVED, range=HOME.range)) is None
    assert store.load() == before


def test_the_book_is_the_same_after_it_was_closed(open_store: Open, store: Store) -> None:
    store.record(CertificateAdded(certificate=system_certificate()))
    store.record(AddressRegistered(registration=OFFICE))
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
        store.record(CertificateAdded(certificate=each))
    kept = store.load().certificates
    assert sorted(kept, key=lambda each: each.fingerprint) == certificates


def test_moments_come_back_in_utc_wherever_they_were_taken(store: Store) -> None:
    amsterdam = NOON.astimezone(timezone(timedelta(hours=2)))
    store.record(AddressRegistered(registration=replace(OFFICE, at=amsterdam)))
    (kept,) = store.registrations(SYSTEM)
    assert kept.at == NOON
    assert kept.at.utcoffset() == timedelta(0)


def test_a_revocation_is_kept_with_its_moment_for_that_certificate_alone(store: Store) -> None:
    for mark in (1, 2):
        store.record(CertificateAdded(certificate=system_certificate(mark=mark)))
    store.record(CertificateRevoked(fingerprint=print_of(1), at=NOON))
    revoked: dict[str, datetime | None] = {each.fingerprint: each.revoked_at for each in store.load().certificates}
    assert revoked == {print_of(1): NOON, print_of(2): None}


def test_registrations_come_back_in_the_order_in_which_they_were_made(store: Store) -> None:
    elsewhere = registration("0.0.0.0-255.255.255.255", SYSTEM_ELDERS, by=PERSON_ELDERS)
    for each in (HOME, elsewhere, OFFICE):  # neither by address nor by the moment that they carry
        store.record(AddressRegistered(registration=each))
    assert store.load().ranges == registered(HOME, elsewhere, OFFICE)
    assert store.registrations(SYSTEM) == (HOME, OFFICE)
    assert store.registrations(SYSTEM_ELDERS) == (elsewhere,)
    assert store.registrations(UserNumber("20009999000009")) == ()


def test_a_removal_takes_exactly_that_range_of_exactly_that_number(store: Store) -> None:
    inside, longer = registration("198.100.20.6-198.100.20.7"), registration("198.100.20.7-198.100.20.8")
    elsewhere = registration("198.100.20.7", SYSTEM_ELDERS)
    for each in (OFFICE, inside, longer, elsewhere):
        store.record(AddressRegistered(registration=each))
    store.record(REMOVED)
    assert store.load().ranges == registered(inside, longer, elsewhere)
    assert store.registrations(SYSTEM) == (inside, longer)


def test_what_parties_registered_and_who_ticked_them_come_back_as_they_were(store: Store) -> None:
    other = OrganisationId("software-elders")
    for party in (software_party(), software_party(other)):
        store.record(OrganisationAdded(organisation=party))
    first, second = party_address("198.100.40.0/30"), party_address("198.100.40.2")
    for address in (first, second, party_address("198.100.50.1", other)):
        assert store.record(PartyAddressRegistered(address=address)) is not None
    for ticked in (selection(party=other), selection(), selection(ELDERS, other)):
        assert store.record(PartySelected(selection=ticked)) is not None
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
    store.record(OrganisationAdded(organisation=software_party()))
    address, ticked = party_address("198.100.40.1"), selection()
    store.record(PartyAddressRegistered(address=address))
    store.record(PartySelected(selection=ticked))
    before = store.load()
    assert store.record(PartyAddressRegistered(address=replace(address, at=NOON + timedelta(days=1)))) is None
    assert store.record(PartySelected(selection=replace(ticked, by=PERSON_ELDERS))) is None
    assert store.load() == before
    gone = PartyAddressRemoved(party=PARTY, range=address.range, by=PERSON_PARTY, at=NOON)
    assert [store.record(gone), store.record(gone)] == [before.version + 1, None]
    back = PartyDeselected(provider=VOORBEELD, party=PARTY, by=PERSON, at=NOON)
    assert [store.record(back), store.record(back)] == [before.version + 2, None]
    assert (store.load().customers, store.load().selected) == ({}, {})


def test_organisations_and_people_come_back_as_they_were(store: Store) -> None:
    people = [contact_person(), contact_person(UserNumber("10009999000005"))]
    for person in (people[1], people[0], contact_person(PERSON_ELDERS, ELDERS)):
        store.record(ContactPersonAdded(person=person))
    assert store.organisations() == (organisation(ELDERS, "99000002"), organisation())
    assert store.contact_person(PERSON) == contact_person()
    assert store.contact_person(SYSTEM) is None
    assert store.contact_persons(VOORBEELD) == tuple(people)


def test_a_change_that_fails_leaves_the_book_as_it_was(store: Store) -> None:
    before = store.load()
    nobodys = replace(system_certificate(), organisation=OrganisationId("praktijk-onbekend"))
    with pytest.raises(BookUnavailable):
        store.record(CertificateAdded(certificate=nobodys))
    assert store.load() == before
    assert store.record(CertificateAdded(certificate=system_certificate())) == before.version + 1


def test_two_who_write_at_once_both_get_in_and_each_gets_a_version_of_its_own(open_store: Open, store: Store) -> None:
    def write(to: Store, block: int) -> list[int | None]:
        ranges = [registration(f"198.100.{block}.{last}") for last in range(20)]
        return [to.record(AddressRegistered(registration=each)) for each in ranges]

    before = store.load().version
    with open_store() as other, ThreadPoolExecutor(3) as threads:
        versions = {version for made in threads.map(write, (store, other, store), range(3)) for version in made}
    assert versions == set(range(before + 1, before + 61))
    assert len(store.registrations(SYSTEM)) == 60
