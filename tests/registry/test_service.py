"""What can be done with the book, by whom, and that the gate knows it at once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from threading import Event, Thread

import pytest

from relay.registry.domain.addresses import AddressRefused, Refusal
from relay.registry.domain.certificates import Certificate, State
from relay.registry.domain.errors import (
    AddressNotFound,
    CertificateNotFound,
    CollectionRefused,
    ConsentNotFound,
    EndRefused,
    Enrolment,
    EnrolmentRefused,
    LogIn,
    LogInRefused,
    PartyNotFound,
    RegistrationNotOpen,
    RoleRefused,
)
from relay.registry.domain.identifiers import EnterpriseId, OrganisationId, UserNumber
from relay.registry.domain.mandates import Service
from relay.registry.domain.parties import Enterprise, MainContact
from relay.registry.domain.rules import Allow, Because, Decision, Deny, Reason, decide
from relay.registry.domain.snapshot import Snapshot
from relay.registry.ports import Store
from relay.registry.service import Held, Listed, Registry
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
    book_of,
    contact_person,
    organisation,
    personal_certificate,
    print_of,
    registration,
    software_party,
    system_certificate,
)

ADDRESS = "198.100.20.7"
ANNA, ELSE = contact_person(), contact_person(PERSON_ELDERS, ELDERS)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path / "empty.sqlite") as store:
        yield store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    path = tmp_path / "book.sqlite"
    path.write_bytes(book_of(filled))
    with opened(path) as store:
        yield store


@pytest.fixture
def service(store: Store) -> Registry:
    return Registry(store, lambda: NOON)


def filled(service: Registry) -> Registry:
    """Two providers, each with a contact person and a system certificate."""
    service.add_organisation(organisation())
    service.add_organisation(organisation(ELDERS, "99000002"))
    service.add_contact_person(ANNA)
    service.add_contact_person(ELSE)
    service.add_certificate(system_certificate())
    service.add_certificate(system_certificate(SYSTEM_ELDERS, mark=2, of=ELDERS))
    service.add_certificate(personal_certificate())
    service.add_certificate(personal_certificate(PERSON_ELDERS, mark=102, of=ELDERS))
    return service


def gate(snapshot: Snapshot, address: str = ADDRESS) -> Decision:
    return decide(snapshot, fingerprint=print_of(1), address=IPv4Address(address), at=NOON)


def test_q20_a_registered_address_counts_at_the_gate_at_once(service: Registry) -> None:
    seen: list[Snapshot] = []
    service.subscribe(seen.append)
    assert gate(seen[-1]) == Deny(Reason.ADDRESS_UNKNOWN)
    service.register(ANNA, SYSTEM, ADDRESS)
    assert gate(seen[-1]) == Allow(Because.REGISTERED)
    service.remove(ANNA, SYSTEM, ADDRESS)
    assert gate(seen[-1]) == Deny(Reason.ADDRESS_UNKNOWN)


def test_a_subscriber_gets_the_book_as_it_is_and_then_every_version_in_order(service: Registry) -> None:
    seen: list[int] = []
    service.subscribe(lambda snapshot: seen.append(snapshot.version))
    service.register(ANNA, SYSTEM, ADDRESS)
    service.register(ANNA, SYSTEM, ADDRESS)
    service.revoke_certificate(print_of(1))
    assert seen == [8, 9, 10]
    assert service.snapshot.version == 10


def test_a_second_change_waits_until_the_gate_has_the_first(service: Registry) -> None:
    seen: list[int] = []
    second_done = Event()

    def gate_that_is_slow_to_take_the_first(snapshot: Snapshot) -> None:
        if len(snapshot.ranges_of(SYSTEM)) == 1:
            second.start()
            assert not second_done.wait(0.2)
        seen.append(snapshot.version)

    def change_again() -> None:
        service.register(ANNA, SYSTEM, "198.100.20.8")
        second_done.set()

    second = Thread(target=change_again)
    service.subscribe(gate_that_is_slow_to_take_the_first)
    service.register(ANNA, SYSTEM, ADDRESS)
    second.join()
    assert seen == [8, 9, 10]


def test_the_snapshot_is_what_the_store_would_give_after_a_restart(service: Registry, store: Store) -> None:
    service.register(ANNA, SYSTEM, ADDRESS)
    service.register(ANNA, SYSTEM, "198.100.30.0/30")
    service.remove(ANNA, SYSTEM, ADDRESS)
    service.revoke_certificate(print_of(2))
    assert Registry(store, lambda: NOON).snapshot == service.snapshot


def test_registering_twice_finds_what_was_registered_first(service: Registry, store: Store) -> None:
    service.register(ANNA, SYSTEM, ADDRESS)
    later = Registry(store, lambda: NOON + timedelta(days=1))
    again = later.register(ANNA, SYSTEM, f"{ADDRESS}/32")
    assert (again.fresh, again.registration) == (False, registration(ADDRESS))
    assert service.registrations(ANNA, SYSTEM) == (registration(ADDRESS),)


def test_a_registration_says_who_made_it_and_when(service: Registry) -> None:
    made = service.register(ANNA, SYSTEM, ADDRESS)
    assert (made.fresh, made.registration.by, made.registration.at) == (True, PERSON, NOON)


@pytest.mark.parametrize("number", [SYSTEM_ELDERS, UserNumber("20009999000009"), PERSON, "", "999979668"])
def test_q23_a_contact_person_touches_only_the_system_certificates_of_the_own_organisation(
    service: Registry, number: str
) -> None:
    service.register(ELSE, SYSTEM_ELDERS, ADDRESS)
    before = service.snapshot
    with pytest.raises(CertificateNotFound) as caught:
        service.register(ANNA, number, "198.100.20.8")
    assert "999979668" not in caught.value.detail
    with pytest.raises(CertificateNotFound):
        service.remove(ANNA, number, ADDRESS)
    with pytest.raises(CertificateNotFound):
        service.registrations(ANNA, number)
    assert service.snapshot is before


def test_a_contact_person_sees_the_own_organisations_certificates_with_their_states(service: Registry) -> None:
    renewed = system_certificate(mark=3, not_before=NOON + timedelta(days=1))
    service.add_certificate(renewed)
    service.revoke_certificate(print_of(1))
    assert service.certificates(ANNA) == (
        Held(certificate=system_certificate(revoked_at=NOON), state=State.REVOKED),
        Held(certificate=renewed, state=State.NOT_YET_VALID),
    )


def test_a_refused_address_changes_nothing(service: Registry) -> None:
    before = service.snapshot
    with pytest.raises(AddressRefused) as caught:
        service.register(ANNA, SYSTEM, "192.168.1.10")
    assert caught.value.reason is Refusal.PRIVATE
    assert service.snapshot is before


def test_a_rehearsal_takes_a_private_address_and_no_other_service_does(store: Store, service: Registry) -> None:
    rehearsal = Registry(store, lambda: NOON, rehearsal=True)
    assert rehearsal.register(ANNA, SYSTEM, "10.0.0.1").fresh


def test_what_a_rehearsal_let_in_can_be_taken_out_after_it(store: Store, service: Registry) -> None:
    Registry(store, lambda: NOON, rehearsal=True).register(ANNA, SYSTEM, "10.0.0.1")
    service.remove(ANNA, SYSTEM, "10.0.0.1")
    assert service.registrations(ANNA, SYSTEM) == ()


def test_removing_what_is_not_registered_is_told_and_changes_nothing(service: Registry) -> None:
    service.register(ANNA, SYSTEM, "198.100.20.0/28")
    before = service.snapshot
    with pytest.raises(AddressNotFound):
        service.remove(ANNA, SYSTEM, ADDRESS)
    assert service.snapshot is before


def test_the_date_of_enforcement_reaches_the_gate(store: Store, service: Registry) -> None:
    coming = Registry(store, lambda: NOON, enforced_from=NOON + timedelta(days=1))
    assert gate(coming.snapshot) == Allow(Because.BEFORE_ENFORCEMENT, otherwise=Deny(Reason.ADDRESS_UNKNOWN))


def test_q11_a_contact_person_logs_in_with_the_personal_certificate(service: Registry) -> None:
    assert service.log_in(print_of(101)) == ANNA
    assert service.log_in(print_of(102)) == ELSE


@pytest.mark.parametrize(
    ("fingerprint", "at", "reason"),
    [
        (print_of(1), NOON, LogIn.SYSTEM_CERTIFICATE),
        (print_of(9), NOON, LogIn.CERTIFICATE_UNKNOWN),
        ("", NOON, LogIn.CERTIFICATE_UNKNOWN),
        (print_of(101), NOON + timedelta(days=800), LogIn.CERTIFICATE_EXPIRED),
        (print_of(103), NOON, LogIn.NOT_A_CONTACT_PERSON),
    ],
)
def test_nobody_else_logs_in(store: Store, service: Registry, fingerprint: str, at: datetime, reason: LogIn) -> None:
    service.add_certificate(personal_certificate(UserNumber("10009999000003"), mark=103))
    with pytest.raises(LogInRefused) as caught:
        Registry(store, lambda: at).log_in(fingerprint)
    assert caught.value.reason is reason


def test_a_revoked_personal_certificate_logs_in_no_more(service: Registry) -> None:
    service.revoke_certificate(print_of(101))
    with pytest.raises(LogInRefused) as caught:
        service.log_in(print_of(101))
    assert caught.value.reason is LogIn.CERTIFICATE_REVOKED


def test_setting_up_twice_changes_nothing(service: Registry) -> None:
    before = service.snapshot
    filled(service)
    assert service.snapshot is before
    assert service.add_organisation(organisation()) is False
    assert service.add_contact_person(ANNA) is False
    assert service.add_certificate(system_certificate()) is False


def test_a_revoked_certificate_stays_revoked_when_it_is_added_again(service: Registry) -> None:
    assert service.revoke_certificate(print_of(1)) is True
    assert service.revoke_certificate(print_of(1)) is False
    assert service.add_certificate(system_certificate()) is False
    assert gate(service.snapshot) == Deny(Reason.CERTIFICATE_REVOKED)


def refusal(caught: pytest.ExceptionInfo[EnrolmentRefused]) -> Enrolment:
    return caught.value.reason


@pytest.mark.parametrize("certificate", [system_certificate(), personal_certificate()])
def test_people_and_certificates_belong_to_a_known_organisation(empty: Store, certificate: Certificate) -> None:
    service = Registry(empty, lambda: NOON)
    with pytest.raises(EnrolmentRefused) as caught:
        service.add_certificate(certificate)
    assert refusal(caught) is Enrolment.ORGANISATION_UNKNOWN
    with pytest.raises(EnrolmentRefused) as caught:
        service.add_contact_person(ANNA)
    assert refusal(caught) is Enrolment.ORGANISATION_UNKNOWN


def test_what_contradicts_the_book_does_not_come_in(service: Registry) -> None:
    before = service.snapshot
    with pytest.raises(EnrolmentRefused) as caught:
        service.add_organisation(replace(organisation(), name="Another"))
    assert refusal(caught) is Enrolment.TAKEN
    with pytest.raises(EnrolmentRefused) as caught:
        service.add_contact_person(replace(ANNA, name="Another"))
    assert refusal(caught) is Enrolment.TAKEN
    with pytest.raises(EnrolmentRefused) as caught:
        service.add_certificate(system_certificate(mark=9, of=ELDERS))
    assert refusal(caught) is Enrolment.TAKEN
    assert service.snapshot is before


def test_a_third_contact_person_is_refused(service: Registry) -> None:
    service.add_contact_person(contact_person(UserNumber("10009999000003")))
    with pytest.raises(EnrolmentRefused) as caught:
        service.add_contact_person(contact_person(UserNumber("10009999000004")))
    assert refusal(caught) is Enrolment.TOO_MANY_CONTACT_PERSONS


def test_a_certificate_that_the_book_lacks_cannot_be_revoked(service: Registry) -> None:
    with pytest.raises(EnrolmentRefused) as caught:
        service.revoke_certificate(print_of(9))
    assert refusal(caught) is Enrolment.CERTIFICATE_UNKNOWN


def test_the_repr_tells_the_book_and_that_it_is_a_rehearsal(empty: Store) -> None:
    assert repr(Registry(empty, lambda: NOON)) == "<Registry on <Snapshot 0: 0 certificates, 0 ranges>>"
    assert repr(Registry(empty, lambda: NOON, rehearsal=True)).endswith(", rehearsal>")


MANAGER = contact_person(PERSON_PARTY, PARTY)


def _with_party(service: Registry) -> Registry:
    service.add_organisation(software_party())
    service.add_contact_person(MANAGER)
    return service


def test_q26_a_party_registers_once_and_who_ticks_it_calls_from_there_at_once(service: Registry) -> None:
    _with_party(service)
    made = service.register_for_customers(MANAGER, ADDRESS)
    assert (made.fresh, made.address.by) == (True, PERSON_PARTY)
    assert not service.register_for_customers(MANAGER, f"{ADDRESS}/32").fresh
    assert gate(service.snapshot) == Deny(Reason.PARTY_NOT_SELECTED)
    assert service.select_party(ANNA, PARTY)
    assert not service.select_party(ANNA, PARTY)
    assert gate(service.snapshot) == Allow(Because.PARTY_SELECTED)
    service.deselect_party(ANNA, PARTY)
    assert gate(service.snapshot) == Deny(Reason.PARTY_NOT_SELECTED)


def test_q27_a_party_is_listed_from_its_first_address_on(service: Registry) -> None:
    _with_party(service)
    assert service.parties(ANNA) == ()
    with pytest.raises(PartyNotFound):
        service.select_party(ANNA, PARTY)
    service.register_for_customers(MANAGER, ADDRESS)
    assert service.parties(ANNA) == (Listed(party=software_party(), selected=False),)
    service.select_party(ANNA, PARTY)
    assert service.parties(ANNA) == (Listed(party=software_party(), selected=True),)
    assert service.parties(ELSE) == (Listed(party=software_party(), selected=False),)


def test_q30_the_list_for_customers_is_not_that_of_the_partys_own_certificate(service: Registry) -> None:
    _with_party(service)
    own = system_certificate(UserNumber("20009999000003"), mark=3, of=PARTY)
    service.add_certificate(own)
    service.register_for_customers(MANAGER, ADDRESS)
    service.register(MANAGER, own.user_number, "198.100.50.1")
    snapshot = service.snapshot
    by_its_own = [
        decide(snapshot, fingerprint=print_of(3), address=IPv4Address(each), at=NOON)
        for each in (ADDRESS, "198.100.50.1")
    ]
    assert by_its_own == [Deny(Reason.PARTY_NOT_SELECTED), Allow(Because.REGISTERED)]


def test_what_a_party_takes_back_is_gone_for_all_who_ticked_it(service: Registry) -> None:
    _with_party(service).register_for_customers(MANAGER, ADDRESS)
    service.select_party(ANNA, PARTY)
    service.remove_for_customers(MANAGER, ADDRESS)
    assert gate(service.snapshot) == Deny(Reason.ADDRESS_UNKNOWN)
    with pytest.raises(AddressNotFound):
        service.remove_for_customers(MANAGER, ADDRESS)
    service.register_for_customers(MANAGER, ADDRESS)
    assert gate(service.snapshot) == Allow(Because.PARTY_SELECTED)


@pytest.mark.parametrize(
    "call",
    [
        lambda it: it.customers_addresses(ANNA),
        lambda it: it.register_for_customers(ANNA, ADDRESS),
        lambda it: it.remove_for_customers(ANNA, ADDRESS),
        lambda it: it.parties(MANAGER),
        lambda it: it.select_party(MANAGER, PARTY),
        lambda it: it.deselect_party(MANAGER, PARTY),
    ],
)
def test_each_does_what_its_role_is_and_nothing_else(service: Registry, call: Callable[[Registry], object]) -> None:
    _with_party(service).register_for_customers(MANAGER, "198.100.50.1")
    before = service.snapshot
    with pytest.raises(RoleRefused):
        call(service)
    assert service.snapshot is before


def test_a_partys_private_address_is_refused_as_anybodys(service: Registry) -> None:
    with pytest.raises(AddressRefused) as caught:
        _with_party(service).register_for_customers(MANAGER, "10.0.0.1")
    assert caught.value.reason is Refusal.PRIVATE


def test_what_was_not_ticked_cannot_be_taken_back(service: Registry) -> None:
    _with_party(service)
    with pytest.raises(PartyNotFound):
        service.deselect_party(ANNA, PARTY)


def test_q16_a_registration_may_end_and_get_another_end(service: Registry) -> None:
    end = NOON + timedelta(days=1)
    made = service.register(ANNA, SYSTEM, ADDRESS, until=end)
    assert (made.fresh, made.registration.until) == (True, end)
    assert not service.register(ANNA, SYSTEM, ADDRESS, until=end).fresh
    assert decide(service.snapshot, fingerprint=print_of(1), address=IPv4Address(ADDRESS), at=end) == Deny(
        Reason.ADDRESS_ENDED
    )
    lasting = service.register(ANNA, SYSTEM, ADDRESS)
    assert (lasting.fresh, lasting.registration.until) == (False, None)
    assert [each.until for each in service.registrations(ANNA, SYSTEM)] == [None]


@pytest.mark.parametrize("until", [NOON, NOON - timedelta(days=1), (NOON + timedelta(days=1)).replace(tzinfo=None)])
def test_an_end_that_has_been_or_has_no_time_zone_is_refused(service: Registry, until: datetime) -> None:
    _with_party(service)
    before = service.snapshot
    with pytest.raises(EndRefused):
        service.register(ANNA, SYSTEM, ADDRESS, until=until)
    with pytest.raises(EndRefused):
        service.register_for_customers(MANAGER, ADDRESS, until=until)
    assert service.snapshot is before


def test_overlaps_are_told_and_registered_all_the_same(service: Registry) -> None:
    block = service.register(ANNA, SYSTEM, "198.100.20.0/28").registration.range
    assert service.register(ANNA, SYSTEM, ADDRESS).overlaps == (block,)
    assert service.register(ANNA, SYSTEM, "198.100.20.0/28").overlaps == (registration(ADDRESS).range,)
    _with_party(service).register_for_customers(MANAGER, "198.100.20.0/28")
    assert service.register_for_customers(MANAGER, ADDRESS).overlaps == (block,)


def test_q3_addresses_can_be_registered_from_the_first_day_of_the_window_on(store: Store) -> None:
    early = Registry(store, lambda: NOON, opens_at=NOON + timedelta(seconds=1))
    with pytest.raises(RegistrationNotOpen):
        early.register(ANNA, SYSTEM, ADDRESS)
    assert Registry(store, lambda: NOON, opens_at=NOON).register(ANNA, SYSTEM, ADDRESS).fresh


def test_q25_a_provider_gives_a_party_consent_for_a_service_and_withdraws_it(service: Registry) -> None:
    _with_party(service)
    assert service.give_consent(ANNA, PARTY, Service.COV)
    assert not service.give_consent(ANNA, PARTY, Service.COV)
    [consent] = service.consents(ANNA)
    assert (consent.party, consent.by, service.consents(MANAGER)) == (PARTY, PERSON, (consent,))
    assert service.snapshot.consents_of(consent.provider, PARTY) == {Service.COV}
    service.withdraw_consent(ANNA, PARTY, Service.COV)
    assert service.consents(ANNA) == ()
    with pytest.raises(ConsentNotFound):
        service.withdraw_consent(ANNA, PARTY, Service.COV)
    for nobody in (ELDERS, "software-onbekend"):
        with pytest.raises(PartyNotFound):
            service.give_consent(ANNA, nobody, Service.COV)
    with pytest.raises(RoleRefused):
        service.give_consent(MANAGER, PARTY, Service.COV)
    with pytest.raises(RoleRefused):
        service.withdraw_consent(MANAGER, PARTY, Service.COV)


def test_inc_a_certificate_is_collected_by_its_own_organisation_within_sixty_days(store: Store) -> None:
    now = NOON
    service = Registry(store, lambda: now)
    for mark in (3, 4):
        service.add_certificate(system_certificate(mark=mark, not_before=NOON, collected_at=None))
    with pytest.raises(CertificateNotFound):
        service.collect(ELSE, print_of(3))
    assert service.collect(ANNA, print_of(3))
    assert not service.collect(ANNA, print_of(3))
    assert service.snapshot.certificates[print_of(3)].collected_at == NOON
    now = NOON + timedelta(days=60, seconds=1)
    with pytest.raises(CollectionRefused):
        service.collect(ANNA, print_of(4))


def test_a_main_contact_is_no_contact_person_by_that_alone(service: Registry) -> None:
    group = Enterprise(id=EnterpriseId("zorggroep"), name="Zorggroep (fictief)")
    main = MainContact(user_number=UserNumber("10009999000009"), name="H. Test (fictief)", enterprise=group.id)
    with pytest.raises(EnrolmentRefused) as caught:
        service.name_main_contact(main)
    assert refusal(caught) is Enrolment.ENTERPRISE_UNKNOWN
    assert service.add_enterprise(group)
    assert not service.add_enterprise(group)
    with pytest.raises(EnrolmentRefused):
        service.add_enterprise(replace(group, name="Another"))
    assert service.name_main_contact(main)
    service.add_certificate(personal_certificate(main.user_number, mark=109))
    with pytest.raises(LogInRefused) as refused:
        service.log_in(print_of(109))
    assert refused.value.reason is LogIn.NOT_A_CONTACT_PERSON
    derde = replace(organisation(OrganisationId("derde"), "99000003"), enterprise=EnterpriseId("onbekend"))
    with pytest.raises(EnrolmentRefused) as caught:
        service.add_organisation(derde)
    assert refusal(caught) is Enrolment.ENTERPRISE_UNKNOWN


def test_two_services_on_one_book_follow_each_other(store: Store) -> None:
    one, other = Registry(store, lambda: NOON), Registry(store, lambda: NOON)
    seen: list[int] = []
    other.subscribe(lambda snapshot: seen.append(snapshot.version))
    one.register(ANNA, SYSTEM, ADDRESS)
    assert gate(other.snapshot) == Deny(Reason.ADDRESS_UNKNOWN)
    other.follow()
    assert gate(other.snapshot) == Allow(Because.REGISTERED)
    one.register(ANNA, SYSTEM, "198.100.20.8")
    other.register(ANNA, SYSTEM, "198.100.20.9")  # what happened in between is not left out
    assert other.snapshot == Registry(store, lambda: NOON).snapshot
    assert seen == list(range(seen[0], seen[0] + 4))
