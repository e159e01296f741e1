"""A renewed system certificate is taken into use under load: no call fails, and soon every call carries it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.kit import authority as kit
from tests.kit import upstream as upstream_kit
from tests.kit.line import line, request
from tests.kit.relay import PASSWORD, PATH
from tests.kit.served import Served, served
from tests.kit.upstream import Upstream

pytestmark = [pytest.mark.slow, pytest.mark.alone]

CALLERS = 10
EVERY = 0.05
BEFORE, AFTER = 2.0, 8.0


@pytest.mark.parametrize("workers", [1, 2])
async def test_swapping_the_certificate_under_200_calls_a_second_fails_none(tmp_path: Path, workers: int) -> None:
    renewed = kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT - timedelta(hours=1))
    async with upstream_kit.running() as upstream:
        with served(tmp_path, upstream.port, changes={"workers": workers}) as here:
            statuses, seconds, settled = await under_load(here, upstream, tmp_path, renewed.p12(PASSWORD))
            [old, new] = dict.fromkeys(upstream.serials)
            assert int(new, 16) == renewed.certificate.serial_number
            assert set(statuses) == {200}
            assert len(statuses) / seconds >= 190, f"only {len(statuses) / seconds:.0f} calls a second"
            assert set(upstream.serials[settled:]) == {new}
            assert upstream.under[old] == 0
            assert upstream.under[new] > 0


async def under_load(here: Served, upstream: Upstream, folder: Path, renewed: bytes) -> tuple[list[int], float, int]:
    """Call all the time, swap the file in between; return statuses, seconds, and how many calls came in 5 s after."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with asyncio.TaskGroup() as group:
        load = [group.create_task(caller(here, until=start + AFTER)) for _ in range(CALLERS)]
        await asyncio.sleep(BEFORE)
        (folder / "system.p12").write_bytes(renewed)
        await asyncio.sleep(5)
        settled = len(upstream.serials)
    return [status for task in load for status in task.result()], loop.time() - start, settled


async def caller(here: Served, *, until: float) -> list[int]:
    loop = asyncio.get_running_loop()
    statuses = []
    async with line(here.port) as connection:
        next_at = loop.time()
        while next_at < until:
            await asyncio.sleep(max(0, next_at - loop.time()))
            next_at += EVERY
            await connection.send(request("POST", PATH, ("X-Api-Key", here.key), body=b"<question/>"))
            answer = await connection.answer()
            statuses.append(answer.status)
    return statuses
