"""What channels wrote in one turn of the loop, on its way together.

A write wakes whoever waits for it. Writes that follow one another find the other side awake still, or about to be;
writes with other work between them wake it each time, and waking a sleeper is the dearest part of a small write.
"""

import asyncio
from typing import Protocol


class Departing(Protocol):
    """Whoever has something to send."""

    def depart(self) -> None:
        """Send it."""
        ...


class Departures:
    """Has each of them send at the end of the loop's turn, in their order."""

    __slots__ = ("_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[Departing] = []

    def __repr__(self) -> str:
        return f"<Departures, {len(self._waiting)} waiting>"

    def add(self, departing: Departing) -> None:
        """Have it called once more, at the end of this turn."""
        if not self._waiting:
            self._loop.call_soon(self._depart)
        self._waiting.append(departing)

    def _depart(self) -> None:
        waiting, self._waiting = self._waiting, []
        for departing in waiting:
            departing.depart()
