"""The crew as the parent sees it: who works, what each last told, and who takes the place of one that died."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import count
from typing import Final, Protocol

from relay.crew.line import Line, Message, pair
from relay.crew.table import Lost, lost_in

# Seconds. A worker that lives shorter than this died at once, and the next one comes later each time.
_SOON: Final = 5.0
_FIRST_DELAY: Final = 0.1
_LONGEST_DELAY: Final = 10.0
# How long a scrape waits for a worker; and, after the time that calls may take, a drain.
_PATIENCE: Final = 1.0
_GRACE: Final = 3.0


class State(StrEnum):
    """What a worker is at."""

    STARTING = "starting"
    WORKING = "working"
    SILENT = "silent"


class CrewNews(Protocol):
    """Whoever wants to hear how the crew fares."""

    def started(self, number: int, pid: int) -> None:
        """A worker takes calls."""
        ...

    def silent(self, number: int, pid: int) -> None:
        """A worker did not answer in time: what it told last counts."""
        ...

    def lost(self, number: int, pid: int, status: int, calls: list[Lost], report: bytes) -> None:
        """A worker died unasked, with these calls in progress; its last report is all that is left of its counts."""
        ...

    def left(self, report: bytes) -> None:
        """A worker ended as it was told; its counts are still asked for until the last has gone."""
        ...

    def refused(self, packed: bytes) -> None:
        """A worker tells of refusals."""
        ...

    def changed(self, working: int, size: int) -> None:
        """So many take calls now, of so many that should."""
        ...


class Clerk(Protocol):
    """Whoever answers what workers ask; what one asks after another told something is asked after that."""

    def told(self, worker: int, words: tuple[str, ...]) -> None:
        """Take what a worker tells."""
        ...

    def asked(self, worker: int, words: tuple[str, ...], answer: Callable[..., object]) -> None:
        """Take what a worker asks, and call `answer` with the words of the answer, now or later."""
        ...

    def buried(self, worker: int) -> None:
        """Take that a worker is gone, after all that it told and asked."""
        ...


@dataclass(eq=False, slots=True)
class _Worker:
    number: int
    line: Line
    table: int
    born: float
    pid: int = 0
    state: State = State.STARTING
    in_progress: int = 0
    report: bytes = b""
    goes_by: str = ""
    ended: bool | None = None
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def __repr__(self) -> str:
        return f"<worker {self.number} as {self.pid} {self.state}, {self.in_progress} calls>"


class Crew:
    """The workers of one parent."""

    def __init__(self, nursery: Line, size: int, news: CrewNews, clerk: Clerk) -> None:
        """Make a crew of `size`, none of which is there yet. To be called inside the loop."""
        self._nursery = nursery
        self._size = size
        self._news = news
        self._clerk = clerk
        self._asked: list[tuple[_Worker, tuple[str, ...]]] = []
        self._loop = asyncio.get_running_loop()
        self._workers: dict[int, _Worker] = {}
        self._numbers = count(1)
        self._standing: dict[tuple[str, ...], bytes] = {}
        self._delay = 0.0
        self._waiting: set[asyncio.TimerHandle] = set()
        self._draining = False
        self._gone = asyncio.Event()
        self.broken = asyncio.Event()
        self._loop.add_reader(nursery.fileno(), self._hear_nursery)

    def __repr__(self) -> str:
        return f"<Crew {self.working} of {self._size} work{', draining' if self._draining else ''}>"

    @property
    def working(self) -> int:
        """How many take calls."""
        return sum(worker.state is not State.STARTING for worker in self._workers.values())

    @property
    def in_progress(self) -> int:
        """How many calls are in progress, as far as told."""
        return sum(worker.in_progress for worker in self._workers.values())

    def states(self) -> dict[str, int]:
        """Return how many there are in each state."""
        states = [worker.state for worker in self._workers.values()]
        return {state.value: states.count(state) for state in State}

    def reports(self) -> Iterator[bytes]:
        """Yield what each told last."""
        return (worker.report for worker in self._workers.values() if worker.report)

    def revisions(self) -> list[str]:
        """Return by which revision of its orders each goes that takes calls; empty: it has not told yet."""
        return [worker.goes_by for worker in self._workers.values() if worker.state is not State.STARTING]

    def start(self) -> None:
        """Have all of them forked."""
        for _ in range(self._size):
            self._add()

    def order(self, *words: str, octets: bytes) -> None:
        """Tell this to all, and to whoever comes later: the last octets for the same words."""
        self._standing[words] = octets
        for worker in self._workers.values():
            if not worker.line.send_octets(*words, octets=octets):
                self._nursery.send("kill", str(worker.pid))  # it takes nothing any more: another will, and right away

    async def gather(self) -> None:
        """Have each tell how it stands; who does not within a second has said its last."""
        asked = [worker for worker in self._workers.values() if worker.state is State.WORKING]
        for worker in asked:
            worker.told.clear()
            worker.line.send("report")
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                for worker in asked:
                    await worker.told.wait()
        for worker in asked:
            if not worker.told.is_set() and worker.state is State.WORKING:
                worker.state = State.SILENT
                self._news.silent(worker.number, worker.pid)

    async def drain(self, seconds: float) -> bool:
        """Have all take no more calls and end. Returns whether all calls in progress ended within `seconds`."""
        self._draining = True
        for timer in self._waiting:
            timer.cancel()
        if not self._workers:
            return True
        workers = list(self._workers.values())
        for worker in workers:
            worker.line.send("drain", str(seconds))
        try:
            async with asyncio.timeout(seconds + _GRACE):
                await self._gone.wait()
        except TimeoutError:
            for worker in self._workers.values():
                self._nursery.send("kill", str(worker.pid))
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await self._gone.wait()
        return all(worker.ended for worker in workers)

    def close(self) -> None:
        """Let go of everything."""
        self._loop.remove_reader(self._nursery.fileno())
        for worker in self._workers.values():
            self._forget(worker)
        self._workers.clear()

    # -- inside ----------------------------------------------------------------------------------------------

    def _add(self) -> None:
        number = next(self._numbers)
        ours, theirs = pair()
        ours.setblocking(False)  # noqa: FBT003  # the library's
        table = os.memfd_create("table", os.MFD_CLOEXEC)
        worker = _Worker(number, Line(ours), table, self._loop.time())
        self._workers[number] = worker
        self._nursery.send("fork", str(number), files=[theirs.fileno(), table])
        theirs.close()
        self._loop.add_reader(ours.fileno(), self._hear, worker)
        for words, octets in self._standing.items():
            worker.line.send_octets(*words, octets=octets)
        worker.line.send("begin")

    def _hear_nursery(self) -> None:
        with suppress(BlockingIOError):
            self._heed(self._nursery.take())

    def _heed(self, message: Message | None) -> None:
        match message.words if message else ():
            case ("born", number, pid):
                self._workers[int(number)].pid = int(pid)
            case ("died", number, status):
                self._bury(self._workers.pop(int(number)), int(status))
            case _:
                # Without it a dead worker cannot be replaced, nor buried.
                self._loop.remove_reader(self._nursery.fileno())
                self.broken.set()

    def _hear(self, worker: _Worker) -> None:
        with suppress(BlockingIOError):
            while (message := worker.line.take()) is not None:
                self._take(worker, message)
            self._loop.remove_reader(worker.line.fileno())  # the nursery will tell how it ended
            if self.broken.is_set():
                self._bury(self._workers.pop(worker.number), 0)

    def _take(self, worker: _Worker, message: Message) -> None:
        match message.words:
            case ("working", pid):
                worker.pid, worker.state = int(pid), State.WORKING
                worker.told.set()
                self._news.started(worker.number, worker.pid)
                self._news.changed(self.working, self._size)
            case ("report", in_progress, goes_by):
                worker.in_progress, worker.goes_by, worker.report = int(in_progress), goes_by, message.octets()
                worker.told.set()
                if worker.state is State.SILENT:
                    worker.state = State.WORKING
            case ("refused",):
                self._news.refused(message.octets())
            case ("ended", all_ended):
                worker.ended = all_ended == "True"
            case ("tell", *words):
                self._clerk.told(worker.number, tuple(words))
            case ("ask", *words):
                if not self._asked:
                    self._loop.call_soon(self._answer)
                self._asked.append((worker, tuple(words)))

    def _answer(self) -> None:
        """Answer what was asked, once all has been heard that was told before."""
        asked, self._asked = self._asked, []
        for worker in list(self._workers.values()):
            self._hear_the_rest(worker)
        for worker, words in asked:
            if worker.number in self._workers:
                self._clerk.asked(worker.number, words, partial(self._answered, worker))

    def _answered(self, worker: _Worker, *words: str) -> None:
        if worker.number in self._workers and not worker.line.send("answer", *words):
            self._nursery.send("kill", str(worker.pid))  # as for orders: one that waits in vain is of no use

    def _bury(self, worker: _Worker, status: int) -> None:
        self._hear_the_rest(worker)
        asked = worker.ended is not None and status == 0
        calls = [] if asked else list(lost_in(worker.table))
        if worker.ended is None:
            worker.ended = False
        self._clerk.buried(worker.number)
        self._forget(worker)
        worker.told.set()
        if asked:
            self._news.left(worker.report)
        else:
            self._news.lost(worker.number, worker.pid, status, calls, worker.report)
        self._news.changed(self.working, self._size)
        if self._draining:
            if not self._workers:
                self._gone.set()
        else:
            self._replace(worker)

    def _hear_the_rest(self, worker: _Worker) -> None:
        """Take what a worker has told so far."""
        with suppress(BlockingIOError):
            while (message := worker.line.take()) is not None:
                self._take(worker, message)

    def _replace(self, worker: _Worker) -> None:
        """Have another forked: at once when it had worked for a while, and later each time when they die at once."""
        lived = self._loop.time() - worker.born
        self._delay = min(max(2 * self._delay, _FIRST_DELAY), _LONGEST_DELAY) if lived < _SOON else 0.0
        self._waiting = {timer for timer in self._waiting if timer.when() > self._loop.time()}
        self._waiting.add(self._loop.call_later(self._delay, self._add))

    def _forget(self, worker: _Worker) -> None:
        if worker.line.fileno() >= 0:
            self._loop.remove_reader(worker.line.fileno())
            worker.line.close()
            os.close(worker.table)
