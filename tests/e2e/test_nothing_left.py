"""After a great many calls, and aborts of each side at every point, nothing is left of any of them."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from relay.crew.table import Lost, lost_in
from tests.e2e import traffic
from tests.kit.census import Census, censuses
from tests.kit.line import Line
from tests.kit.served import Served, served
from tests.kit.upstream import Upstream

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

CALLS = 10_000
ABORTS = 1_000
# Callers from one address in each process: more than are ever there, and few enough to fill the place in the end.
MOST = 200
# What is remembered on purpose (shapes of heads, counts by label) settles; of that, or of what the census itself
# makes, there may be a few more. A string left by each call would be ten times as many blocks.
FEW = 20
FEW_BLOCKS = 1_000
# Memory goes back to the system in pieces, if at all. TLS of one connection takes about 50 KiB.
GROWTH = 6 << 20
# What calls became: those that were let be, and those that were broken off.
BECAME = {
    *((200, None), (204, None), (401, "caller_unknown"), (403, "functional"), (404, "route_unknown"), (413, None)),
    *((200, "upstream_closed"), (200, "upstream_invalid"), (403, "upstream_closed"), (409, "outcome_unknown")),
    *((502, "upstream_closed"), (502, "upstream_invalid"), (503, "upstream_unreachable")),
    *((400, "malformed_request"), (499, "caller_left")),
}
# Seconds: longer than anything is kept when nothing happens.
CALM = 1.5
KEPT = 0.4


@asynccontextmanager
async def running(folder: Path, workers: int) -> AsyncIterator[tuple[Served, Upstream]]:
    async with traffic.upstream() as upstream, traffic.closed_upstream() as closed:
        routes = [
            {"name": "cov", "prefix": "/acc/cov", "upstream": f"https://localhost:{upstream.port}"},
            {"name": "closed", "prefix": traffic.NO_HANDSHAKE, "upstream": f"https://localhost:{closed}"},
        ]
        changes: dict[str, object] = {
            "workers": workers,
            "deadlines.idle": KEPT,
            "listen.max_connections": 2 * MOST,  # so that a machine with few open files gives no warning
            "listen.max_connections_per_address": MOST,
            "listen.longest_delay": 0,
            "tenants.linde.routes": routes,
        }
        with served(folder, upstream.port, changes=changes, module="tests.kit.census") as here:
            yield here, upstream


@pytest.mark.parametrize("workers", [1, 2])
async def test_after_ten_thousand_calls_and_a_thousand_aborts_by_each_side_all_is_as_it_was(
    tmp_path: Path, workers: int
) -> None:
    async with running(tmp_path, workers) as (here, upstream):
        load = traffic.Traffic(here)
        # Enough of each kind of refusal to fill the history, which keeps the latest on purpose.
        await happen(load, calls=CALLS // 5, aborts=ABORTS * 3 // 5)
        before = await calm(here, tmp_path)
        load.became.clear()
        await happen(load, calls=CALLS, aborts=ABORTS)
        assert load.became == {
            "answered": CALLS,
            "full": CALLS // 10,
            "resumed": CALLS // 10,
            "left": ABORTS,
            "broken off": ABORTS,
        }
        after = await calm(here, tmp_path)
        assert after.keys() == before.keys(), "no process was replaced"
        for pid, census in after.items():
            assert census.unlike(before[pid], slack=FEW) == {}
            assert census.blocks - before[pid].blocks < FEW_BLOCKS
            assert census.resident - before[pid].resident < GROWTH
        assert upstream.open == 0
        assert list(noted_as_in_progress(here)) == []
        _, page = await here.ask_operator("/metrics")
        assert "relay_calls_in_progress 0.0" in page
        for worker in here.workers() or [here.pid]:
            await find_room(here, worker)
        told(here)


async def happen(load: traffic.Traffic, *, calls: int, aborts: int) -> None:
    """Callers that leave disturb no other call; an upstream that breaks off may, on a connection that it had kept."""
    here = load.here
    await load.run(traffic.mixed(traffic.calls(here, calls), traffic.left(here, aborts // 2)))
    await load.run(traffic.left(here, aborts // 2))  # alone, for more of them in one turn of a loop
    await load.run(traffic.broken_off(here, aborts))


async def calm(here: Served, folder: Path) -> dict[int, Census]:
    """What there is once nothing more changes."""
    async with asyncio.timeout(90):
        last = await censuses(here, folder)
        while True:
            await asyncio.sleep(CALM)
            now = await censuses(here, folder)
            if not any(now[pid].unlike(last[pid], slack=FEW) for pid in last):
                return now
            last = now


def noted_as_in_progress(here: Served) -> Iterator[Lost]:
    """The calls that would be told as lost if a worker were killed now."""
    for file in Path(f"/proc/{here.pid}/fd").iterdir():
        if str(file.readlink()).startswith("/memfd:table"):
            table = os.open(file, os.O_RDONLY)
            try:
                yield from lost_in(table)
            finally:
                os.close(table)


async def find_room(here: Served, worker: int) -> None:
    """As many callers are let in as may be and not one more, so none of those that left is still counted."""
    with ExitStack() as stack:
        if here.workers():
            stack.enter_context(here.only(worker))
        callers = [Line(*await asyncio.open_connection("127.0.0.1", here.port)) for _ in range(MOST + 1)]
        ends = [asyncio.create_task(caller.ended()) for caller in callers]
        done, waiting = await asyncio.wait(ends, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        for caller in callers:
            caller.hang_up()
        await asyncio.gather(*waiting)
        assert done == {ends[-1]}


def told(here: Served) -> None:
    """Every abort came about, none was a fault of our own, and nothing was told but by lines of the log."""
    became = {(line["status"], line.get("cause")) for line in here.events("exchange")}
    assert became >= BECAME
    assert {line["event"] for line in here.lines()} <= {"exchange", "ready", "worker_started", "caller_refused"}
    assert here.log.with_suffix(".err").read_text() == ""
