"""A snapshot never changes; a change gives another that shares what did not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from relay.registry.domain.events import (
    AddressRegistered,
    AddressRemoved,
    CertificateAdded,
    CertificateRevoked,
    OrganisationAdded,
    PartyAddressRegistered,
    PartyAddressRemoved,
    PartyDeselected,
    PartySelected,
)
from relay.registry.domain.identifiers import OrganisationId
from relay.registry.domain.ranges import NONE
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
    print_of,
    registered,
    registration,
    selection,
    software_party,
    system_certificate,
)

AT_OFFICE, AT_HOME = registration("198.100.20.7"), registration("198.100.30.0/30")
OFFICE, HOME = AT_OFFICE.range, AT_HOME.range
ELSEWHERE = registration("198.100.30.0/30", SYSTEM_ELDERS)
EMPTY = Snapshot.of((), {})
KNOWN = Snapshot.of([system_certificate()], registered(AT_OFFICE, ELSEWHERE), version=7, enforced_from=NOON)


def test_a_registered_address_is_in_the_next_snapshot_only() -> None:
    later = KNOWN.with_change(AddressRegistered(registration=AT_HOME), version=8)
    assert (later.version, tuple(later.ranges_of(SYSTEM))) == (8, (OFFICE, HOME))
    assert (KNOWN.version, tuple(KNOWN.ranges_of(SYSTEM))) == (7, (OFFICE,))


def test_q15_several_addresses_of_one_certificate_live_side_by_side() -> None:
    assert tuple(Snapshot.of((), registered(AT_HOME, AT_OFFICE)).ranges_of(SYSTEM)) == (OFFICE, HOME)


def test_registering_twice_keeps_one() -> None:
    event = AddressRegistered(registration=AT_OFFICE)
    assert KNOWN.with_change(event, version=8).ranges_of(SYSTEM) is KNOWN.ranges_of(SYSTEM)


def test_a_removed_address_is_gone_from_the_next_snapshot() -> None:
    later = KNOWN.with_change(AddressRemoved(user_number=SYSTEM, range=OFFICE, by=PERSON, at=NOON), version=8)
    assert not later.ranges_of(SYSTEM)
    assert tuple(KNOWN.ranges_of(SYSTEM)) == (OFFICE,)


def test_an_added_certificate_is_found_by_its_fingerprint() -> None:
    later = EMPTY.with_change(CertificateAdded(certificate=system_certificate(mark=2)), version=1)
    assert dict(later.certificates) == {print_of(2): system_certificate(mark=2)}
    assert not EMPTY.certificates


def test_certificates_are_found_by_their_organisation_and_by_their_number() -> None:
    first, renewed, other = system_certificate(), system_certificate(mark=2), system_certificate(SYSTEM_ELDERS, mark=3)
    known = Snapshot.of([first], {})
    for version, each in enumerate((renewed, other), 1):
        known = known.with_change(CertificateAdded(certificate=each), version=version)
    known = known.with_change(CertificateRevoked(fingerprint=print_of(1), at=NOON), version=3)
    assert known == Snapshot.of([replace(first, revoked_at=NOON), renewed, other], {}, version=3)
    assert [each.fingerprint for each in known.numbered_as(SYSTEM)] == [print_of(1), print_of(2)]
    assert [each.fingerprint for each in known.held_by(first.organisation)] == [print_of(1), print_of(2), print_of(3)]
    assert [each.revoked_at for each in known.numbered_as(SYSTEM)] == [NOON, None]
    assert not list(known.held_by(OrganisationId("praktijk-onbekend")))


def test_a_revocation_marks_that_certificate_with_its_moment() -> None:
    event = CertificateRevoked(fingerprint=print_of(1), at=NOON)
    assert KNOWN.with_change(event, version=8).certificates[print_of(1)].revoked_at == NOON
    assert KNOWN.certificates[print_of(1)].revoked_at is None


def test_parties_and_who_ticked_them_follow_each_change() -> None:
    known = EMPTY.with_change(PartyAddressRegistered(address=party_address("198.100.40.1")), version=1)
    known = known.with_change(PartySelected(selection=selection()), version=2)
    customers, selected = {PARTY: known.customers_of(PARTY)}, {VOORBEELD: (PARTY,)}
    assert known == Snapshot.of((), {}, customers=customers, selected=selected, version=2)
    range_ = party_address("198.100.40.1").range
    gone = known.with_change(PartyAddressRemoved(party=PARTY, range=range_, by=PERSON, at=NOON), version=3)
    gone = gone.with_change(PartyDeselected(provider=VOORBEELD, party=PARTY, by=PERSON, at=NOON), version=4)
    assert gone == Snapshot.of((), {}, version=4)
    assert gone.with_change(PartyDeselected(provider=ELDERS, party=PARTY, by=PERSON, at=NOON), version=4) == gone


def test_a_change_shares_all_that_it_does_not_touch() -> None:
    later = KNOWN.with_change(AddressRemoved(user_number=SYSTEM, range=OFFICE, by=PERSON, at=NOON), version=8)
    assert later.certificates is KNOWN.certificates
    assert later.ranges_of(SYSTEM_ELDERS) is KNOWN.ranges_of(SYSTEM_ELDERS)
    assert later.enforced_from == KNOWN.enforced_from


def test_what_is_no_matter_of_the_gate_changes_the_version_alone() -> None:
    later = KNOWN.with_change(OrganisationAdded(organisation=organisation()), version=8)
    assert (later.version, later.certificates, later.ranges) == (8, KNOWN.certificates, KNOWN.ranges)


@pytest.mark.parametrize(
    "snapshot",
    [
        KNOWN,
        KNOWN.with_change(AddressRegistered(registration=AT_HOME), version=8),
        KNOWN.with_change(CertificateAdded(certificate=system_certificate(mark=2)), version=8),
    ],
)
def test_nobody_can_write_into_a_snapshot(snapshot: Snapshot) -> None:
    with pytest.raises(TypeError):
        snapshot.certificates[print_of(3)] = system_certificate()  # type: ignore[index]  # the claim itself
    with pytest.raises(TypeError):
        snapshot.ranges[SYSTEM] = NONE  # type: ignore[index]  # the claim itself


def test_the_repr_tells_the_version_and_the_counts() -> None:
    assert repr(EMPTY) == "<Snapshot 0: 0 certificates, 0 ranges>"
    assert repr(KNOWN) == "<Snapshot 7: 1 certificates, 2 ranges, enforced from 2026-03-15T12:00:00+00:00>"


def test_the_date_of_enforcement_stays_with_every_change() -> None:
    later = KNOWN.with_change(CertificateRevoked(fingerprint=print_of(1), at=NOON + timedelta(days=1)), version=8)
    assert later.enforced_from == NOON


def test_care_providers_are_found_by_their_agb_code() -> None:
    known = EMPTY.with_change(OrganisationAdded(organisation=organisation()), version=1)
    known = known.with_change(OrganisationAdded(organisation=software_party()), version=2)
    assert known == Snapshot.of((), {}, organisations=[organisation(), software_party()], version=2)
    assert dict(known.providers) == {organisation().agb_code: VOORBEELD}
    assert set(known.organisations) == {VOORBEELD, PARTY}
