"""Deadlines of one and the same length, for a great many things at the price of one timer."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing", bound=Hashable)


class Deadlines(Generic[Thing]):
    """Tells what has not been lifted `seconds` after it was set.

    All have the same length, so the first one set is the first one due: a queue and one timer do, where every
    call would set and cancel several of the loop's own.
    """

    __slots__ = ("_due", "_late", "_now", "_timer", "loop", "seconds")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, late: Callable[[Thing], object]) -> None:
        """`late` is called with each thing that was not lifted in time; that one is forgotten then."""
        self.loop = loop
        self.seconds = seconds
        self._late = late
        self._now = loop.time
        self._due: dict[Thing, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Deadlines of {self.seconds:g} s: {len(self._due)} set>"

    def set(self, thing: Thing) -> None:
        """Start the time of a thing that has none running."""
        self._due[thing] = due = self._now() + self.seconds
        if self._timer is None:
            self._timer = self.loop.call_at(due, self._strike)

    def lift(self, thing: Thing) -> None:
        """Forget a thing, if it is known."""
        self._due.pop(thing, None)

    def _strike(self) -> None:
        self._timer = None
        now = self._now()
        while self._due:
            thing, due = next(iter(self._due.items()))
            if due > now:
                self._timer = self.loop.call_at(due, self._strike)
                return
            del self._due[thing]
            self._late(thing)
