"""Two relays with two workers each that count together: a limit holds for all of them, else for each."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kit import upstream as up
from tests.kit.line import line, request
from tests.kit.redis import Redis, redis
from tests.kit.relay import PATH
from tests.kit.served import Served, served

pytestmark = pytest.mark.slow

LIMIT = 100
CALLS = 1000
CALLERS = 8


async def _passed(relays: list[Served], calls: int) -> int:
    """Have callers of each relay make so many calls in all; return how many passed, the rest having met the limit."""

    async def caller(here: Served, times: int) -> int:
        async with line(here.port) as each:
            call = request("GET", PATH, ("X-Api-Key", here.key))
            statuses = [(await (await each.send(call)).answer()).status for _ in range(times)]
        assert set(statuses) <= {200, 429}
        return statuses.count(200)

    share = calls // (len(relays) * CALLERS)
    return sum(await asyncio.gather(*(caller(here, share) for here in relays for _ in range(CALLERS))))


async def _there(relays: list[Served], value: str) -> None:
    async with asyncio.timeout(20):
        for here in relays:
            while f"relay_shared_count_up {value}" not in (await here.ask_operator("/metrics"))[1]:
                await asyncio.sleep(0.05)


def _both(stack: ExitStack, folder: Path, upstream: int, store: Redis) -> list[Served]:
    changes = {"workers": 2, "clients.dynamics.limits.calls_per_minute": LIMIT, **store.changes}
    relays = []
    for name in ("one", "two"):
        (folder / name).mkdir()
        relays.append(stack.enter_context(served(folder / name, upstream, changes=changes, forked=True)))
    return relays


async def test_one_minutes_calls_are_shared_and_without_the_count_each_relay_has_its_own(tmp_path: Path) -> None:
    async with up.running() as upstream:
        with ExitStack() as stack:
            store = stack.enter_context(redis(tmp_path))
            relays = _both(stack, tmp_path, upstream.port, store)
            await _there(relays, "1.0")
            before = store.asked("evalsha", "eval", "ttl")
            passed = await _passed(relays, CALLS)
            asked = store.asked("evalsha", "eval", "ttl") - before
            print(f"{passed} of {CALLS} calls passed at a limit of {LIMIT} a minute; it was asked {asked} times")
            assert LIMIT * 0.95 <= passed == len(upstream.requests) <= LIMIT
            assert asked <= LIMIT / 10 + 12  # two more for what begins and ends a minute, and a look every 5 seconds
            assert await _passed(relays, 80) == 0

            store.stop()
            await _there(relays, "0.0")
            # Each has carried its share of this minute, and may carry what else it could have carried alone.
            assert await _passed(relays, CALLS) == 2 * LIMIT - passed
            for here in relays:
                assert [each["level"] for each in here.events("shared_count_away")] == ["warning"]

            store.start()
            await _there(relays, "1.0")
            assert await _passed(relays, 160) == 0  # each remembers of this minute that it was used up
