"""What Support can do, and nobody else."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from relay.registry.domain.errors import (
    AuthorisationNotFound,
    BlockNotFound,
    CertificateNotFound,
    DeferralNotFound,
    DeferralRefused,
    RoleRefused,
)
from relay.registry.domain.mandates import Service
from relay.registry.domain.rules import Allow, Because, Decision, Deny, Reason, decide
from relay.registry.ports import Store
from relay.registry.service import Registry
from relay.registry.storage.sqlite import opened
from tests.kit.registry import (
    PARTY,
    PERSON_PARTY,
    PERSON_SUPPORT,
    SUPPORT,
    SYSTEM,
    VOORBEELD,
    contact_person,
    organisation,
    print_of,
    software_party,
    support,
    system_certificate,
)

TUESDAY = datetime(2026, 3, 17, 12, tzinfo=UTC)
ANNA, SAM, MANAGER = contact_person(), contact_person(PERSON_SUPPORT, SUPPORT), contact_person(PERSON_PARTY, PARTY)
TOMORROW = TUESDAY + timedelta(days=1)
HERE = IPv4Address("198.100.20.7")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path / "book.sqlite") as store:
        yield store


@pytest.fixture
def service(store: Store) -> Registry:
    service = Registry(store, lambda: TUESDAY)
    for each in (organisation(), software_party(), support()):
        service.add_organisation(each)
    for person in (ANNA, SAM, MANAGER):
        service.add_contact_person(person)
    service.add_certificate(system_certificate())
    service.register(ANNA, SYSTEM, str(HERE))
    return service


def gate(service: Registry, address: IPv4Address = HERE, asked: Service | None = None) -> Decision:
    return decide(service.snapshot, fingerprint=print_of(1), address=address, at=TUESDAY, service=asked)


def test_inc_support_blocks_and_lifts_the_block(service: Registry) -> None:
    assert service.support.block(SAM, SYSTEM)
    assert not service.support.block(SAM, SYSTEM)
    assert gate(service) == Deny(Reason.BLOCKED)
    assert service.certificates(ANNA)[0].blocked
    service.support.lift_block(SAM, SYSTEM)
    assert gate(service) == Allow(Because.REGISTERED)
    with pytest.raises(BlockNotFound):
        service.support.lift_block(SAM, SYSTEM)


def test_the_gate_itself_blocks_too_and_only_support_lifts_it(service: Registry) -> None:
    assert service.block(SYSTEM)
    assert gate(service) == Deny(Reason.BLOCKED)
    service.support.lift_block(SAM, SYSTEM)
    assert gate(service) == Allow(Because.REGISTERED)


def test_q20_support_defers_the_check_on_request(service: Registry) -> None:
    elsewhere = IPv4Address("198.100.20.99")
    made = service.support.defer(SAM, SYSTEM, TOMORROW)
    assert (made.until, made.by) == (TOMORROW, PERSON_SUPPORT)
    assert service.certificates(ANNA)[0].deferred_until == TOMORROW
    assert gate(service, elsewhere) == Allow(Because.DEFERRED, otherwise=Deny(Reason.ADDRESS_UNKNOWN))
    assert service.support.defer(SAM, SYSTEM, TOMORROW + timedelta(days=1)).until == TOMORROW + timedelta(days=1)
    service.support.end_deferral(SAM, SYSTEM)
    assert gate(service, elsewhere) == Deny(Reason.ADDRESS_UNKNOWN)
    with pytest.raises(DeferralNotFound):
        service.support.end_deferral(SAM, SYSTEM)


def test_q20_support_defers_nothing_at_night(service: Registry, store: Store) -> None:
    night = Registry(store, lambda: TUESDAY + timedelta(hours=12))
    with pytest.raises(DeferralRefused):
        night.support.defer(SAM, SYSTEM, TOMORROW)
    assert night.register(ANNA, SYSTEM, "198.100.20.99").fresh  # registering can be done day and night


def test_inc_support_authorises_for_a_service_and_withdraws_it(service: Registry) -> None:
    assert gate(service, asked=Service.COV) == Deny(Reason.SERVICE_NOT_AUTHORISED)
    assert service.support.authorise(SAM, SYSTEM, Service.COV)
    assert not service.support.authorise(SAM, SYSTEM, Service.COV)
    assert gate(service, asked=Service.COV) == Allow(Because.REGISTERED)
    assert service.certificates(ANNA)[0].services == {Service.COV}
    service.support.withdraw_authorisation(SAM, SYSTEM, Service.COV)
    with pytest.raises(AuthorisationNotFound):
        service.support.withdraw_authorisation(SAM, SYSTEM, Service.COV)


def test_support_revokes_a_certificate(service: Registry) -> None:
    assert [each.id for each in service.support.organisations(SAM)] == [VOORBEELD, PARTY, SUPPORT]
    assert service.support.revoke(SAM, print_of(1))
    assert gate(service) == Deny(Reason.CERTIFICATE_REVOKED)
    with pytest.raises(CertificateNotFound):
        service.support.revoke(SAM, print_of(9))
    with pytest.raises(CertificateNotFound):
        service.support.block(SAM, "20009999000009")


@pytest.mark.parametrize("person", [ANNA, MANAGER])
@pytest.mark.parametrize(
    "call",
    [
        lambda it, who: it.organisations(who),
        lambda it, who: it.block(who, SYSTEM),
        lambda it, who: it.lift_block(who, SYSTEM),
        lambda it, who: it.defer(who, SYSTEM, TOMORROW),
        lambda it, who: it.end_deferral(who, SYSTEM),
        lambda it, who: it.authorise(who, SYSTEM, Service.COV),
        lambda it, who: it.withdraw_authorisation(who, SYSTEM, Service.COV),
        lambda it, who: it.revoke(who, print_of(1)),
    ],
)
def test_nobody_else_can(service: Registry, person: object, call: Callable[..., object]) -> None:
    before = service.snapshot
    with pytest.raises(RoleRefused):
        call(service.support, person)
    assert service.snapshot is before
