"""A registered address or range: for which certificate, by whom, since when, until when."""

from dataclasses import dataclass
from datetime import datetime

from relay.registry.domain.addresses import AddressRange
from relay.registry.domain.errors import EndRefused
from relay.registry.domain.identifiers import UserNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Addresses from which the certificates under `user_number` may call; `by` is the contact person's number.

    They count before `until`, where that is given: a temporary place takes itself away again (Q16, Q22).
    """

    user_number: UserNumber
    range: AddressRange
    by: UserNumber
    at: datetime
    until: datetime | None = None


def check_end(until: datetime | None, *, at: datetime) -> None:
    """Raise `EndRefused` for an end that has no time zone or has been."""
    if until is None:
        return
    if until.utcoffset() is None:
        raise EndRefused("an end date carries its time zone, as in 2026-12-31T18:00:00+01:00")
    if until <= at:
        raise EndRefused("the end date has been: an address that counts no longer is removed, not registered")
