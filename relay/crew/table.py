"""What a worker has in progress, in memory that outlives it: who kills it takes no call away unseen."""

import asyncio
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from relay.observe.exchange import Exchange

# An id of 32 and three names of at most 63, blanks between and a zero at the end.
_SLOT: Final = 256
_FIRST: Final = 64


@dataclass(frozen=True, slots=True)
class Lost:
    """A call that was given to the upstream's side when its worker died: whether it was processed is not known."""

    id: str
    client: str
    tenant: str
    route: str


class Table:
    """A worker's `Ledger`, and the `Journal` that strikes out what has ended.

    A slot of a shared file in memory for each call, written when it is given to the upstream's side, emptied once the
    line of the exchange is written. No system call in it, where
    telling the parent of both by messages would take two.
    """

    def __init__(self, file: int) -> None:
        """Write to `file`, a new file in memory, which stays the caller's."""
        os.ftruncate(file, _FIRST * _SLOT)
        self._map = mmap.mmap(file, _FIRST * _SLOT)
        self._free = list(range(0, _FIRST * _SLOT, _SLOT))
        self._taken: dict[str, int] = {}
        self._ended: list[int] = []
        self._loop = asyncio.get_running_loop()

    def __repr__(self) -> str:
        return f"<Table {len(self._taken)} in progress, room for {len(self._free)} more>"

    def begin(self, exchange: Exchange) -> None:
        """Take note that a call is given to the upstream's side."""
        if not self._free:
            self._grow()
        at = self._free.pop()
        self._taken[exchange.id] = at
        line = f"{exchange.id} {exchange.client} {exchange.tenant} {exchange.route}\0".encode()
        self._map[at : at + len(line)] = line

    def note(self, exchange: Exchange) -> None:
        """Strike a call out that has ended, after the loop's turn: its line in the log is written by then.

        So a call may be told twice when its worker is killed in between, but never not at all.
        """
        at = self._taken.pop(exchange.id, None)
        if at is None:
            return
        if not self._ended:
            self._loop.call_soon(self._strike_out)
        self._ended.append(at)

    def _strike_out(self) -> None:
        ended, self._ended = self._ended, []
        for at in ended:
            self._map[at] = 0
        self._free += ended

    def _grow(self) -> None:
        size = len(self._map)
        self._map.resize(2 * size)
        self._free = list(range(size, 2 * size, _SLOT))


def lost_in(file: int) -> Iterator[Lost]:
    """Yield what a dead worker's table still holds."""
    octets = os.pread(file, os.fstat(file).st_size, 0)
    for at in range(0, len(octets), _SLOT):
        line, _, _ = octets[at : at + _SLOT].partition(b"\0")
        words = line.decode("ascii", "replace").split(" ")
        if len(words) == 4:  # any other number is a line that was being written: not given on yet
            yield Lost(*words)
