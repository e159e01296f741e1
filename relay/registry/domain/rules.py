"""The gate's decision: may this certificate call from this address now, and if not, what was the nearest miss."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from relay.registry.domain.addresses import IPAddress, unwrap
from relay.registry.domain.certificates import PersonalCertificate, State, state
from relay.registry.domain.identifiers import Fingerprint
from relay.registry.domain.snapshot import Snapshot


class Because(StrEnum):
    """Why a call passes."""

    REGISTERED = "registered"
    PARTY_SELECTED = "party_selected"
    BEFORE_ENFORCEMENT = "before_enforcement"


class Reason(StrEnum):
    """Why a call is refused: the last rule that it failed, so the one to mend first."""

    CERTIFICATE_UNKNOWN = "certificate_unknown"
    CERTIFICATE_PERSONAL = "certificate_personal"
    CERTIFICATE_REVOKED = "certificate_revoked"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    ADDRESS_UNKNOWN = "address_unknown"
    PARTY_NOT_SELECTED = "party_not_selected"


@dataclass(frozen=True, slots=True)
class Deny:
    """The call is refused."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Allow:
    """The call passes. Before enforcement, `otherwise` is what it will be from that date on: to be noted."""

    because: Because
    otherwise: Deny | None = None


Decision = Allow | Deny

_REFUSED: Final[Mapping[State, Reason]] = MappingProxyType(
    {
        State.REVOKED: Reason.CERTIFICATE_REVOKED,
        State.EXPIRED: Reason.CERTIFICATE_EXPIRED,
        State.NOT_YET_VALID: Reason.CERTIFICATE_NOT_YET_VALID,
    }
)


def _nearest(snapshot: Snapshot, caller: IPAddress) -> Reason:
    """Return what is wrong with an address that does not count: nobody's, or a party's that was not ticked (Q26)."""
    if any(caller in ranges for ranges in snapshot.customers.values()):
        return Reason.PARTY_NOT_SELECTED
    return Reason.ADDRESS_UNKNOWN


def decide(snapshot: Snapshot, *, fingerprint: str, address: IPAddress, at: datetime) -> Decision:
    """Decide on one call: certificate first, address last; an IPv6 caller never is at a registered address.

    The addresses of the software parties that its organisation ticked count as its own (Q26, Q30).

    `fingerprint` is the SHA-256 of the certificate's DER in lower-case hex, `address` the peer as the socket shows it.
    The date of enforcement softens the rule of addresses only (Q3, Q4); what is wrong with a certificate always counts.
    """
    certificate = snapshot.certificates.get(Fingerprint(fingerprint))
    if certificate is None:
        return Deny(Reason.CERTIFICATE_UNKNOWN)
    if isinstance(certificate, PersonalCertificate):
        return Deny(Reason.CERTIFICATE_PERSONAL)
    worth = state(certificate, at=at)
    if worth is not State.VALID:
        return Deny(_REFUSED[worth])
    caller = unwrap(address)
    if caller in snapshot.ranges_of(certificate.user_number):
        return Allow(Because.REGISTERED)
    if any(caller in snapshot.customers_of(party) for party in snapshot.selected_by(certificate.organisation)):
        return Allow(Because.PARTY_SELECTED)
    denied = Deny(_nearest(snapshot, caller))
    if snapshot.enforced_from is not None and at < snapshot.enforced_from:
        return Allow(Because.BEFORE_ENFORCEMENT, otherwise=denied)
    return denied
