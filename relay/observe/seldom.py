"""What anybody can make happen as often as they like, told seldom: a log must not be filled from outside."""

from collections.abc import Callable, Hashable


class Seldom:
    """Tells of each thing at most once in so many seconds, and then how often it was. Things are a bounded set."""

    def __init__(self, seconds: float, now: Callable[[], float]) -> None:
        """`now` gives seconds of a clock that only goes forward."""
        self._seconds = seconds
        self._now = now
        self._told: dict[Hashable, float] = {}
        self._untold: dict[Hashable, int] = {}

    def __repr__(self) -> str:
        return f"<Seldom: each of {len(self._told)} things once in {self._seconds:g} s>"

    def times(self, thing: Hashable) -> int:
        """Return how often `thing` happened since it was told, this time included; 0 while it is not to be told."""
        times = self._untold.get(thing, 0) + 1
        now = self._now()
        told = self._told.get(thing)
        if told is not None and now - told < self._seconds:
            self._untold[thing] = times
            return 0
        self._told[thing] = now
        self._untold[thing] = 0
        return times
