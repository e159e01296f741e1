"""Dates and lists as Dutch readers write them. Pure: the rule of summer time is here, no time-zone file is read."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from relay.settings.words import Environment

_DAYS: Final = ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag")
_MONTHS: Final = (
    "januari", "februari", "maart", "april", "mei", "juni",
    "juli", "augustus", "september", "oktober", "november", "december",
)  # fmt: skip
ENVIRONMENTS: Final = {
    Environment.PRODUCTION: "productie",
    Environment.ACCEPTANCE: "acceptatie",
    Environment.TEST: "test",
}


def day(at: datetime) -> str:
    """Return the day in the Netherlands: 25 november 2026."""
    local = _local(at)
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def moment(at: datetime) -> str:
    """Return the time in the Netherlands: woensdag 25 november 2026 om 16:02 uur."""
    return f"{_DAYS[_local(at).weekday()]} {day(at)} om {_local(at):%H:%M} uur"


def listed(words: Sequence[str], joint: str = "en") -> str:
    """Return the words in one breath: a, b en c."""
    return f" {joint} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _local(at: datetime) -> datetime:
    """Summer time runs from one o'clock UTC on the last Sunday of March to that of October (directive 2000/84/EC)."""
    utc = at.astimezone(UTC)
    summer = _last_sunday(utc.year, 3) <= utc < _last_sunday(utc.year, 10)
    return utc + timedelta(hours=2 if summer else 1)


def _last_sunday(year: int, month: int) -> datetime:
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)
