"""How much has been asked of us, in memory that all processes of a relay share: calls, calls at once, octets a day.

Made before any process is forked, and changed under a lock that the kernel takes from the dead: decision 0029 says why.
"""

import fcntl
import hashlib
import math
import mmap
import os
import weakref
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

_SLOTS: Final = 1024
_ROWS: Final = 128
# Cells of a slot, 8 octets each: whose it is, and what was counted since when.
_NAME, _MINUTE, _CALLS, _SECOND, _BURST, _DAY, _OCTETS, _CELLS = range(8)
_MINUTE_LONG, _DAY_LONG = 60_000, 86_400_000  # milliseconds, as all times in cells
_SOON: Final = 1
_FREE: Final = -1  # a row that was in use


class Limit(StrEnum):
    """What can be reached."""

    CALLS_PER_MINUTE = "calls_per_minute"
    CALLS_PER_SECOND = "calls_per_second"
    IN_FLIGHT = "in_flight"
    BYTES_PER_DAY = "bytes_per_day"


class Allowance:
    """How much is allowed: calls in a minute, and in a second, calls at once, octets of bodies in a day; 0: any."""

    def __init__(
        self, *, calls_per_minute: int = 0, calls_per_second: int = 0, in_flight: int = 0, bytes_per_day: int = 0
    ) -> None:
        self.calls_per_minute: Final = calls_per_minute
        self.calls_per_second: Final = calls_per_second
        self.in_flight: Final = in_flight
        self.bytes_per_day: Final = bytes_per_day

    def __repr__(self) -> str:
        return f"<Allowance {self.calls_per_minute} a minute>"


class Reached:
    """A limit that was reached, whether it is the client's or that of all, and in how many seconds to try again."""

    def __init__(self, limit: Limit, *, of_all: bool, seconds: int) -> None:
        self.limit: Final = limit
        self.of_all: Final = of_all
        self.seconds: Final = seconds

    def __repr__(self) -> str:
        return f"<Reached {self.limit} {'of all' if self.of_all else 'of the client'}>"


class MeterRoom:
    """The shared memory: a slot for each client that has limits, the first for all together; a row for each process.

    A row says what its process has in flight: changed by that one alone, and wiped when it dies.
    """

    def __init__(self, *, alone: bool = False) -> None:
        """Make it; with `alone` for one process, which then needs no lock."""
        self.alone = alone
        self._memory = mmap.mmap(-1, 8 * (_ROWS + _SLOTS * _CELLS + _ROWS * _SLOTS))
        cells = memoryview(self._memory).cast("q")
        self.owners = cells[:_ROWS]
        self.slots = cells[_ROWS : _ROWS + _SLOTS * _CELLS]
        self.rows = cells[_ROWS + _SLOTS * _CELLS :]
        self.lock = os.memfd_create("meter", os.MFD_CLOEXEC)
        weakref.finalize(self, os.close, self.lock)

    def __repr__(self) -> str:
        return f"<MeterRoom of {self.processes()} processes>"

    def processes(self) -> int:
        """Return how many rows have been in use."""
        return next((row for row, owner in enumerate(self.owners) if not owner), _ROWS)

    def row(self) -> int:
        """Return where the row of this process begins, a new one or the one that it has."""
        fcntl.lockf(self.lock, fcntl.LOCK_EX)
        try:
            pid, owners = os.getpid(), list(self.owners)
            row = owners.index(next(each for each in (pid, _FREE, 0) if each in owners))
            self.owners[row] = pid
        finally:
            fcntl.lockf(self.lock, fcntl.LOCK_UN)
        return row * _SLOTS

    def slot(self, name: str) -> int:
        """Return the number of a client's slot, a new one or the one that it has; the last is shared once all are."""
        digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True) or 1
        fcntl.lockf(self.lock, fcntl.LOCK_EX)
        try:
            for number in range(1, _SLOTS - 1):
                whose = self.slots[number * _CELLS + _NAME]
                if whose in (0, digest):
                    self.slots[number * _CELLS + _NAME] = digest
                    return number
            return _SLOTS - 1
        finally:
            fcntl.lockf(self.lock, fcntl.LOCK_UN)

    def bereave(self, pid: int) -> None:
        """Take that a process is gone: what it had in flight is so no more."""
        fcntl.lockf(self.lock, fcntl.LOCK_EX)
        try:
            for row, owner in enumerate(self.owners):
                if owner == pid:
                    self.rows[row * _SLOTS : (row + 1) * _SLOTS] = memoryview(bytes(8 * _SLOTS)).cast("q")
                    self.owners[row] = _FREE
        finally:
            fcntl.lockf(self.lock, fcntl.LOCK_UN)


class Meter:
    """What one process counts of its calls, together with all others; made in that process."""

    def __init__(self, room: MeterRoom, total: Allowance | None) -> None:
        self._room = room
        self._slots, self._rows, self._lock = room.slots, room.rows, room.lock
        self._total = total
        self._shares: dict[str, tuple[int, Allowance]] = {}
        self._row = room.row()
        self._owners, self._alone = room.owners, room.alone
        self._take_lock: Callable[[int], None] = _nothing if room.alone else _lock
        self._let_go: Callable[[int], None] = _nothing if room.alone else _unlock
        self.used = total is not None
        self._counts_octets = _counts_octets(total)

    def __repr__(self) -> str:
        return f"<Meter of {len(self._shares)} clients>"

    def use(self, allowances: Mapping[str, Allowance]) -> None:
        """Go by these allowances of clients from the next call on; what was counted stays."""
        self._shares = {name: (self._room.slot(name), allowance) for name, allowance in allowances.items()}
        self.used = self._total is not None or bool(self._shares)
        self._counts_octets = _counts_octets(self._total, *allowances.values())

    def take(self, client: str, at: float) -> tuple[int, ...] | Reached:
        """Count a call that begins, and return the slots to give back at its end; or return the limit it reached.

        `at` is in seconds of the epoch. A call that is refused counts nowhere.
        """
        share, now = self._shares.get(client), int(at * 1000)
        if share is None and self._total is None:
            return ()
        self._take_lock(self._lock)
        try:
            if share is not None and (reached := self._reached(share[0], share[1], now, of_all=False)) is not None:
                return reached
            if self._total is not None:
                if (reached := self._reached(0, self._total, now, of_all=True)) is not None:
                    return reached
                self._count(0, now)
            if share is None:
                return (0,)
            self._count(share[0], now)
            return (share[0],) if self._total is None else (share[0], 0)
        finally:
            self._let_go(self._lock)

    def give_back(self, taken: tuple[int, ...], octets: int) -> None:
        """Take that a call ended, whose bodies had so many octets, both ways together."""
        for number in taken:
            self._rows[self._row + number] -= 1
        if not self._counts_octets:
            return
        self._take_lock(self._lock)
        try:
            for number in taken:
                self._slots[number * _CELLS + _OCTETS] += octets
        finally:
            self._let_go(self._lock)

    def _in_flight(self, number: int) -> int:
        """Return how many calls of a slot all processes have in flight."""
        if self._alone:
            return self._rows[self._row + number]
        count = 0
        for row in range(_ROWS):
            if not self._owners[row]:  # nobody had this one, nor those after it
                break
            count += self._rows[row * _SLOTS + number]
        return count

    def _reached(self, number: int, allowance: Allowance, now: int, *, of_all: bool) -> Reached | None:
        """Return the limit that one call more would pass."""
        slots, cell = self._slots, number * _CELLS
        if allowance.in_flight and self._in_flight(number) >= allowance.in_flight:
            return Reached(Limit.IN_FLIGHT, of_all=of_all, seconds=_SOON)
        if 0 < allowance.calls_per_minute <= slots[cell + _CALLS]:
            past = now - slots[cell + _MINUTE]
            if 0 <= past < _MINUTE_LONG:
                return Reached(Limit.CALLS_PER_MINUTE, of_all=of_all, seconds=math.ceil((_MINUTE_LONG - past) / 1000))
        if 0 < allowance.calls_per_second <= slots[cell + _BURST] and 0 <= now - slots[cell + _SECOND] < 1000:
            return Reached(Limit.CALLS_PER_SECOND, of_all=of_all, seconds=_SOON)
        if 0 < allowance.bytes_per_day <= slots[cell + _OCTETS] and slots[cell + _DAY] == now // _DAY_LONG:
            left = _DAY_LONG - now % _DAY_LONG
            return Reached(Limit.BYTES_PER_DAY, of_all=of_all, seconds=math.ceil(left / 1000))
        return None

    def _count(self, number: int, now: int) -> None:
        """Count a call in its minute and second, which begin with the first call after the one before, and its day."""
        slots, cell = self._slots, number * _CELLS
        if not 0 <= now - slots[cell + _MINUTE] < _MINUTE_LONG:
            slots[cell + _MINUTE], slots[cell + _CALLS] = now, 0
        if not 0 <= now - slots[cell + _SECOND] < 1000:
            slots[cell + _SECOND], slots[cell + _BURST] = now, 0
        if slots[cell + _DAY] != now // _DAY_LONG:
            slots[cell + _DAY], slots[cell + _OCTETS] = now // _DAY_LONG, 0
        slots[cell + _CALLS] += 1
        slots[cell + _BURST] += 1
        self._rows[self._row + number] += 1


def _counts_octets(*allowances: Allowance | None) -> bool:
    return any(allowance is not None and allowance.bytes_per_day for allowance in allowances)


def _lock(file: int) -> None:
    fcntl.lockf(file, fcntl.LOCK_EX)


def _unlock(file: int) -> None:
    fcntl.lockf(file, fcntl.LOCK_UN)


def _nothing(_file: int) -> None:
    """Where nobody else is."""
