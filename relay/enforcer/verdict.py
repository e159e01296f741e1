"""The gate's verdict on a caller: a value with the nearest miss, reached from certificate, address, book and time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from relay.enforcer.places import NOWHERE, Place
from relay.enforcer.trust import Trust
from relay.registry.domain import rules
from relay.registry.domain.addresses import IPAddress
from relay.registry.domain.identifiers import Fingerprint, OrganisationId
from relay.registry.domain.snapshot import Snapshot
from relay.x509 import verify
from relay.x509.identity import Identity, Kind


class Refusal(StrEnum):
    """Why a caller does not pass: for the audit line, the metric and the mail, never for the caller."""

    CERTIFICATE_MISSING = "certificate_missing"
    CERTIFICATE_UNREADABLE = "certificate_unreadable"
    CERTIFICATE_FOREIGN = "certificate_foreign"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_WRONG_PURPOSE = "certificate_wrong_purpose"
    CERTIFICATE_PERSONAL = "certificate_personal"
    CERTIFICATE_UNKNOWN = "certificate_unknown"
    CERTIFICATE_REVOKED = "certificate_revoked"
    CERTIFICATE_UNCOLLECTED = "certificate_uncollected"
    CERTIFICATE_OTHER_ENVIRONMENT = "certificate_other_environment"
    BLOCKED = "blocked"
    ADDRESS_UNKNOWN = "address_unknown"
    ADDRESS_ENDED = "address_ended"
    PARTY_NOT_SELECTED = "party_not_selected"
    SERVICE_NOT_AUTHORISED = "service_not_authorised"


@dataclass(frozen=True, slots=True)
class Admitted:
    """The call passes. Before enforcement, or while the check is deferred, `otherwise` is what is to be noted."""

    because: rules.Because
    otherwise: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The call does not pass."""

    refusal: Refusal


Verdict = Admitted | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One caller before the gate: who, from where, when, and what became of it.

    `identity` is what the certificate claims; it proves nothing where the verdict is a refusal. `holder` is whose the
    certificate is by the book, where the book knows it.
    """

    at: datetime
    address: IPAddress
    identity: Identity | None
    verdict: Verdict
    holder: OrganisationId | None = None


_UNFIT: Final[Mapping[verify.Reason, Refusal]] = MappingProxyType(
    {
        verify.Reason.MISSING: Refusal.CERTIFICATE_MISSING,
        verify.Reason.UNREADABLE: Refusal.CERTIFICATE_UNREADABLE,
        verify.Reason.FOREIGN: Refusal.CERTIFICATE_FOREIGN,
        verify.Reason.NOT_YET_VALID: Refusal.CERTIFICATE_NOT_YET_VALID,
        verify.Reason.EXPIRED: Refusal.CERTIFICATE_EXPIRED,
        verify.Reason.WRONG_PURPOSE: Refusal.CERTIFICATE_WRONG_PURPOSE,
        verify.Reason.REVOKED: Refusal.CERTIFICATE_REVOKED,
    }
)
# Whatever the book refuses has the same name here.
_DENIED: Final[Mapping[rules.Reason, Refusal]] = MappingProxyType({reason: Refusal(reason) for reason in rules.Reason})


def judge(
    certificate: bytes | None,
    address: IPAddress,
    *,
    trust: Trust,
    snapshot: Snapshot,
    at: datetime,
    place: Place = NOWHERE,
) -> Passage:
    """Judge one call: the certificate by itself, then the kind of its holder, then the book.

    `certificate` is the DER as TLS received it, or None; `address` the peer of the connection; `place` where the call
    goes, as far as that is told.
    """
    verdict: Verdict
    match trust.identify(certificate, at=at):
        case verify.Unfit(reason=reason, identity=identity):
            verdict = Refused(_UNFIT[reason])
        case Identity(kind=Kind.PERSONAL) as identity:
            verdict = Refused(Refusal.CERTIFICATE_PERSONAL)
        case identity:
            verdict = _by_the_book(snapshot, identity, address, at, place)
    known = None if identity is None else snapshot.certificates.get(Fingerprint(identity.fingerprint))
    holder = None if known is None else known.organisation
    return Passage(at=at, address=address, identity=identity, verdict=verdict, holder=holder)


def _by_the_book(snapshot: Snapshot, identity: Identity, address: IPAddress, at: datetime, place: Place) -> Verdict:
    decision = rules.decide(
        snapshot,
        fingerprint=identity.fingerprint,
        address=address,
        at=at,
        environment=place.environment,
        service=place.service,
    )
    match decision:
        case rules.Allow(because=because, otherwise=otherwise):
            return Admitted(because, None if otherwise is None else _DENIED[otherwise.reason])
        case rules.Deny(reason=reason):
            return Refused(_DENIED[reason])
