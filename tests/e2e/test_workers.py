"""Several workers behind one socket: one that is killed takes its own calls with it and no others, and each is told."""

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import Answer, CutOff, Line, line, request, trusting_context
from tests.kit.relay import PATH
from tests.kit.served import Served, parent_of, served

pytestmark = pytest.mark.slow

TWO = {"workers": 2}


def _request(here: Served) -> bytes:
    return request("POST", PATH, ("X-Api-Key", here.key), body=b"x")


async def _asked(caller: Line, here: Served) -> Answer:
    return await (await caller.send(_request(here))).answer()


async def _called(here: Served) -> Answer:
    async with line(here.port) as caller:
        return await _asked(caller, here)


@asynccontextmanager
async def _lines(here: Served, count: int) -> AsyncIterator[list[Line]]:
    """Callers that are connected."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(line(here.port)) for _ in range(count)]


async def _kill(here: Served, worker: int) -> None:
    """Kill a worker, and wait for the one in its place."""
    os.kill(worker, signal.SIGKILL)
    await until(lambda: here.replaced(worker))


class Held:
    """An upstream's script that answers nobody until it is let go."""

    def __init__(self) -> None:
        self.on = asyncio.Event()

    async def __call__(self, exchange: kit.Exchange) -> None:
        await self.on.wait()
        await exchange.answer(kit.OK)


async def test_a_killed_worker_takes_its_own_calls_with_it_each_is_told_and_another_takes_its_place(
    tmp_path: Path,
) -> None:
    held = Held()
    async with kit.running(held) as upstream, AsyncExitStack() as stack:
        here = stack.enter_context(served(tmp_path, upstream.port, changes=TWO))
        victim, other = here.workers()
        with here.only(victim):
            callers = await stack.enter_async_context(_lines(here, 5))
        with here.only(other):
            callers += await stack.enter_async_context(_lines(here, 5))
        calls = [asyncio.create_task(_asked(caller, here)) for caller in callers]
        await until(lambda: len(upstream.requests) == 10)
        os.kill(victim, signal.SIGKILL)
        for call in calls[:5]:
            with pytest.raises(CutOff):
                await call
        held.on.set()
        assert [(await call).status for call in calls[5:]] == [200] * 5
        await until(lambda: here.replaced(victim), seconds=10)
        await until(lambda: len(here.events("exchange")) == len(here.events("call_lost")) == 5)
        [lost] = here.events("worker_lost")
        assert (lost["worker"], lost["ended_by"], lost["in_progress"]) == (victim, "SIGKILL", 5)
        told = here.events("call_lost")
        assert {(each["sent"], each["client"], each["tenant"], each["route"]) for each in told} == {
            ("unknown", "dynamics", "linde", "cov")
        }
        answered = {str(each["id"]) for each in here.events("exchange")}
        assert len(answered) == 5
        assert len({str(each["id"]) for each in told} | answered) == 10
        with here.only(here.workers()[-1]):
            assert (await _called(here)).status == 200
        async with asyncio.timeout(10):
            # One that was stopped counts as silent until it has reported again.
            while 'relay_workers{state="working"} 2.0' not in (page := (await here.ask_operator("/metrics"))[1]):
                await asyncio.sleep(0.05)
        assert 'relay_calls_lost_total{route="cov",tenant="linde"} 5.0' in page
        assert "relay_worker_restarts_total 1.0" in page
        assert await here.calls() == 6


@dataclass
class Load:
    """Callers that call all the time, each over a line of its own, and over a new one when that is cut."""

    here: Served
    answered: int = 0
    cut: list[float] = field(default_factory=list)
    unconnected: int = 0
    over: bool = False

    async def call(self) -> None:
        loop = asyncio.get_running_loop()
        while not self.over:
            try:
                async with line(self.here.port) as caller:
                    while not self.over:
                        assert (await _asked(caller, self.here)).status == 200
                        self.answered += 1
            except CutOff:
                self.cut.append(loop.time())
            except OSError:
                self.unconnected += 1


@pytest.mark.alone
async def test_killing_workers_under_load_cuts_no_other_call_and_no_count_goes_down(tmp_path: Path) -> None:
    """What the upstream saw is accounted for: by the line of an exchange, or by that of a call that was lost."""
    loop, counts, killed = asyncio.get_running_loop(), [0.0], list[float]()
    async with kit.running() as upstream:
        with served(tmp_path, upstream.port, changes=TWO) as here:
            load = Load(here)
            async with asyncio.TaskGroup() as group:
                for _ in range(12):
                    group.create_task(load.call())
                for _ in range(3):
                    for _ in range(3):
                        await asyncio.sleep(0.2)
                        counts.append(await here.calls())
                    killed.append(loop.time())
                    await _kill(here, here.workers()[0])
                    counts.append(await here.calls())
                load.over = True
        assert counts == sorted(counts)
        # Each cut falls together with a kill, and at most every line that there was is cut once by it.
        assert all(any(at <= cut < at + 0.5 for at in killed) for cut in load.cut)
        assert len(load.cut) <= 12 * len(killed)
        assert load.unconnected <= len(load.cut), "only who was in the victim's handshake"
        exchanges = {str(each["id"]) for each in here.events("exchange")}
        lost = {str(each["id"]) for each in here.events("call_lost")}
        assert len(lost - exchanges) <= len(load.cut)
        assert len(upstream.requests) <= len(exchanges | lost)
        assert load.answered <= len(exchanges)
        assert load.answered > 200
        assert len(here.events("worker_lost")) == 3


async def test_callers_that_wait_for_a_worker_are_not_lost_with_it(tmp_path: Path) -> None:
    """They wait at the socket, which all have."""
    async with kit.running() as upstream:
        with served(tmp_path, upstream.port, changes=TWO) as here:
            for pid in (pids := here.workers()):
                os.kill(pid, signal.SIGSTOP)
            calls = [asyncio.create_task(_called(here)) for _ in range(20)]
            await asyncio.sleep(0.3)
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            assert [(await call).status for call in calls] == [200] * 20


async def test_one_scrape_tells_of_all_workers(tmp_path: Path) -> None:
    async with kit.running() as upstream:
        with served(tmp_path, upstream.port, changes=TWO) as here:
            for worker, calls in zip(here.workers(), (3, 4), strict=True):
                with here.only(worker):
                    for _ in range(calls):
                        await _called(here)
            _, page = await here.ask_operator("/metrics")
            assert await here.calls() == 7
            assert 'relay_upstream_connections_total{event="opened",tenant="linde"} 2.0' in page
            assert 'relay_call_duration_seconds_count{route="cov",tenant="linde"} 7.0' in page
            with here.only(here.workers()[0]):  # one that does not answer still counts with what it told last
                assert await here.calls() == 7
                _, page = await here.ask_operator("/metrics")
                assert 'relay_workers{state="silent"} 1.0' in page
            assert len(here.events("worker_silent")) == 1


@pytest.mark.parametrize("all_at_once", [True, False])
async def test_a_drain_lets_calls_in_progress_end_whoever_is_told(tmp_path: Path, all_at_once: bool) -> None:
    """A terminal, and systemd, tell every process of a group."""
    held = Held()
    async with kit.running(held) as upstream, AsyncExitStack() as stack:
        here = stack.enter_context(served(tmp_path, upstream.port, changes=TWO | {"deadlines.drain_notice": 0.5}))
        callers = []
        for worker in here.workers():
            with here.only(worker):
                callers += await stack.enter_async_context(_lines(here, 2))
        calls = [asyncio.create_task(_asked(caller, here)) for caller in callers]
        await until(lambda: len(upstream.requests) == 4)
        for pid in (here.pid, *here.workers()) if all_at_once else (here.pid,):
            os.kill(pid, signal.SIGTERM)
        await until(lambda: here.events("draining"))
        assert await here.ask_operator("/readyz") == (503, "not ready: draining\n")
        late = await stack.enter_async_context(_lines(here, 1))  # still served while the notice lasts
        assert here.events("draining")[0]["in_progress"] == 4
        await asyncio.sleep(0.7)
        assert await late[0].ended()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", here.port)
        held.on.set()
        answers = [await call for call in calls]
        assert [(answer.status, answer.field("connection")) for answer in answers] == [(200, "close")] * 4
        await until(lambda: here.events("drained"))
        assert here.events("drained")[0]["all_ended"] is True
        assert here.events("worker_lost") == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_session_begun_with_one_worker_is_resumed_by_the_other_and_by_a_newcomer(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    context = trusting_context()
    context.minimum_version = context.maximum_version = version
    async with kit.running() as upstream:
        with served(tmp_path, upstream.port, changes=TWO) as here:
            one, other = here.workers()
            with here.only(one):
                first = await asyncio.to_thread(_connected, here, context, None)
                again = await asyncio.to_thread(_connected, here, context, first.session)
            with here.only(other):
                elsewhere = await asyncio.to_thread(_connected, here, context, first.session)
            await _kill(here, one)
            with here.only(here.workers()[-1]):
                newcomer = await asyncio.to_thread(_connected, here, context, first.session)
            reused = [each.session_reused for each in (first, again, elsewhere, newcomer)]
            assert reused == [False, True, True, True]
            for each in (first, again, elsewhere, newcomer):
                each.close()


def _connected(here: Served, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", here.port))
    caller = context.wrap_socket(plain, server_hostname="localhost", session=session)
    caller.sendall(_request(here))
    assert caller.recv(4096).startswith(b"HTTP/1.1 200")  # a 1.3 session comes with the first answer
    return caller


async def test_the_lines_of_two_workers_are_never_torn_on_a_pipe(tmp_path: Path) -> None:
    """Many at once: refused calls cost little, and each leaves a line."""
    burst = request("GET", "/nowhere", ("X-Api-Key", "x")) * 50
    with served(tmp_path, 1, changes=TWO | {"listen.longest_delay": 0}) as here:
        async with _lines(here, 20) as callers:

            async def refused(caller: Line) -> None:
                for _ in range(10):
                    await caller.send(burst)
                    for _ in range(50):
                        assert (await caller.answer()).status == 401

            await asyncio.gather(*map(refused, callers))
        await until(lambda: len(here.events("exchange")) == 10_000)
    ids = [str(each["id"]) for each in here.events("exchange")]  # each line is JSON, or this would not have come so far
    assert len(set(ids)) == 10_000


async def test_when_the_nursery_is_gone_it_drains_and_ends(tmp_path: Path) -> None:
    async with kit.running() as upstream:
        with served(tmp_path, upstream.port, changes=TWO) as here:
            nursery = parent_of(here.workers()[0])
            assert nursery != here.pid
            async with line(here.port) as caller:
                assert (await _asked(caller, here)).status == 200
                os.kill(nursery, signal.SIGKILL)
                await until(lambda: here.events("drained"))
                assert await caller.ended()
            assert here.events("drained")[0]["all_ended"] is True


async def test_a_worker_that_dies_with_the_probe_gives_it_back_and_refusals_of_all_are_one_row(tmp_path: Path) -> None:
    refused = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    held, says = asyncio.Event(), [refused]
    held.set()

    async def script(exchange: kit.Exchange) -> None:
        answer = says[0]
        await held.wait()
        await exchange.answer(answer)

    changes = TWO | {"guard.first_pause": 1, "guard.longest_pause": 1}
    async with kit.running(script) as upstream:
        with served(tmp_path, upstream.port, changes=changes) as here:
            victim, other = here.workers()
            with here.only(victim):
                assert [(await _called(here)).status for _ in range(2)] == [403, 403]
            with here.only(other):
                assert [(await _called(here)).status for _ in range(2)] == [403, 503]
            await asyncio.sleep(1.1)
            held.clear()
            with here.only(victim):
                async with line(here.port) as caller:
                    probe = asyncio.create_task(_asked(caller, here))
                    await until(lambda: len(upstream.requests) == 4)
                    await _kill(here, victim)
                    with pytest.raises(CutOff):
                        await probe
            says[0] = kit.OK
            held.set()
            assert (await _called(here)).status == 503  # VECOZO may have counted it: the next waits as after any
            await asyncio.sleep(1.1)
            assert (await _called(here)).status == 200
            assert len(upstream.requests) == 5
            names = ("guard_holding", "guard_probing", "guard_passing")
            await until(lambda: [len(here.events(name)) for name in names] == [2, 2, 1])
