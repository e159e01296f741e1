"""The two kinds of certificate in the book, and the state that one is in at a moment.

A user number outlives its certificates: a renewed one has a new fingerprint under the same number. That addresses are
kept under the number, and so carry over to the renewed certificate, is our guess; VECOZO does not say.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from relay.registry.domain.identifiers import (
    Fingerprint,
    Malformed,
    OrganisationId,
    UserNumber,
    fingerprint,
    organisation_id,
    user_number,
)

COLLECTED_WITHIN: Final = timedelta(days=60)
"""A certificate that nobody collects by then is withdrawn."""


class Environment(StrEnum):
    """Where a system certificate is good for. Test and acceptance take the same one; production takes another."""

    PRODUCTION = "production"
    TEST = "test"


class State(StrEnum):
    """Whether a certificate counts at a moment."""

    VALID = "valid"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNCOLLECTED = "uncollected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemCertificate:
    """An organisation's machine certificate: calls services, is checked by address, cannot log in."""

    user_number: UserNumber
    fingerprint: Fingerprint
    organisation: OrganisationId
    environment: Environment
    not_before: datetime
    not_after: datetime
    collected_at: datetime | None = None
    revoked_at: datetime | None = None

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalCertificate:
    """A person's certificate: logs in to the registry, is never checked by address, cannot call services (Q5)."""

    user_number: UserNumber
    fingerprint: Fingerprint
    organisation: OrganisationId
    not_before: datetime
    not_after: datetime
    collected_at: datetime | None = None
    revoked_at: datetime | None = None

    def __post_init__(self) -> None:
        _check(self)


Certificate = SystemCertificate | PersonalCertificate


def state(certificate: Certificate, *, at: datetime) -> State:
    """Return what the certificate is worth at `at`. Both ends of its validity belong to it (RFC 5280, 4.1.2.5).

    It is issued when its validity begins; one that was not collected counts for nothing yet.
    """
    if certificate.revoked_at is not None and at >= certificate.revoked_at:
        return State.REVOKED
    if certificate.collected_at is None or at < certificate.collected_at:
        return State.WITHDRAWN if at > certificate.not_before + COLLECTED_WITHIN else State.UNCOLLECTED
    if at < certificate.not_before:
        return State.NOT_YET_VALID
    if at > certificate.not_after:
        return State.EXPIRED
    return State.VALID


def _check(certificate: Certificate) -> None:
    user_number(certificate.user_number)
    fingerprint(certificate.fingerprint)
    organisation_id(certificate.organisation)
    moments = (certificate.not_before, certificate.not_after, certificate.collected_at, certificate.revoked_at)
    if any(moment is not None and moment.utcoffset() is None for moment in moments):
        raise Malformed("a certificate's moments carry their time zone")
    if certificate.not_before > certificate.not_after:
        raise Malformed("a certificate cannot end before it begins")
