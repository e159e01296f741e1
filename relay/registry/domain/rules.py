"""The gate's decision: may this certificate call from this address now, and if not, what was the nearest miss."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from relay.registry.domain.addresses import IPAddress, unwrap
from relay.registry.domain.certificates import Environment, PersonalCertificate, State, SystemCertificate, state
from relay.registry.domain.identifiers import AgbCode, Fingerprint, OrganisationId
from relay.registry.domain.mandates import Service
from relay.registry.domain.parties import Role
from relay.registry.domain.snapshot import Snapshot


class Because(StrEnum):
    """Why a call passes."""

    REGISTERED = "registered"
    PARTY_SELECTED = "party_selected"
    DEFERRED = "deferred"
    BEFORE_ENFORCEMENT = "before_enforcement"


class Reason(StrEnum):
    """Why a call is refused: the last rule that it failed, so the one to mend first."""

    CERTIFICATE_UNKNOWN = "certificate_unknown"
    CERTIFICATE_PERSONAL = "certificate_personal"
    CERTIFICATE_REVOKED = "certificate_revoked"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_UNCOLLECTED = "certificate_uncollected"
    CERTIFICATE_OTHER_ENVIRONMENT = "certificate_other_environment"
    BLOCKED = "blocked"
    ADDRESS_UNKNOWN = "address_unknown"
    ADDRESS_ENDED = "address_ended"
    PARTY_NOT_SELECTED = "party_not_selected"
    SERVICE_NOT_AUTHORISED = "service_not_authorised"


class Acting(StrEnum):
    """For whom a call is made, or why it cannot be made for that care provider."""

    FOR_ITSELF = "for_itself"
    UNDER_CONSENT = "under_consent"
    PROVIDER_NOT_NAMED = "provider_not_named"
    PROVIDER_NAMED_NEEDLESSLY = "provider_named_needlessly"
    CONSENT_MISSING = "consent_missing"


@dataclass(frozen=True, slots=True)
class Deny:
    """The call is refused."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Allow:
    """The call passes. Before enforcement, or while the check is deferred, `otherwise` is what is to be noted."""

    because: Because
    otherwise: Deny | None = None


Decision = Allow | Deny

_REFUSED: Final[Mapping[State, Reason]] = MappingProxyType(
    {
        State.REVOKED: Reason.CERTIFICATE_REVOKED,
        State.EXPIRED: Reason.CERTIFICATE_EXPIRED,
        State.NOT_YET_VALID: Reason.CERTIFICATE_NOT_YET_VALID,
        State.UNCOLLECTED: Reason.CERTIFICATE_UNCOLLECTED,
        State.WITHDRAWN: Reason.CERTIFICATE_UNCOLLECTED,
    }
)


def decide(
    snapshot: Snapshot,
    *,
    fingerprint: str,
    address: IPAddress,
    at: datetime,
    environment: Environment | None = None,
    service: Service | None = None,
) -> Decision:
    """Decide on one call: certificate first, then its address, its right to the service last.

    `fingerprint` is the SHA-256 of the certificate's DER in lower-case hex, `address` the peer as the socket shows it:
    an IPv6 caller never is at a registered address. `environment` and `service` are those that are called, where the
    gate tells them apart. The addresses of the software parties that its organisation ticked count as its own (Q26,
    Q30). The date of enforcement and a deferral soften the rule of addresses only (Q3, Q4, Q20).
    """
    certificate = snapshot.certificates.get(Fingerprint(fingerprint))
    if certificate is None:
        return Deny(Reason.CERTIFICATE_UNKNOWN)
    if isinstance(certificate, PersonalCertificate):
        return Deny(Reason.CERTIFICATE_PERSONAL)
    worth = state(certificate, at=at)
    if worth is not State.VALID:
        return Deny(_REFUSED[worth])
    if environment is not None and certificate.environment is not environment:
        return Deny(Reason.CERTIFICATE_OTHER_ENVIRONMENT)
    if certificate.user_number in snapshot.blocked:
        return Deny(Reason.BLOCKED)
    there = _by_address(snapshot, certificate, unwrap(address), at)
    if (
        isinstance(there, Allow)
        and service is not None
        and service not in snapshot.services_of(certificate.user_number)
    ):
        return Deny(Reason.SERVICE_NOT_AUTHORISED)
    return there


def acting(snapshot: Snapshot, *, caller: OrganisationId, named: AgbCode | None, service: Service) -> Acting:
    """Return for whom a call on a service is made, by the care provider that its message names.

    A software party names whom it acts for, who gave it consent for the service; a care provider acts for itself, and
    names nobody (Q25, Q31). This is the service's functional refusal, never the gate's.
    """
    organisation = snapshot.organisations.get(caller)
    if organisation is None or organisation.role is Role.CARE_PROVIDER:
        return Acting.FOR_ITSELF if named is None else Acting.PROVIDER_NAMED_NEEDLESSLY
    if named is None:
        return Acting.PROVIDER_NOT_NAMED
    provider = snapshot.providers.get(named)
    if provider is None or service not in snapshot.consents_of(provider, caller):
        return Acting.CONSENT_MISSING
    return Acting.UNDER_CONSENT


def _by_address(snapshot: Snapshot, certificate: SystemCertificate, caller: IPAddress, at: datetime) -> Decision:
    number = certificate.user_number
    if snapshot.ranges_of(number).have(caller, at=at):
        return Allow(Because.REGISTERED)
    ticked = snapshot.selected_by(certificate.organisation)
    if any(snapshot.customers_of(party).have(caller, at=at) for party in ticked):
        return Allow(Because.PARTY_SELECTED)
    denied = Deny(_nearest(snapshot, certificate, caller, at))
    if snapshot.enforced_from is not None and at < snapshot.enforced_from:
        return Allow(Because.BEFORE_ENFORCEMENT, otherwise=denied)
    deferral = snapshot.deferred.get(number)
    if deferral is not None and at < deferral.until:
        return Allow(Because.DEFERRED, otherwise=denied)
    return denied


def _nearest(snapshot: Snapshot, certificate: SystemCertificate, caller: IPAddress, at: datetime) -> Reason:
    """Return what is wrong with an address that does not count.

    It ended; or it is of a party that was not ticked (Q26); or it is nobody's.
    """
    ticked = snapshot.selected_by(certificate.organisation)
    own = (snapshot.ranges_of(certificate.user_number), *map(snapshot.customers_of, ticked))
    if any(ranges.had(caller, at=at) for ranges in own):
        return Reason.ADDRESS_ENDED
    if any(ranges.have(caller, at=at) for ranges in snapshot.customers.values()):
        return Reason.PARTY_NOT_SELECTED
    return Reason.ADDRESS_UNKNOWN
