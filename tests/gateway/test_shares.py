"""What several relays count together, with a real server between them: calls, octets and nonces."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from relay.auth.nonces import KEEP, Seen
from relay.compose.relay.nonces import CommonNonces
from relay.gateway.common_count import RedisCount
from relay.gateway.meter import Allowance, Limit, Meter, MeterRoom, Reached, Wanted
from relay.gateway.shares import CommonCountAway, Dealer
from tests.kit.door import until
from tests.kit.redis import PASSWORD, Redis, redis


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Redis]:
    with redis(tmp_path) as here:
        yield here


def _count(store: Redis) -> RedisCount:
    return RedisCount(f"redis://127.0.0.1:{store.port}/1", password=PASSWORD, trust=None)


@asynccontextmanager
async def closing(*counts: RedisCount) -> AsyncIterator[None]:
    """Close them after the block."""
    try:
        yield
    finally:
        for count in counts:
            await count.close()


class Node:
    """One relay of several: its meter, and who deals it shares."""

    def __init__(self, store: Redis, total: Allowance | None = None, **limits: int) -> None:
        self.room = room = MeterRoom()
        self.allowances = {"dynamics": Allowance(**limits)} if limits else {}
        self.heard: list[str | None] = []
        self.dealer = Dealer(
            room,
            _count(store),
            allowances=lambda: self.allowances,
            total=total,
            changed=self.heard.append,
        )
        self.meter = Meter(room, total)
        self.meter.use(self.allowances)

    async def call(self, octets: int = 0) -> Reached | None:
        """Make a call; return the limit that it met, if any."""
        alone = False
        while isinstance(taken := self.meter.take("dynamics", time.time(), dealt=not alone), Wanted):
            told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self.dealer.ask(taken.client, told.set_result)
            alone = not await told
        if isinstance(taken, Reached):
            return taken
        self.meter.give_back(taken, octets)
        return None

    async def passed(self, calls: int) -> int:
        return [await self.call() for _ in range(calls)].count(None)


@asynccontextmanager
async def nodes(make: Callable[[], Node]) -> AsyncIterator[tuple[Node, Node]]:
    both = make(), make()
    try:
        for node in both:
            await node.dealer.begin()
            assert node.heard == [None]
        yield both
    finally:
        for node in both:
            await node.dealer.close()


async def test_a_minutes_calls_are_dealt_in_shares_until_they_are_used_up_everywhere(store: Redis) -> None:
    async with nodes(lambda: Node(store, calls_per_minute=100)) as (one, other):
        assert await one.passed(50) == 50
        assert await other.passed(60) == 48  # the other has two of its share left
        assert await one.passed(50) == 2
        reached = await other.call()
        assert isinstance(reached, Reached)
        assert (reached.limit, reached.of_all) == (Limit.CALLS_PER_MINUTE, False)
        assert 55 <= reached.seconds <= 60
        asked = store.asked("evalsha")
        assert await other.passed(1000) == 0
        assert store.asked("evalsha") == asked


async def test_the_limit_of_all_clients_is_shared_too(store: Redis) -> None:
    async with nodes(lambda: Node(store, Allowance(calls_per_minute=16), calls_per_minute=1000)) as (one, other):
        assert await one.passed(8) == 8
        assert await other.passed(20) == 8
        reached = await one.call()
        assert isinstance(reached, Reached)
        assert reached.of_all


@pytest.mark.parametrize("limit", [1, 3, 7, 9])
async def test_small_limits_are_dealt_to_the_last_call(store: Redis, limit: int) -> None:
    async with nodes(lambda: Node(store, calls_per_minute=limit)) as (one, other):
        assert [await node.call() for _ in range(20) for node in (one, other)].count(None) == limit


async def test_many_who_ask_at_once_are_dealt_one_share(store: Redis) -> None:
    async with nodes(lambda: Node(store, calls_per_minute=80)) as (one, other):
        before = store.asked("evalsha")
        outcomes = await asyncio.gather(*(one.call() for _ in range(10)))
        assert outcomes == [None] * 10
        assert store.asked("evalsha") - before == 1
        assert await other.passed(100) == 70


async def test_the_next_minute_has_as_many_again(store: Redis) -> None:
    async with nodes(lambda: Node(store, calls_per_minute=10)) as (one, other):
        assert await one.passed(20) == 10
        assert await other.passed(5) == 0
        store.client().delete("relay:calls:dynamics")  # as if it were over
        for node in (one, other):
            node.room.deal(node.room.slot("dynamics"), 0, time.time())
        assert await one.passed(4) + await other.passed(20) == 10


async def test_octets_of_a_day_are_told_to_the_others(store: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.gateway.shares._EVERY", 0.05)
    async with nodes(lambda: Node(store, bytes_per_day=100)) as (one, other):
        keeping = [asyncio.get_running_loop().create_task(node.dealer.keep()) for node in (one, other)]
        assert await one.call(60) is None
        assert await other.call(39) is None
        key = f"relay:octets:dynamics:{int(time.time()) // 86400}"
        await until(lambda: int(store.client().get(key) or 0) == 99)  # type: ignore[arg-type]  # no coroutine here
        assert await one.call(1) is None
        await until(lambda: int(store.client().get(key) or 0) == 100)  # type: ignore[arg-type]
        # Who told the last octet hears of the sum a moment after everybody else could.
        async with asyncio.timeout(5):
            while not isinstance(reached := await one.call(), Reached):
                await asyncio.sleep(0.01)
        assert reached.limit is Limit.BYTES_PER_DAY
        for task in keeping:
            task.cancel()


async def test_a_count_that_is_away_leaves_each_to_itself_and_is_found_again(
    store: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.gateway.shares._FIRST_PAUSE", 0.05)
    async with nodes(lambda: Node(store, calls_per_minute=20)) as (one, other):
        keeping = asyncio.get_running_loop().create_task(one.dealer.keep())
        assert await one.passed(2) == 2
        store.stop()
        assert await one.passed(50) == 18
        assert await other.passed(50) == 20
        assert one.heard[-1] is not None
        assert PASSWORD not in one.heard[-1]
        store.start()
        await until(lambda: one.heard[-1] is None)
        assert await one.passed(50) == 20
        keeping.cancel()


async def test_a_nonce_is_first_at_one_relay_alone_and_nothing_is_sure_while_the_count_is_away(store: Redis) -> None:
    counts = _count(store), _count(store)
    one, other = map(CommonNonces, counts)

    async def use(nonces: CommonNonces, nonce: bytes) -> Seen:
        told: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()
        nonces.use(nonce, int(time.time()), told.set_result)
        return await told

    async with closing(*counts):
        seen = await asyncio.gather(*(use(each, bytes(32)) for each in (one, other, one, other)))
        assert sorted(seen) == [Seen.BEFORE] * 3 + [Seen.FIRST]
        assert await use(other, bytes(31) + b"\1") is Seen.FIRST
        kept = [store.client().ttl(each) for each in store.client().scan_iter("*nonce:*")]
        # By a clock that is behind, a signature is young for longer.
        assert len(kept) == 2
        assert all(int(str(each)) > KEEP + 50 for each in kept)
        store.stop()
        assert await use(one, bytes(31) + b"\2") is Seen.UNSURE


async def test_a_server_that_says_no_is_told_without_the_password(store: Redis) -> None:
    wrong = RedisCount(f"redis://127.0.0.1:{store.port}/1", password="not-this-one", trust=None)
    async with closing(wrong):
        with pytest.raises(CommonCountAway, match="invalid username-password") as fault:
            await wrong.add("looked", 1, 60)
    assert "not-this-one" not in str(fault.value)


async def test_a_server_that_is_silent_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.gateway.common_count._PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        count = RedisCount(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", password=None, trust=None)
        async with closing(count):
            with pytest.raises(CommonCountAway, match=r"gave no answer within 0\.1 seconds"):
                await count.add("looked", 1, 60)


async def test_over_tls_its_certificate_has_to_be_of_the_authorities_that_are_told(tmp_path: Path) -> None:
    with redis(tmp_path, tls=True) as store:
        url, trust = f"rediss://localhost:{store.port}/1", tmp_path / "trust.pem"
        right = RedisCount(url, password=PASSWORD, trust=trust)
        strange = RedisCount(url, password=PASSWORD, trust=None)
        elsewhere = RedisCount(
            f"rediss://127.0.0.2:{store.port}/1", password=PASSWORD, trust=trust
        )  # its name has no such address
        async with closing(right, strange, elsewhere):
            assert await right.add("looked", 1, 60) == 1
            for each in (strange, elsewhere):
                with pytest.raises(CommonCountAway, match=r"(?i)certificate.verify.failed"):
                    await each.add("looked", 1, 60)
