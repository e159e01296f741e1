"""The crew: workers begin, report, are replaced when they die, end when told; real processes with small work."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
import pytest

from relay.crew import crew as crew_module
from relay.crew.crew import Crew
from relay.crew.line import Line
from relay.crew.nursery import nursery
from relay.crew.table import Lost
from tests.kit.door import until
from tests.kit.served import parent_of


@dataclass
class News:
    """What was told of the crew."""

    pids: list[int] = field(default_factory=list)
    dead: list[tuple[int, int]] = field(default_factory=list)
    quiet: list[int] = field(default_factory=list)
    reports: list[bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    refusals: list[bytes] = field(default_factory=list)

    def started(self, number: int, pid: int) -> None:
        self.pids.append(pid)

    def silent(self, number: int, pid: int) -> None:
        self.quiet.append(pid)

    def lost(self, number: int, pid: int, status: int, calls: list[Lost], report: bytes) -> None:
        self.dead.append((pid, status))
        self.reports.append(report)

    def left(self, report: bytes) -> None:
        self.reports.append(report)

    def refused(self, packed: bytes) -> None:
        self.refusals.append(packed)

    def changed(self, working: int, size: int) -> None:
        self.sizes.append(working)


@dataclass
class NotedClerk:
    """Notes what it heard, in order, and answers what it was asked."""

    heard: list[tuple[str, int, tuple[str, ...]]] = field(default_factory=list)

    def told(self, worker: int, words: tuple[str, ...]) -> None:
        self.heard.append(("told", worker, words))

    def asked(self, worker: int, words: tuple[str, ...], answer: Callable[..., object]) -> None:
        self.heard.append(("asked", worker, words))
        answer(*words)

    def buried(self, worker: int) -> None:
        self.heard.append(("buried", worker, ()))


def obedient(sock: socket.socket, table: int) -> int:
    """A worker that does as it is told, and reports what it was told last."""
    line, told = Line(sock), b"nothing"
    while message := line.take():
        match message.words:
            case ("begin",):
                line.send("working", str(os.getpid()))
            case ("renew", _):
                told = message.octets()
            case ("report",):
                line.send_octets("report", "1", told.decode(), octets=told)
            case ("drain", _):
                line.send("ended", "True")
                return 0
    return 0


def curious(sock: socket.socket, table: int) -> int:
    """A worker that tells, asks, and ends well when it was answered; and badly when it was not."""
    line = Line(sock)
    while message := line.take():
        match message.words:
            case ("begin",):
                line.send("working", str(os.getpid()))
                line.send("tell", "first")
                line.send("ask", "second")
            case ("answer", "second"):
                line.send("tell", "third")
                os.kill(os.getpid(), signal.SIGKILL)
    return 0


def sickly(sock: socket.socket, table: int) -> int:
    """A worker that dies before it has begun."""
    return 7


@asynccontextmanager
async def crewed(
    work: Callable[[socket.socket, int], int],
    size: int = 2,
    *,
    working: bool = True,
    clerk: "NotedClerk | None" = None,
) -> AsyncIterator[tuple[Crew, News]]:
    news = News()
    with nursery(work) as line:
        crew = Crew(line, size, news, clerk or NotedClerk())
        crew.start()
        try:
            if working:
                await until(lambda: crew.working == size)
            yield crew, news
            await crew.drain(1)
        finally:
            crew.close()


async def test_they_work_report_and_end_when_told() -> None:
    async with crewed(obedient) as (crew, news):
        assert crew.states() == {"starting": 0, "working": 2, "silent": 0}
        await crew.gather()
        assert (list(crew.reports()), crew.in_progress) == ([b"nothing"] * 2, 2)
        assert await crew.drain(1)
        assert crew.working == 0
    assert news.dead == []
    assert news.reports == [b"nothing"] * 2
    with pytest.raises(ProcessLookupError):
        os.kill(news.pids[0], 0)


async def test_one_that_was_killed_is_replaced_and_the_newcomer_knows_what_all_were_told() -> None:
    async with crewed(obedient) as (crew, news):
        crew.order("renew", "linde", octets=b"old")
        crew.order("renew", "linde", octets=b"new")
        await crew.gather()
        assert list(crew.reports()) == [b"new"] * 2
        assert crew.revisions() == ["new"] * 2, "what each goes by"
        os.kill(news.pids[0], signal.SIGKILL)
        await until(lambda: len(news.pids) == 3)
        await crew.gather()
        assert list(crew.reports()) == [b"new"] * 2
    assert news.dead == [(news.pids[0], -9)]
    assert news.reports[0] == b"new", "its counts outlive it"
    assert news.sizes[:4] == [1, 2, 1, 2]


async def test_what_a_worker_tells_and_asks_is_heard_in_order_and_all_of_it_before_it_is_buried() -> None:
    clerk = NotedClerk()
    async with crewed(curious, 1, working=False, clerk=clerk) as (_, news):
        await until(lambda: news.dead)
        assert clerk.heard[:4] == [
            ("told", 1, ("first",)),
            ("asked", 1, ("second",)),
            ("told", 1, ("third",)),
            ("buried", 1, ()),
        ]


async def test_those_that_die_at_once_are_replaced_ever_more_slowly() -> None:
    async with crewed(sickly, 1, working=False) as (_, news):
        began = time.monotonic()
        await until(lambda: len(news.dead) == 4)
        assert time.monotonic() - began >= 0.1 + 0.2 + 0.4
        assert {status for _, status in news.dead} == {7}


async def test_one_that_does_not_answer_is_told_and_its_last_report_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew_module, "_PATIENCE", 0.1)
    async with crewed(obedient) as (crew, news):
        await crew.gather()
        os.kill(news.pids[0], signal.SIGSTOP)
        await crew.gather()
        assert (crew.states()["silent"], news.quiet) == (1, news.pids[:1])
        assert len(list(crew.reports())) == 2
        await crew.gather()
        assert news.quiet == news.pids[:1], "once is enough"
        os.kill(news.pids[0], signal.SIGCONT)
        await until(lambda: crew.states()["silent"] == 0)


async def test_one_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew_module, "_GRACE", 0.1)
    async with crewed(obedient) as (crew, news):
        os.kill(news.pids[0], signal.SIGSTOP)
        assert not await crew.drain(0.1)
        assert news.dead == [(news.pids[0], -9)]


async def test_without_a_nursery_the_crew_says_so_and_still_ends_in_order() -> None:
    async with crewed(obedient) as (crew, news):
        os.kill(parent_of(news.pids[0]), signal.SIGKILL)
        async with asyncio.timeout(2):
            await crew.broken.wait()
        assert await crew.drain(1)


async def test_no_worker_and_no_nursery_outlives_a_parent_that_is_killed() -> None:
    reading, writing = os.pipe()
    parent = os.fork()
    if not parent:
        try:
            asyncio.run(_killed_while_crewed(writing))
        finally:
            os._exit(1)
    os.close(writing)
    os.waitpid(parent, 0)
    with os.fdopen(reading, "rb") as told:
        pids = orjson.loads(told.read())  # to its end: until the last who had inherited the other end is gone
    assert len(pids) == 2


async def _killed_while_crewed(writing: int) -> None:
    async with crewed(obedient) as (_, news):
        os.write(writing, orjson.dumps(news.pids))
        os.kill(os.getpid(), signal.SIGKILL)
