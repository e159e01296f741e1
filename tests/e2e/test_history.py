"""The history of a relay that runs: that of all its processes, and of those that are gone."""

import asyncio
import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from relay.observe.history import MOST
from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import line, request
from tests.kit.relay import PATH
from tests.kit.served import Served, served

pytestmark = pytest.mark.slow

_LAST_GOOD = r"(?m)^relay_last_good_call_timestamp_seconds{.*} (\S+)$"
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


async def _refused(here: Served, times: int = 1) -> list[str]:
    """Have calls refused over one line; return their names, the newest first."""
    async with line(here.port) as caller:
        names = []
        for _ in range(times):
            octets = request("POST", PATH, ("X-Api-Key", here.key), body=b"x")
            answer = await (await caller.send(octets)).answer()
            assert answer.status == 403
            names.append(str(answer.field("x-relay-request-id")))
        return names[::-1]


async def _names(here: Served) -> list[str]:
    _, told = await here.ask_operator("/history")
    refusals: list[dict[str, Any]] = json.loads(told)["refusals"]
    return [each["id"] for each in refusals]


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_flood_leaves_the_latest_of_all_processes_newest_first(tmp_path: Path, workers: int) -> None:
    changes = {"workers": workers, "guard.after": 100}
    async with kit.running(kit.answering(FORBIDDEN)) as upstream:
        with served(tmp_path, upstream.port, changes=changes) as here:
            names = await _refused(here, 2 * MOST)
            for worker in here.workers():
                with here.only(worker):
                    names = await _refused(here, 3) + names
            assert await _names(here) == names[:MOST]


@pytest.mark.parametrize("workers", [1, 2])
async def test_when_a_call_last_went_well_is_told_without_a_refusal(tmp_path: Path, workers: int) -> None:
    async with kit.running(kit.answering(FINE)) as upstream:
        with served(tmp_path, upstream.port, changes={"workers": workers}) as here:
            assert re.findall(_LAST_GOOD, (await here.ask_operator("/metrics"))[1]) == ["0.0"]
            async with line(here.port) as caller:
                octets = request("POST", PATH, ("X-Api-Key", here.key), body=b"x")
                assert (await (await caller.send(octets)).answer()).status == 200
            async with asyncio.timeout(10):
                while re.findall(_LAST_GOOD, (await here.ask_operator("/metrics"))[1]) == ["0.0"]:
                    await asyncio.sleep(0.1)


async def test_what_a_worker_told_outlives_it(tmp_path: Path) -> None:
    async with kit.running(kit.answering(FORBIDDEN)) as upstream:
        with served(tmp_path, upstream.port, changes={"workers": 2, "guard.after": 100}) as here:
            victim, other = here.workers()
            with here.only(victim):
                names = await _refused(here)
            with here.only(other):
                names = await _refused(here) + names
            assert await _names(here) == names
            os.kill(victim, signal.SIGKILL)
            await until(lambda: here.replaced(victim), seconds=10)
            with here.only(here.workers()[-1]):
                names = await _refused(here) + names
            assert await _names(here) == names


async def test_it_is_told_soon_without_being_asked_for(tmp_path: Path) -> None:
    """A worker that dies takes what was refused in its last second with it, and no more."""
    async with kit.running(kit.answering(FORBIDDEN)) as upstream:
        with served(tmp_path, upstream.port, changes={"workers": 2}) as here:
            names = await _refused(here)
            await asyncio.sleep(2)
            for worker in here.workers():
                os.kill(worker, signal.SIGKILL)
            await until(lambda: len(here.events("worker_lost")) == 2, seconds=10)
            assert await _names(here) == names
