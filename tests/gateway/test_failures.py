"""Failed attempts are slowed, address by address; a call that proves itself is not, whoever fails beside it."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter

import pytest

from relay.gateway import failures as module
from relay.gateway.failures import Failures
from tests.kit import upstream as up
from tests.kit.door import until
from tests.kit.line import Line, line, request
from tests.kit.proxied import proxied_line, told
from tests.kit.relay import PATH, Relay, relay

WRONG = ("X-Api-Key", "rk_aaaaaaaaaaaaaaaa_" + "A" * 43)
CALL = request("POST", PATH, WRONG, body=b"x" * 10)


def test_the_first_failures_cost_nothing_then_each_twice_as_much_up_to_the_most() -> None:
    failures = Failures(2)
    assert [failures.delay("192.0.2.1", 0.0) for _ in range(20)] == [0.0] * 20
    delays = [failures.delay("192.0.2.1", 0.0) for _ in range(60)]
    assert delays[:7] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0])
    assert set(delays[7:]) == {2.0}
    assert failures.delay("192.0.2.2", 0.0) == 0.0


def test_failures_are_forgotten_one_each_second_and_all_of_them_within_a_minute() -> None:
    failures = Failures(2)
    for _ in range(22):
        failures.delay("192.0.2.1", 0.0)
    assert failures.delay("192.0.2.1", 2.0) == pytest.approx(0.1)
    for _ in range(10_000):
        failures.delay("192.0.2.1", 2.0)
    assert failures.delay("192.0.2.1", 2.0) == 2.0
    assert failures.delay("192.0.2.1", 62.0) == 0.0


def test_only_so_many_addresses_are_remembered() -> None:
    failures = Failures(2)
    for number in range(5_000):
        failures.delay(str(number), 0.0)
    assert repr(failures) == "<Failures of 4096 addresses>"


def test_none_is_put_off_where_the_most_is_nothing() -> None:
    failures = Failures(0)
    assert {failures.delay("192.0.2.1", 0.0) for _ in range(100)} == {0.0}


async def _fail(caller: Line, times: int) -> float:
    """Fail so often, and return how long the last answer took."""
    took = 0.0
    for _ in range(times):
        before = perf_counter()
        assert (await (await caller.send(CALL)).answer()).status == 401
        took = perf_counter() - before
    return took


async def _pass(here: Relay, caller: Line) -> float:
    before = perf_counter()
    answer = await (await caller.send(request("GET", PATH, here.authorised))).answer()
    assert answer.status == 200
    return perf_counter() - before


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The third failure is the first that waits, and for as long as any."""
    monkeypatch.setattr(module, "_FREE", 2.0)
    monkeypatch.setattr(module, "_FIRST", 2.0)


@pytest.mark.one_process
@pytest.mark.usefixtures("soon")
async def test_a_valid_call_is_not_delayed_while_others_wait_at_its_own_address(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        async with line(here.port) as valid, line(here.port) as wrong:
            assert await _fail(wrong, 2) < 1
            waiting = asyncio.create_task(_fail(wrong, 1))
            await asyncio.sleep(0.05)
            assert max([await _pass(here, valid) for _ in range(5)]) < 1
            assert not waiting.done()
            assert await waiting > 1.5
            # On the very connection that was slowed, too.
            assert await _pass(here, wrong) < 1
        assert all(each.head.startswith(b"GET") for each in upstream.requests)


@pytest.mark.one_process
@pytest.mark.usefixtures("soon")
async def test_another_address_is_not_slowed_nor_where_nobody_is_to_be(tmp_path: Path) -> None:
    changes: dict[str, object] = {"listen.proxy_protocol_from": ["127.0.0.1"]}
    async with up.running() as upstream:
        async with (
            relay(tmp_path, upstream.port, changes=changes) as here,
            proxied_line(here.port, told("203.0.113.7")) as slowed,
            proxied_line(here.port, told("203.0.113.8")) as other,
        ):
            assert await _fail(slowed, 3) > 1.5
            assert await _fail(other, 2) < 1
        async with (
            relay(tmp_path, upstream.port, changes={"listen.longest_delay": 0}) as here,
            line(here.port) as caller,
        ):
            assert await _fail(caller, 5) < 1


@pytest.mark.one_process
@pytest.mark.usefixtures("soon")
async def test_an_answer_that_waits_ends_with_its_caller(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        async with line(here.port) as caller:
            await _fail(caller, 2)
            await caller.send(CALL)
            await asyncio.sleep(0.05)
        before = perf_counter()
        await until(lambda: len(here.exchanges) == 3)
        assert perf_counter() - before < 1.5
        assert here.exchanges[-1]["cause"] == "caller_left"
        assert "relay_calls_in_progress 0.0" in await here.scrape()


@pytest.mark.one_process
@pytest.mark.usefixtures("soon")
async def test_only_so_many_answers_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 1)
    async with (
        up.running() as upstream,
        relay(tmp_path, upstream.port) as here,
        line(here.port) as one,
        line(here.port) as other,
    ):
        await _fail(one, 2)
        waiting = asyncio.create_task(_fail(one, 1))
        await asyncio.sleep(0.05)
        assert await _fail(other, 3) < 1
        assert await waiting > 1.5


@pytest.mark.one_process
@pytest.mark.usefixtures("soon")
async def test_an_answer_that_waits_is_given_when_the_relay_drains(tmp_path: Path) -> None:
    async with up.running() as upstream, AsyncExitStack() as stack:
        async with relay(tmp_path, upstream.port) as here:
            caller = await stack.enter_async_context(line(here.port))
            await _fail(caller, 2)
            waiting = asyncio.create_task(_fail(caller, 1))
            await asyncio.sleep(0.05)
            assert not waiting.done()
        assert await waiting < 1.5
