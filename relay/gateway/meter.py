"""How much has been asked of us, in memory that all processes of a relay share: calls, calls at once, octets a day.

Made before any process is forked, and changed under a lock that the kernel takes from the dead: decision 0029 says why.
"""

import fcntl
import hashlib
import math
import mmap
import os
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

_SLOTS: Final = 1024
_ROWS: Final = 128
# Cells of a slot, 8 octets each: whose it is, and what was counted since when; which share of what all relays together
# may carry is left to this one until when; and how many octets the others carried that day.
_NAME, _MINUTE, _CALLS, _SECOND, _BURST, _DAY, _OCTETS, _LEFT, _UNTIL, _ELSEWHERE, _CELLS = range(11)
_MINUTE_LONG, _DAY_LONG = 60_000, 86_400_000  # milliseconds, as all times in cells
# By how much the clock may be behind what was counted last: one process may have looked at it before another did, and
# counted after. A clock that was set back by more begins anew.
_LATE: Final = 1000
_SOON: Final = 1
_FREE: Final = -1  # a row that was in use
_NONE_ANYWHERE: Final = -(2**31)  # what is left of a share when all are used up, here and elsewhere


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


class Wanted:
    """A share of what all relays may carry has to be dealt to this one first: of a client's, or (empty) of all's."""

    def __init__(self, client: str) -> None:
        self.client: Final = client

    def __repr__(self) -> str:
        return f"<Wanted a share of {self.client or 'all'}>"


_WANTED_OF_ALL: Final = Wanted("")


class MeterRoom:
    """The shared memory: a slot for each client that has limits, the first for all together; a row for each process.

    A row says what its process has in flight: changed by that one alone, and wiped when it dies.
    """

    def __init__(self, *, alone: bool = False) -> None:
        """Make it; with `alone` for one process, which then needs no lock."""
        self.alone = alone
        self._memory = mmap.mmap(-1, 8 * (_ROWS + _SLOTS * _CELLS + _ROWS * _SLOTS + 1))
        cells = memoryview(self._memory).cast("q")
        self.owners = cells[:_ROWS]
        self.slots = cells[_ROWS : _ROWS + _SLOTS * _CELLS]
        self.rows = cells[_ROWS + _SLOTS * _CELLS : -1]
        # Not 0: shares are dealt, and they say how many calls a minute has, instead of what is counted here.
        self.dealt = cells[-1:]
        self.lock = os.memfd_create("meter", os.MFD_CLOEXEC)
        weakref.finalize(self, os.close, self.lock)

    def __repr__(self) -> str:
        return f"<MeterRoom of {self.processes()} processes>"

    def processes(self) -> int:
        """Return how many rows have been in use."""
        return next((row for row, owner in enumerate(self.owners) if not owner), _ROWS)

    def row(self) -> int:
        """Return where the row of this process begins, a new one or the one that it has."""
        with self._locked():
            pid, owners = os.getpid(), list(self.owners)
            row = owners.index(next(each for each in (pid, _FREE, 0) if each in owners))
            self.owners[row] = pid
        return row * _SLOTS

    def slot(self, name: str) -> int:
        """Return the number of a client's slot, a new one or the one that it has; the last is shared once all are."""
        digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True) or 1
        with self._locked():
            for number in range(1, _SLOTS - 1):
                whose = self.slots[number * _CELLS + _NAME]
                if whose in (0, digest):
                    self.slots[number * _CELLS + _NAME] = digest
                    return number
            return _SLOTS - 1

    def deal(self, number: int, calls: int, until: float) -> None:
        """Leave so many calls to this relay until then (seconds of the epoch); 0: all are used up until then."""
        with self._locked():
            cell = number * _CELLS
            self.slots[cell + _LEFT], self.slots[cell + _UNTIL] = calls or _NONE_ANYWHERE, int(until * 1000)

    def holds(self, number: int, at: float) -> bool:
        """Whether a share is left, or it is known that none is to be had."""
        left, until = self.slots[number * _CELLS + _LEFT], self.slots[number * _CELLS + _UNTIL]
        return (left > 0 or left == _NONE_ANYWHERE) and 0 < until - int(at * 1000) <= _MINUTE_LONG

    def octets(self, number: int) -> tuple[int, int]:
        """Return a day, counted from the epoch, and how many octets were carried here that day."""
        with self._locked():
            return self.slots[number * _CELLS + _DAY], self.slots[number * _CELLS + _OCTETS]

    def elsewhere(self, number: int, day: int, octets: int) -> None:
        """Take how many octets other relays carried on a day, if that is still the day here."""
        with self._locked():
            if self.slots[number * _CELLS + _DAY] == day:
                self.slots[number * _CELLS + _ELSEWHERE] = octets

    def bereave(self, pid: int) -> None:
        """Take that a process is gone: what it had in flight is so no more."""
        with self._locked():
            for row, owner in enumerate(self.owners):
                if owner == pid:
                    self.rows[row * _SLOTS : (row + 1) * _SLOTS] = memoryview(bytes(8 * _SLOTS)).cast("q")
                    self.owners[row] = _FREE

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep all other processes from changing it; the kernel lets go for the dead."""
        _lock(self.lock)
        try:
            yield
        finally:
            _unlock(self.lock)


class Meter:
    """What one process counts of its calls, together with all others; made in that process."""

    def __init__(self, room: MeterRoom, total: Allowance | None) -> None:
        self._room = room
        self._slots, self._rows, self._lock = room.slots, room.rows, room.lock
        self._total = total
        self._shares: dict[str, tuple[int, Allowance]] = {}
        self._row = room.row()
        self._owners, self._alone, self._dealt = room.owners, room.alone, room.dealt
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

    def take(self, client: str, at: float, *, dealt: bool = True) -> tuple[int, ...] | Reached | Wanted:
        """Count a call that begins, and return the slots to give back at its end; or return the limit it reached.

        `at` is in seconds of the epoch. Without `dealt` it goes by what is counted here, also where shares are dealt. A
        call that is refused counts nowhere, nor does one that wants a share first.
        """
        share, now = self._shares.get(client), int(at * 1000)
        if share is None and self._total is None:
            return ()
        self._take_lock(self._lock)
        try:
            dealt = dealt and bool(self._dealt[0])
            if share is not None:
                if (reached := self._reached(share[0], share[1], now, dealt=dealt, of_all=False)) is not None:
                    return reached
                if dealt and self._wants(share[0], share[1], now):
                    return Wanted(client)
            if self._total is not None:
                if (reached := self._reached(0, self._total, now, dealt=dealt, of_all=True)) is not None:
                    return reached
                if dealt and self._wants(0, self._total, now):
                    return _WANTED_OF_ALL
                self._count(0, now, dealt=dealt)
            if share is None:
                return (0,)
            self._count(share[0], now, dealt=dealt)
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

    def _wants(self, number: int, allowance: Allowance, now: int) -> bool:
        """Whether the share of a slot is used up, or is one of another time."""
        slots, cell = self._slots, number * _CELLS
        return allowance.calls_per_minute > 0 and not (
            slots[cell + _LEFT] > 0 and 0 < slots[cell + _UNTIL] - now <= _MINUTE_LONG
        )

    def _reached(self, number: int, allowance: Allowance, now: int, *, dealt: bool, of_all: bool) -> Reached | None:
        """Return the limit that one call more would pass."""
        slots, cell = self._slots, number * _CELLS
        if allowance.in_flight and self._in_flight(number) >= allowance.in_flight:
            return Reached(Limit.IN_FLIGHT, of_all=of_all, seconds=_SOON)
        if allowance.calls_per_minute:
            if dealt:
                used_up, left = slots[cell + _LEFT] == _NONE_ANYWHERE, slots[cell + _UNTIL] - now
            else:
                used_up = slots[cell + _CALLS] >= allowance.calls_per_minute
                left = slots[cell + _MINUTE] + _MINUTE_LONG - now
            if used_up and 0 < left <= _MINUTE_LONG + _LATE:
                return Reached(Limit.CALLS_PER_MINUTE, of_all=of_all, seconds=math.ceil(left / 1000))
        if 0 < allowance.calls_per_second <= slots[cell + _BURST] and -_LATE <= now - slots[cell + _SECOND] < 1000:
            return Reached(Limit.CALLS_PER_SECOND, of_all=of_all, seconds=_SOON)
        carried = slots[cell + _OCTETS] + slots[cell + _ELSEWHERE]
        if 0 < allowance.bytes_per_day <= carried and slots[cell + _DAY] == now // _DAY_LONG:
            left = _DAY_LONG - now % _DAY_LONG
            return Reached(Limit.BYTES_PER_DAY, of_all=of_all, seconds=math.ceil(left / 1000))
        return None

    def _count(self, number: int, now: int, *, dealt: bool) -> None:
        """Count a call in its minute and second, which begin with the first call after the one before, and its day."""
        slots, cell = self._slots, number * _CELLS
        if not -_LATE <= now - slots[cell + _MINUTE] < _MINUTE_LONG:
            slots[cell + _MINUTE], slots[cell + _CALLS] = now, 0
        if not -_LATE <= now - slots[cell + _SECOND] < 1000:
            slots[cell + _SECOND], slots[cell + _BURST] = now, 0
        if slots[cell + _DAY] != now // _DAY_LONG:
            slots[cell + _DAY], slots[cell + _OCTETS], slots[cell + _ELSEWHERE] = now // _DAY_LONG, 0, 0
        slots[cell + _CALLS] += 1
        slots[cell + _BURST] += 1
        if dealt:
            slots[cell + _LEFT] -= 1
        self._rows[self._row + number] += 1


def _counts_octets(*allowances: Allowance | None) -> bool:
    return any(allowance is not None and allowance.bytes_per_day for allowance in allowances)


def _lock(file: int) -> None:
    fcntl.lockf(file, fcntl.LOCK_EX)


def _unlock(file: int) -> None:
    fcntl.lockf(file, fcntl.LOCK_UN)


def _nothing(_file: int) -> None:
    """Where nobody else is."""
