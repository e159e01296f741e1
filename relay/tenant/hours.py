"""At which hours of the week something is allowed, by the clock of one place. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from typing import Final

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = 24 * 60


class Hours:
    """Windows of the week, such as `mon-fri 07:00-19:00`; one that ends before it begins runs into the next day."""

    def __init__(self, windows: Iterable[str], place: tzinfo) -> None:
        """Take windows as the settings have them, and whose clock tells."""
        self._windows: Final = tuple(part for window in windows for part in _parts(window))
        self._place: Final = place

    def __repr__(self) -> str:
        return f"<Hours {len(self._windows)} windows at {self._place}>"

    def include(self, at: datetime) -> bool:
        """Whether this moment, with its time zone, is in one of them."""
        there = at.astimezone(self._place)
        day, minute = there.weekday(), 60 * there.hour + there.minute
        return any(each == day and start <= minute < end for each, start, end in self._windows)


def _parts(window: str) -> Iterator[tuple[int, int, int]]:
    """Yield each day of a window with its first minute, and the minute after its last."""
    days, _, times = window.partition(" ")
    start, end = map(_minute, times.split("-"))
    for day in _days(days):
        if start < end:
            yield day, start, end
        else:
            yield day, start, _DAY
            yield (day + 1) % 7, 0, end


def _days(days: str) -> Iterator[int]:
    first, _, last = days.partition("-")
    start = DAYS.index(first)
    count = (DAYS.index(last or first) - start) % 7 + 1
    return ((start + step) % 7 for step in range(count))


def _minute(time: str) -> int:
    hour, _, minute = time.partition(":")
    return 60 * int(hour) + int(minute)
