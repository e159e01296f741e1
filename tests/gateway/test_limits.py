"""Limits over the whole relay, however many workers it has: 429 with when to call again, and nothing sent."""

import asyncio
from pathlib import Path

import orjson
import pytest

from tests.kit import upstream as up
from tests.kit.door import until
from tests.kit.line import Answer, line, request
from tests.kit.relay import PATH, Relay, relay


async def _get(here: Relay) -> Answer:
    async with line(here.port) as caller:
        return await (await caller.send(request("GET", PATH, here.authorised))).answer()


@pytest.mark.parametrize("whose", ["clients.dynamics.limits", "limits"])
async def test_no_more_calls_pass_than_a_minute_has(tmp_path: Path, whose: str) -> None:
    changes = {f"{whose}.calls_per_minute": 5}
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        answers = [await _get(here) for _ in range(12)]
        assert len(upstream.requests) == 5
        assert [each.status for each in answers] == [200] * 5 + [429] * 7
        noted = here.exchanges[-1]
    problem = orjson.loads(answers[-1].body)
    assert (problem["code"], problem["limit"], problem["sent"]) == ("limit_reached", "calls_per_minute", "false")
    assert 0 < int(answers[-1].field("retry-after") or "") <= 60
    assert (noted["status"], noted["cause"], noted["client"]) == (429, "limit_reached", "dynamics")


async def test_calls_in_flight_are_limited_and_those_that_end_make_room(tmp_path: Path) -> None:
    free = asyncio.Event()

    async def held(exchange: up.Exchange) -> None:
        await free.wait()
        await exchange.answer(up.OK)

    changes = {"clients.dynamics.limits.in_flight": 2}
    async with up.running(held) as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        under_way = [asyncio.create_task(_get(here)) for _ in range(2)]
        await until(lambda: len(upstream.requests) == 2)
        refused = await _get(here)
        assert (refused.status, orjson.loads(refused.body)["limit"]) == (429, "in_flight")
        free.set()
        assert [(await each).status for each in under_way] == [200, 200]
        assert (await _get(here)).status == 200


async def test_limits_change_without_a_restart_and_counts_stay(tmp_path: Path) -> None:
    changes = {"clients.dynamics.limits.calls_per_minute": 100}
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        assert [(await _get(here)).status for _ in range(3)] == [200] * 3
        settings = tmp_path / "relay.toml"
        settings.write_text(settings.read_text().replace("calls_per_minute = 100", "calls_per_minute = 3"))
        await until(lambda: any(each["event"] == "clients_taken" for each in here.lines))
        assert (await _get(here)).status == 429
