"""What the gate decides, rule by rule."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

import pytest

from relay.registry.domain.addresses import parse_range
from relay.registry.domain.certificates import Certificate, Environment
from relay.registry.domain.events import (
    AddressRegistered,
    AuthorisationWithdrawn,
    Blocked,
    BlockLifted,
    CertificateCollected,
    CertificateRevoked,
    CheckDeferred,
    ConsentGiven,
    ConsentWithdrawn,
    DeferralEnded,
    Event,
    PartyAddressRegistered,
    PartyAddressRemoved,
    ServiceAuthorised,
)
from relay.registry.domain.identifiers import AgbCode, OrganisationId
from relay.registry.domain.mandates import Authorisation, Block, Consent, Deferral, Service
from relay.registry.domain.ranges import NONE
from relay.registry.domain.rules import Acting, Allow, Because, Decision, Deny, Reason, acting, decide
from relay.registry.domain.snapshot import Snapshot
from tests.kit.registry import (
    ELDERS,
    NOON,
    PARTY,
    PERSON,
    SYSTEM,
    SYSTEM_ELDERS,
    VOORBEELD,
    organisation,
    party_address,
    personal_certificate,
    print_of,
    registered,
    registration,
    software_party,
    system_certificate,
)

REGISTERED = IPv4Address("198.100.20.7")
UNREGISTERED = IPv4Address("198.100.20.99")
SECOND = timedelta(seconds=1)


def book(*certificates: Certificate, enforced_from: datetime | None = None) -> Snapshot:
    ranges = registered(registration("198.100.20.7"), registration("198.100.30.0/30"))
    return Snapshot.of(certificates or (system_certificate(),), ranges, enforced_from=enforced_from)


def judge(snapshot: Snapshot, address: IPv4Address | IPv6Address = REGISTERED, *, at: datetime = NOON) -> Decision:
    return decide(snapshot, fingerprint=print_of(1), address=address, at=at)


def test_a_system_certificate_passes_from_a_registered_address() -> None:
    assert judge(book()) == Allow(Because.REGISTERED)


@pytest.mark.parametrize("last", range(4))
def test_q14_every_address_of_a_registered_range_passes(last: int) -> None:
    assert judge(book(), IPv4Address(f"198.100.30.{last}")) == Allow(Because.REGISTERED)


def test_q4_another_address_is_refused() -> None:
    assert judge(book(), UNREGISTERED) == Deny(Reason.ADDRESS_UNKNOWN)
    assert judge(book(), IPv4Address("198.100.30.4")) == Deny(Reason.ADDRESS_UNKNOWN)


def test_q2_a_certificate_counts_only_from_its_own_addresses() -> None:
    elsewhere = system_certificate(SYSTEM_ELDERS, mark=2)
    snapshot = book(system_certificate(), elsewhere)
    assert decide(snapshot, fingerprint=print_of(2), address=REGISTERED, at=NOON) == Deny(Reason.ADDRESS_UNKNOWN)


def test_an_empty_book_allows_nobody() -> None:
    assert judge(Snapshot.of((), {})) == Deny(Reason.CERTIFICATE_UNKNOWN)


def test_a_certificate_without_any_address_is_refused() -> None:
    assert judge(Snapshot.of((system_certificate(),), {})) == Deny(Reason.ADDRESS_UNKNOWN)


def test_q5_a_personal_certificate_never_calls_a_service() -> None:
    personal = personal_certificate(SYSTEM, mark=1)
    assert judge(book(personal)) == Deny(Reason.CERTIFICATE_PERSONAL)


def test_a_revoked_certificate_is_refused_from_that_moment_on() -> None:
    snapshot = book(system_certificate(revoked_at=NOON))
    assert judge(snapshot, at=NOON) == Deny(Reason.CERTIFICATE_REVOKED)
    assert judge(snapshot, at=NOON - SECOND) == Allow(Because.REGISTERED)


def test_an_expired_certificate_is_refused_after_its_last_moment() -> None:
    snapshot = book(system_certificate(not_after=NOON))
    assert judge(snapshot, at=NOON) == Allow(Because.REGISTERED)
    assert judge(snapshot, at=NOON + SECOND) == Deny(Reason.CERTIFICATE_EXPIRED)


def test_a_certificate_is_refused_before_its_first_moment() -> None:
    snapshot = book(system_certificate(not_before=NOON))
    assert judge(snapshot, at=NOON) == Allow(Because.REGISTERED)
    assert judge(snapshot, at=NOON - SECOND) == Deny(Reason.CERTIFICATE_NOT_YET_VALID)


def test_a_renewed_certificate_calls_from_the_addresses_of_its_user_number() -> None:
    renewed = book(system_certificate(mark=2, revoked_at=NOON), system_certificate(mark=1))
    assert judge(renewed) == Allow(Because.REGISTERED)


def test_q3_before_enforcement_an_unregistered_address_passes_and_what_comes_is_noted() -> None:
    snapshot = book(enforced_from=NOON)
    noted = Allow(Because.BEFORE_ENFORCEMENT, otherwise=Deny(Reason.ADDRESS_UNKNOWN))
    assert judge(snapshot, UNREGISTERED, at=NOON - SECOND) == noted
    assert judge(snapshot, REGISTERED, at=NOON - SECOND) == Allow(Because.REGISTERED)


def test_q4_from_the_date_of_enforcement_on_it_is_refused() -> None:
    assert judge(book(enforced_from=NOON), UNREGISTERED, at=NOON) == Deny(Reason.ADDRESS_UNKNOWN)


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (system_certificate(mark=3), Reason.CERTIFICATE_UNKNOWN),
        (personal_certificate(mark=1), Reason.CERTIFICATE_PERSONAL),
        (system_certificate(revoked_at=NOON - SECOND), Reason.CERTIFICATE_REVOKED),
        (system_certificate(not_after=NOON - SECOND), Reason.CERTIFICATE_EXPIRED),
        (system_certificate(not_before=NOON + SECOND), Reason.CERTIFICATE_NOT_YET_VALID),
    ],
)
def test_before_enforcement_a_bad_certificate_is_refused_all_the_same(certificate: Certificate, reason: Reason) -> None:
    assert judge(book(certificate, enforced_from=datetime(2099, 1, 1, tzinfo=UTC))) == Deny(reason)


def test_the_certificate_is_judged_before_the_address() -> None:
    snapshot = book(system_certificate(revoked_at=NOON))
    assert judge(snapshot, UNREGISTERED) == Deny(Reason.CERTIFICATE_REVOKED)


def test_a_caller_on_a_dual_stack_socket_is_known_by_its_ipv4_address() -> None:
    assert judge(book(), IPv6Address(f"::ffff:{REGISTERED}")) == Allow(Because.REGISTERED)


def test_q13_an_ipv6_caller_is_at_no_registered_address() -> None:
    assert judge(book(), IPv6Address("2001:db8::1")) == Deny(Reason.ADDRESS_UNKNOWN)
    assert judge(book(), IPv6Address(int(REGISTERED))) == Deny(Reason.ADDRESS_UNKNOWN)


AT_THE_PARTY = IPv4Address("198.100.40.7")


def _with_party(*ticked: OrganisationId, enforced_from: datetime | None = None) -> Snapshot:
    return Snapshot.of(
        (system_certificate(), system_certificate(SYSTEM_ELDERS, mark=2, of=ELDERS)),
        registered(registration("198.100.20.7")),
        customers={PARTY: NONE.having(parse_range("198.100.40.0/28", rehearsal=True))},
        selected=dict.fromkeys(ticked, (PARTY,)),
        enforced_from=enforced_from,
    )


def test_q26_a_ticked_partys_addresses_count_for_the_providers_own_certificate() -> None:
    snapshot = _with_party(VOORBEELD)
    assert judge(snapshot, AT_THE_PARTY) == Allow(Because.PARTY_SELECTED)
    assert judge(snapshot, REGISTERED) == Allow(Because.REGISTERED)
    assert judge(snapshot, UNREGISTERED) == Deny(Reason.ADDRESS_UNKNOWN)


def test_q26_who_did_not_tick_the_party_is_told_just_that() -> None:
    elsewhere = decide(_with_party(VOORBEELD), fingerprint=print_of(2), address=AT_THE_PARTY, at=NOON)
    assert elsewhere == Deny(Reason.PARTY_NOT_SELECTED)
    early = decide(_with_party(enforced_from=NOON + SECOND), fingerprint=print_of(2), address=AT_THE_PARTY, at=NOON)
    assert early == Allow(Because.BEFORE_ENFORCEMENT, otherwise=Deny(Reason.PARTY_NOT_SELECTED))


def test_q30_what_the_party_changes_later_counts_too() -> None:
    snapshot = _with_party(VOORBEELD)
    moved = snapshot.with_change(PartyAddressRegistered(address=party_address("198.100.50.1")), version=1)
    assert judge(moved, IPv4Address("198.100.50.1")) == Allow(Because.PARTY_SELECTED)
    gone = PartyAddressRemoved(party=PARTY, range=parse_range("198.100.40.0/28", rehearsal=True), by=PERSON, at=NOON)
    assert judge(moved.with_change(gone, version=2), AT_THE_PARTY) == Deny(Reason.ADDRESS_UNKNOWN)


def test_a_ticked_party_mends_nothing_that_is_wrong_with_the_certificate() -> None:
    revoked = _with_party(VOORBEELD).with_change(CertificateRevoked(fingerprint=print_of(1), at=NOON), version=1)
    assert judge(revoked, AT_THE_PARTY) == Deny(Reason.CERTIFICATE_REVOKED)


def after(snapshot: Snapshot, *happened: Event) -> Snapshot:
    for event in happened:
        snapshot = snapshot.with_change(event, version=snapshot.version + 1)
    return snapshot


def test_q16_a_temporary_address_counts_until_its_end_and_not_longer() -> None:
    temporary = registration(str(UNREGISTERED), until=NOON)
    snapshot = after(book(), AddressRegistered(registration=temporary))
    assert judge(snapshot, UNREGISTERED, at=NOON - SECOND) == Allow(Because.REGISTERED)
    assert judge(snapshot, UNREGISTERED, at=NOON) == Deny(Reason.ADDRESS_ENDED)
    assert judge(snapshot, REGISTERED, at=NOON) == Allow(Because.REGISTERED)


def test_q30_a_partys_address_that_ended_is_told_to_who_ticked_it() -> None:
    ended = PartyAddressRegistered(address=party_address("198.100.50.1", until=NOON))
    there = IPv4Address("198.100.50.1")
    assert judge(after(_with_party(VOORBEELD), ended), there, at=NOON - SECOND) == Allow(Because.PARTY_SELECTED)
    assert judge(after(_with_party(VOORBEELD), ended), there) == Deny(Reason.ADDRESS_ENDED)
    assert judge(after(_with_party(), ended), there) == Deny(Reason.ADDRESS_UNKNOWN)


@pytest.mark.parametrize("at", [NOON - SECOND, NOON + timedelta(days=61)])
def test_inc_a_certificate_that_nobody_collected_is_refused(at: datetime) -> None:
    snapshot = book(system_certificate(collected_at=None, not_before=NOON - timedelta(days=1)))
    assert judge(snapshot, at=at) == Deny(Reason.CERTIFICATE_UNCOLLECTED)
    collected = after(snapshot, CertificateCollected(fingerprint=print_of(1), at=NOON - SECOND))
    assert judge(collected, at=at) == Allow(Because.REGISTERED)


def test_inc_a_certificate_counts_in_its_own_environment_only() -> None:
    def called(environment: Environment | None) -> Decision:
        return decide(book(), fingerprint=print_of(1), address=REGISTERED, at=NOON, environment=environment)

    assert called(Environment.TEST) == called(None) == Allow(Because.REGISTERED)
    assert called(Environment.PRODUCTION) == Deny(Reason.CERTIFICATE_OTHER_ENVIRONMENT)


def test_inc_a_blocked_certificate_passes_from_nowhere_until_that_is_lifted() -> None:
    blocked = after(book(), Blocked(block=Block(user_number=SYSTEM, at=NOON)))
    assert judge(blocked) == judge(blocked, UNREGISTERED) == Deny(Reason.BLOCKED)
    assert judge(after(blocked, BlockLifted(user_number=SYSTEM, at=NOON))) == Allow(Because.REGISTERED)
    other = after(book(), Blocked(block=Block(user_number=SYSTEM_ELDERS, at=NOON)))
    assert judge(other) == Allow(Because.REGISTERED)


def test_a_block_is_not_softened_by_what_softens_the_rule_of_addresses() -> None:
    snapshot = book(enforced_from=NOON + SECOND)
    assert judge(after(snapshot, DEFERRED, Blocked(block=Block(user_number=SYSTEM, at=NOON)))) == Deny(Reason.BLOCKED)


DEFERRED = CheckDeferred(deferral=Deferral(user_number=SYSTEM, until=NOON + SECOND, by=PERSON, at=NOON))


def test_q20_while_the_check_is_deferred_an_unregistered_address_passes_and_is_noted() -> None:
    snapshot = after(book(), DEFERRED)
    noted = Allow(Because.DEFERRED, otherwise=Deny(Reason.ADDRESS_UNKNOWN))
    assert judge(snapshot, UNREGISTERED) == noted
    assert judge(snapshot, UNREGISTERED, at=NOON + SECOND) == Deny(Reason.ADDRESS_UNKNOWN)
    assert judge(snapshot, REGISTERED) == Allow(Because.REGISTERED)
    ended = after(snapshot, DeferralEnded(user_number=SYSTEM, by=PERSON, at=NOON))
    assert judge(ended, UNREGISTERED) == Deny(Reason.ADDRESS_UNKNOWN)


def test_q20_a_deferral_is_of_one_user_number() -> None:
    other = Deferral(user_number=SYSTEM_ELDERS, until=NOON + SECOND, by=PERSON, at=NOON)
    assert judge(after(book(), CheckDeferred(deferral=other)), UNREGISTERED) == Deny(Reason.ADDRESS_UNKNOWN)


def test_inc_a_certificate_may_use_the_services_that_it_is_authorised_for() -> None:
    def called(snapshot: Snapshot, service: Service | None, address: IPv4Address = REGISTERED) -> Decision:
        return decide(snapshot, fingerprint=print_of(1), address=address, at=NOON, service=service)

    may = Authorisation(user_number=SYSTEM, service=Service.COV, at=NOON)
    snapshot = after(book(), ServiceAuthorised(authorisation=may))
    assert called(snapshot, Service.COV) == called(snapshot, None) == Allow(Because.REGISTERED)
    assert called(snapshot, Service.CLAIMS) == Deny(Reason.SERVICE_NOT_AUTHORISED)
    assert called(snapshot, Service.CLAIMS, UNREGISTERED) == Deny(Reason.ADDRESS_UNKNOWN)
    taken = after(snapshot, AuthorisationWithdrawn(user_number=SYSTEM, service=Service.COV, at=NOON))
    assert called(taken, Service.COV) == Deny(Reason.SERVICE_NOT_AUTHORISED)


def test_neither_the_window_nor_a_deferral_softens_the_rule_of_services() -> None:
    for snapshot in (book(enforced_from=NOON + SECOND), after(book(), DEFERRED)):
        asked = decide(snapshot, fingerprint=print_of(1), address=UNREGISTERED, at=NOON, service=Service.COV)
        assert asked == Deny(Reason.SERVICE_NOT_AUTHORISED)


CONSENT = Consent(provider=VOORBEELD, party=PARTY, service=Service.COV, by=PERSON, at=NOON)
VOORBEELDS_CODE, ELDERS_CODE = AgbCode("99000001"), AgbCode("99000002")


def _consented() -> Snapshot:
    parties = (organisation(), organisation(ELDERS, ELDERS_CODE), software_party())
    return Snapshot.of((), {}, organisations=parties, consents=[CONSENT])


def test_q25_a_party_acts_for_who_gave_consent_for_that_very_service() -> None:
    def acts(named: AgbCode | None, service: Service = Service.COV) -> Acting:
        return acting(_consented(), caller=PARTY, named=named, service=service)

    assert acts(VOORBEELDS_CODE) is Acting.UNDER_CONSENT
    assert acts(VOORBEELDS_CODE, Service.CLAIMS) is Acting.CONSENT_MISSING
    assert acts(ELDERS_CODE) is Acting.CONSENT_MISSING
    assert acts(AgbCode("99999999")) is Acting.CONSENT_MISSING
    assert acts(None) is Acting.PROVIDER_NOT_NAMED


def test_q31_a_consent_that_was_withdrawn_counts_no_longer() -> None:
    withdrawn = ConsentWithdrawn(provider=VOORBEELD, party=PARTY, service=Service.COV, by=PERSON, at=NOON)
    snapshot = after(_consented(), withdrawn)
    asked = acting(snapshot, caller=PARTY, named=VOORBEELDS_CODE, service=Service.COV)
    assert asked is Acting.CONSENT_MISSING
    again = acting(
        after(snapshot, ConsentGiven(consent=CONSENT)), caller=PARTY, named=VOORBEELDS_CODE, service=Service.COV
    )
    assert again is Acting.UNDER_CONSENT


def test_a_care_provider_acts_for_itself_and_names_nobody() -> None:
    asked = [acting(_consented(), caller=VOORBEELD, named=named, service=Service.COV) for named in (None, ELDERS_CODE)]
    assert asked == [Acting.FOR_ITSELF, Acting.PROVIDER_NAMED_NEEDLESSLY]
