"""What a certificate may do where, and for whom: authorisations, consents, blocks and deferrals."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from relay.registry.domain.errors import DeferralRefused
from relay.registry.domain.identifiers import OrganisationId, UserNumber
from relay.tenant.hours import Hours

DEFERRED_AT_MOST: Final = timedelta(days=14)
"""How long the check of addresses can be put off at a time. A guess: VECOZO does not say (Q20)."""


class Service(StrEnum):
    """What a certificate can be authorised for, and a consent be given for."""

    COV = "cov"
    CLAIMS = "claims"
    MESSAGES = "messages"
    IWLZ = "iwlz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """That the certificates under a user number may use a service. `by` is Support's number, or whoever set it up."""

    user_number: UserNumber
    service: Service
    at: datetime
    by: UserNumber | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """That a software party may act for a care provider on a service, with its own certificate (Q25, Q31)."""

    provider: OrganisationId
    party: OrganisationId
    service: Service
    by: UserNumber
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """That the certificates under a user number are let through nowhere, until Support lifts it."""

    user_number: UserNumber
    at: datetime
    by: UserNumber | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferral:
    """That the addresses of a user number's certificates are not checked before `until` (Q20)."""

    user_number: UserNumber
    until: datetime
    by: UserNumber
    at: datetime


def check_deferral(deferral: Deferral, *, office: Hours) -> None:
    """Raise `DeferralRefused` out of Support's office hours, or for an end that has been or is too far off."""
    if not office.include(deferral.at):
        raise DeferralRefused("Support defers the check in its office hours only; registering can be done at any time")
    if deferral.until.utcoffset() is None:
        raise DeferralRefused("the end of a deferral carries its time zone, as in 2026-12-31T18:00:00+01:00")
    if not deferral.at < deferral.until <= deferral.at + DEFERRED_AT_MOST:
        raise DeferralRefused(f"a deferral ends within {DEFERRED_AT_MOST.days} days, and not before it begins")
