"""The clock of this machine, held against the Date of somebody else's answer. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from relay.doctor.finding import State

# A Date has whole seconds, and the answer took some time. Beyond the last, tokens and new certificates are refused.
_GOOD: Final = timedelta(seconds=30)
_BEARABLE: Final = timedelta(minutes=5)

_WORDS: Final[Mapping[State, str]] = {
    State.GOOD: "It agrees: {long} {where} {by}",
    State.WARNING: "It is off: {long} {where} {by}.",
    State.FAILED: "It is wrong: {long} {where} {by}.",
}


def date_of(text: str | None) -> datetime | None:
    """Return the moment that a Date field tells, None where it tells none."""
    try:
        told = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def clock(told: datetime, at: datetime, *, by: str) -> tuple[State, str]:
    """Return how the clock stood `at` the moment when `by` said what time it was."""
    skew = at - told
    off = abs(skew)
    state = State.GOOD if off <= _GOOD else State.WARNING if off <= _BEARABLE else State.FAILED
    where = "ahead of" if skew > timedelta() else "behind"
    return state, _WORDS[state].format(long=_long(off), where=where, by=by)


def _long(time: timedelta) -> str:
    """Return how long it is in the unit that people would use: 47 seconds, 20 minutes, 3 hours, 400 days."""
    seconds = round(time.total_seconds())
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{round(seconds / size)} {unit}"
    return f"{seconds} seconds"
