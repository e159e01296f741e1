"""Keys beyond one process: two workers that get the same at once send one, and no death or restart frees it."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import pytest

from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import Answer, CutOff, line, request
from tests.kit.served import Served, served

pytestmark = pytest.mark.slow

CLAIMS = "/acc/claims/v1"
TWO: dict[str, object] = {"workers": 2}


def _request(here: Served, key: str) -> bytes:
    return request("POST", CLAIMS, ("X-Api-Key", here.key), ("Idempotency-Key", key), body=b"claim")


async def _asked(here: Served, key: str = "k") -> Answer:
    async with line(here.port) as caller:
        return await (await caller.send(_request(here, key))).answer()


async def _told(here: Served, key: str = "k") -> tuple[object, ...]:
    answer = await _asked(here, key)
    problem = orjson.loads(answer.body)
    return answer.status, problem["code"], problem.get("first_outcome"), problem.get("first_status")


class _Held:
    """An upstream's script that answers nobody until it is let go."""

    def __init__(self) -> None:
        self.on = asyncio.Event()

    async def __call__(self, exchange: kit.Exchange) -> None:
        await self.on.wait()
        await exchange.answer(kit.OK)


async def test_two_workers_that_get_the_same_key_at_once_send_one(tmp_path: Path) -> None:
    async with kit.running() as upstream, AsyncExitStack() as stack:
        here = stack.enter_context(served(tmp_path, upstream.port, changes=TWO))
        callers = []
        for worker in here.workers():
            with here.only(worker):
                callers += [await stack.enter_async_context(line(here.port)) for _ in range(4)]
        for key in range(100):
            await asyncio.gather(*(caller.send(_request(here, f"key-{key}")) for caller in callers))
            statuses = sorted([(await caller.answer()).status for caller in callers])
            assert statuses == [200] + [409] * 7
            assert len(upstream.requests) == key + 1
        _, page = await here.ask_operator("/metrics")
        assert "relay_idempotency_keys 100.0" in page


async def test_a_repeat_that_comes_to_the_other_worker_right_after_the_answer_hears_of_it(tmp_path: Path) -> None:
    """And where nothing was sent, it goes: its key is free before the first caller hears so."""
    async with kit.running() as upstream, AsyncExitStack() as stack:
        routes = [
            {"name": "claims", "prefix": CLAIMS, "upstream": f"https://localhost:{upstream.port}"},
            {"name": "nowhere", "prefix": "/nowhere", "upstream": "https://localhost:1"},
        ]
        here = stack.enter_context(served(tmp_path, upstream.port, changes=TWO | {"tenants.linde.routes": routes}))
        callers = []
        for worker in here.workers():
            with here.only(worker):
                callers.append(await stack.enter_async_context(line(here.port)))
        one, other = callers
        for key in range(50):
            assert (await (await one.send(_request(here, f"{key}"))).answer()).status == 200
            again = await (await other.send(_request(here, f"{key}"))).answer()
            assert orjson.loads(again.body)["code"] == "already_sent"
            nowhere = _request(here, f"nowhere-{key}").replace(CLAIMS.encode(), b"/nowhere")
            assert (await (await one.send(nowhere)).answer()).status == 503
            assert (await (await other.send(nowhere)).answer()).status == 503
        assert len(upstream.requests) == 50


async def test_what_a_killed_worker_had_in_progress_is_unknown_and_goes_no_more(tmp_path: Path) -> None:
    held = _Held()
    async with kit.running(held) as upstream, AsyncExitStack() as stack:
        here = stack.enter_context(served(tmp_path, upstream.port, changes=TWO))
        victim, other = here.workers()
        with here.only(victim):
            caller = await stack.enter_async_context(line(here.port))
        await caller.send(_request(here, "k"))
        await until(lambda: upstream.requests)
        with here.only(other):
            assert await _told(here) == (409, "in_progress", None, None)
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(CutOff):
            await caller.answer()
        await until(lambda: here.events("worker_lost"))
        held.on.set()
        assert await _told(here) == (409, "already_sent", "unknown", None)
        assert len(upstream.requests) == 1


@pytest.mark.parametrize("workers", [1, 2])
async def test_with_a_file_keys_outlive_the_relay_and_without_one_they_do_not(tmp_path: Path, workers: int) -> None:
    kept: dict[str, object] = {"workers": workers, "ledger.file": "keys"}
    async with kit.running() as upstream:
        with served(tmp_path, upstream.port, changes=kept) as here:
            assert (await _asked(here)).status == 200
        with served(tmp_path, upstream.port, changes=kept) as here:
            assert await _told(here) == (409, "already_sent", "answered", 200)
        with served(tmp_path, upstream.port, changes={"workers": workers}) as here:
            assert (await _asked(here)).status == 200
        assert len(upstream.requests) == 2
        assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("workers", [1, 2])
async def test_what_was_in_progress_when_the_whole_relay_was_killed_is_unknown(tmp_path: Path, workers: int) -> None:
    kept: dict[str, object] = {"workers": workers, "ledger.file": "keys", "deadlines.drain": 0.1}
    async with kit.running(_Held()) as upstream:
        with served(tmp_path, upstream.port, changes=kept) as here:
            async with line(here.port) as caller:
                await caller.send(_request(here, "k"))
                await until(lambda: upstream.requests)
                for pid in reversed(here.family()):
                    os.kill(pid, signal.SIGKILL)
        with served(tmp_path, upstream.port, changes=kept) as here:
            assert await _told(here) == (409, "already_sent", "unknown", None)
        assert len(upstream.requests) == 1
