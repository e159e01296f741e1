"""What a worker has in progress: readable by another process, and gone once its line is written."""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from relay.crew.table import Lost, Table, lost_in
from relay.observe.exchange import Exchange

AT = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def file() -> Iterator[int]:
    file = os.memfd_create("table")
    yield file
    os.close(file)


def _exchange(number: int, name: str = "linde") -> Exchange:
    known = {"client": "dynamics", "tenant": name, "route": "cov"}
    return Exchange(id=f"{number:032x}", at=AT, peer="192.0.2.1", method="POST", **known)


async def test_a_call_is_there_until_the_turn_in_which_it_ended_is_over(file: int) -> None:
    table, call = Table(file), _exchange(1)
    table.begin(call)
    told = Lost(call.id, "dynamics", "linde", "cov")
    assert list(lost_in(file)) == [told]
    table.note(call)
    assert list(lost_in(file)) == [told], "its line is not written yet"
    await asyncio.sleep(0)
    assert list(lost_in(file)) == []


async def test_what_never_went_upstream_leaves_no_trace(file: int) -> None:
    table = Table(file)
    table.note(_exchange(1))
    await asyncio.sleep(0)
    assert list(lost_in(file)) == []


async def test_it_grows_with_the_calls_in_progress_and_reuses_its_room(file: int) -> None:
    table = Table(file)
    calls = [_exchange(number, "x" * 63) for number in range(1000)]
    for _ in range(2):
        for call in calls:
            table.begin(call)
        assert {lost.id for lost in lost_in(file)} == {call.id for call in calls}
        for call in calls[1:]:
            table.note(call)
        await asyncio.sleep(0)
        assert [lost.id for lost in lost_in(file)] == [calls[0].id]
        table.note(calls[0])
        await asyncio.sleep(0)
    assert os.fstat(file).st_size == 1024 * 256


async def test_another_process_sees_what_one_that_was_killed_had_in_progress(file: int) -> None:
    table = Table(file)
    pid = os.fork()
    if not pid:
        try:
            table.begin(_exchange(1))
            table.begin(_exchange(2))
            os.kill(os.getpid(), 9)
        finally:
            os._exit(1)
    os.waitpid(pid, 0)
    assert [int(lost.id, 16) for lost in lost_in(file)] == [2, 1]
