"""Where the guards of a relay stand: in memory that all its processes share, changed by one at a time, kept on disk.

Made before any process is forked. Whoever hears of a refusal changes the book at once, under a lock that the kernel
takes from the dead, so that the next call of every process sees it: decision 0013 says why no message is sent.
"""

import fcntl
import mmap
import os
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from relay.keeping import write_whole
from relay.upstream import guard as pure
from relay.upstream.book import Book, BookUnreadable, Place
from relay.upstream.guard import Guard, Held, Rules, State

# Cells of 8 octets: which of the two copies of the book counts, and then for each guard those of its ward.
_FIRST: Final = 1
SHUT, DOUBTED, LAST_GOOD, CELLS = 0, 1, 2, 3
# Octets of the book for each guard and each stop at most, with their names.
_PER_ENTRY: Final = 640


class StateFault(Exception):
    """The file of the guards cannot be used. The detail says what is wrong with it, and the remedy."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a guard, or a stop, became. `place` is the egress address of a guard, the route of a stop."""

    what: str
    way: str
    place: str
    refused: int = 0
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class StateFile:
    """The file by which the book survives a restart: for its owner alone, and never half written."""

    path: Path

    def read(self) -> Book:
        """Return the book, an empty one where there is no file yet. Raises StateFault."""
        try:
            return Book.read(self.path.read_bytes())
        except FileNotFoundError:
            if not os.access(self.path.parent, os.W_OK | os.X_OK):
                raise StateFault(
                    f"{self.path.parent} is no folder that relay may write in; give a path in one"
                ) from None
            return Book()
        except OSError as error:
            raise StateFault(f"{self.path} cannot be read: {error.strerror}") from None
        except BookUnreadable as error:
            raise StateFault(
                f"{self.path} {error}; it may have held a stop that only VECOZO's word lifts: ask, then remove it"
            ) from None

    def write(self, book: Book) -> None:
        """Write the book, on the disk when this returns. Raises OSError; what was there before is there then."""
        write_whole(self.path, book.octets() + b"\n")


class Guardroom:
    """All guards and stops of a relay.

    `told` hears of each change once, in the process that made it; `failed` of a disk that did not take one.
    """

    def __init__(self, file: StateFile, rules: Rules, places: Sequence[Place], *, routes: int, at: float) -> None:
        """Read the file, and make room for guards at these places and stops on so many routes. Raises StateFault."""
        book = file.read().after_restart(places, at)
        self._file = file
        self.rules = rules
        self._places = {place: _FIRST + CELLS * number for number, place in enumerate(book.guards)}
        cells = 8 * (_FIRST + CELLS * len(book.guards))
        self._room = mmap.PAGESIZE + _PER_ENTRY * (len(book.guards) + len(book.stops) + routes)
        self._memory = mmap.mmap(-1, cells + 2 * self._room)
        self.cells = memoryview(self._memory)[:cells].cast("q")
        self._lock = os.memfd_create("guards", os.MFD_CLOEXEC)
        weakref.finalize(self, os.close, self._lock)
        self._permits = 0
        self.told: Callable[[Change], object] = _ignored
        self.failed: Callable[[OSError], object] = _ignored
        for place, good in book.last_good.items():
            self.cells[self._places[place] + LAST_GOOD] = int(good * 1000)
        self._set(book)

    def __repr__(self) -> str:
        guards = (f"{way} via {egress} {guard.state}" for (way, egress), guard in self.book().guards.items())
        return f"<Guardroom {', '.join(guards)}>"

    def place(self, way: str, egress: str) -> int:
        """Return where the cells of a guard begin."""
        return self._places[way, egress]

    def book(self) -> Book:
        """Return all as it stands."""
        with self._locked():
            return self._get()

    # -- news of calls ---------------------------------------------------------------------------------------

    def admit(self, way: str, egress: str, route: str, *, harmless: bool, at: float) -> tuple[str, Held | float | None]:
        """Return the permit of a call that wants to go out, where it is a probe, or why it may not.

        That is the time since when its route is stopped, or how long it is held.
        """
        with self._changing(at) as book:
            stopped = book.stops.get((way, route))
            if stopped is not None:
                return "", stopped
            self._permits += 1
            permit = f"{os.getpid()}.{self._permits}"
            before = book.guards[way, egress]
            after, held = pure.admit(before, at, permit=permit, harmless=harmless, rules=self.rules)
            book.guards[way, egress] = after
            return permit if after.permit == permit else "", held

    def refused(self, way: str, egress: str, *, permit: str, at: float) -> None:
        """Take that VECOZO refused a call for its address, or a block."""
        self._change(way, egress, at, lambda guard: pure.refused(guard, at, permit=permit, rules=self.rules))

    def passed(self, way: str, egress: str, *, permit: str, at: float) -> None:
        """Take that VECOZO let a call pass."""
        self._change(way, egress, at, lambda guard: pure.passed(guard, at, permit=permit))

    def returned(self, way: str, egress: str, *, permit: str, at: float) -> None:
        """Take that a probe ended, and nothing was learned."""
        self._change(way, egress, at, lambda guard: pure.returned(guard, at, permit=permit))

    def stop(self, way: str, route: str, *, at: float) -> None:
        """Take that VECOZO said that the quota is exceeded: on disk when this returns, before anybody is answered."""
        with self._changing(at) as book:
            book.stops.setdefault((way, route), at)

    # -- news of people and processes ------------------------------------------------------------------------

    def lift(self, way: str, route: str | None, *, at: float) -> int:
        """Let calls of this certificate out again, or of one route; return how many holds and stops there were."""
        with self._changing(at) as book:
            stops = [place for place in book.stops if place[0] == way and route in (None, place[1])]
            for place in stops:
                del book.stops[place]
            held = [
                place
                for place, guard in book.guards.items()
                if place[0] == way and route is None and guard.state is not State.PASSING
            ]
            for place in held:
                book.guards[place] = pure.lifted(book.guards[place], at)
            return len(stops) + len(held)

    def bereave(self, pid: int, *, at: float) -> None:
        """Take that a process is gone: its permits come back, and what it was about to do is done."""
        with self._changing(at) as book:
            for place, guard in book.guards.items():
                book.guards[place] = pure.orphaned(guard, at, owner=f"{pid}.")
        with self._locked():
            book = self._get()
            self._show(book)
            self._write(book)

    def close(self) -> None:
        """Keep what changed without a change of state: when calls last went well."""
        with self._locked():
            self._write(self._get())

    # -- inside ----------------------------------------------------------------------------------------------

    def _change(self, way: str, egress: str, at: float, step: Callable[[Guard], Guard]) -> None:
        with self._changing(at) as book:
            book.guards[way, egress] = step(book.guards[way, egress])

    @contextmanager
    def _changing(self, at: float) -> Iterator[Book]:
        """Have the book changed by nobody else; keep what became of it, and tell of that."""
        with self._locked():
            before, book = self._get(), self._get()
            yield book
            changes = list(_changes(before, book))
            if book != before:
                self._set(book)
            if changes:
                self._write(book)
        for change in changes:
            self.told(change)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # A record lock: of a process, and let go of by the kernel when that dies.
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)

    def _get(self) -> Book:
        start = len(self.cells) * 8 + self.cells[0] * self._room
        size = int.from_bytes(self._memory[start : start + 8], "little")
        book = Book.read(self._memory[start + 8 : start + 8 + size])
        book.last_good = {place: self.cells[at + LAST_GOOD] / 1000 for place, at in self._places.items()}
        return book

    def _set(self, book: Book) -> None:
        """Write the copy that does not count, and have it count then: who is killed in between leaves the old one."""
        octets = book.octets()
        which = 1 - self.cells[0]
        start = len(self.cells) * 8 + which * self._room
        self._memory[start : start + 8 + len(octets)] = len(octets).to_bytes(8, "little") + octets
        self.cells[0] = which
        self._show(book)

    def _show(self, book: Book) -> None:
        """Have every process see at a glance what the book says."""
        for place, at in self._places.items():
            guard = book.guards[place]
            self.cells[at + DOUBTED] = guard.refused > 0 or guard.pause > 0 or guard.state is not State.PASSING
            self.cells[at + SHUT] = guard.state is not State.PASSING or book.stopped(place[0])

    def _write(self, book: Book) -> None:
        try:
            self._file.write(book)
        except OSError as error:  # it holds all the same, and whoever restarts it has been told
            self.failed(error)


def _changes(before: Book, after: Book) -> Iterator[Change]:
    for place, guard in after.guards.items():
        if guard.state is not before.guards[place].state:
            yield Change(what=guard.state.value, way=place[0], place=place[1], refused=guard.refused, pause=guard.pause)
    for place in _missing(after.stops, before.stops):
        yield Change(what="stopped", way=place[0], place=place[1])
    for place in _missing(before.stops, after.stops):
        yield Change(what="lifted", way=place[0], place=place[1])


def _missing(these: Mapping[Place, float], those: Mapping[Place, float]) -> list[Place]:
    return [place for place in these if place not in those]


def _ignored(_news: object) -> None:
    """Where nobody listens yet."""
