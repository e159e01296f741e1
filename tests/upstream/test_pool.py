"""Connections are kept, found again, closed when idle, and never shared between two certificates."""

import asyncio
from pathlib import Path

from relay.upstream.transport import Patience
from tests.kit import authority
from tests.kit import upstream as kit
from tests.kit.door import ajar, passport, until, whole


async def test_a_kept_connection_carries_the_next_call(tmp_path: Path) -> None:
    async with kit.running() as upstream, ajar(tmp_path, upstream.port) as out:
        for _ in range(3):
            await out.fetch()
    assert upstream.connections == 1
    assert out.counts == {"opened": 1, "reused": 2}


class _Slowly:
    """Answers at once, but for the end of the body: that comes when the test lets it."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, exchange: kit.Exchange) -> None:
        await exchange.answer(kit.OK[:-2])
        await self.go_on.wait()
        await exchange.answer(kit.OK[-2:])


async def test_two_calls_at_once_have_a_connection_each(tmp_path: Path) -> None:
    script = _Slowly()
    async with kit.running(script) as upstream, ajar(tmp_path, upstream.port) as out:
        one, other = await out.call(), await out.call()
        assert one.connection is not other.connection
        assert repr(out.door).endswith("via 192.0.2.9: 2 busy, 0 idle>>")
        script.go_on.set()
        assert await whole(one) == await whole(other) == b"<a/>"
        assert repr(out.door).endswith("via 192.0.2.9: 0 busy, 2 idle>>")
    assert upstream.connections == 2


async def test_two_hosts_never_share_a_connection(tmp_path: Path) -> None:
    async with kit.running() as one, kit.running() as other, ajar(tmp_path, one.port) as out:
        for port in (one.port, other.port, one.port):
            passage = await out.call(port=port)
            await whole(passage)
            passage.close()
    assert (len(one.requests), len(other.requests)) == (2, 1)


async def test_a_connection_is_closed_after_its_idle_time(tmp_path: Path) -> None:
    patience = Patience(connect=2, tls=2, first_byte=5, idle=0.05)
    async with kit.running() as upstream, ajar(tmp_path, upstream.port, patience=patience) as out:
        await out.fetch()
        assert upstream.open == 1
        await until(lambda: upstream.open == 0)
        assert repr(out.door).endswith("0 busy, 0 idle>>")


async def test_a_connection_that_is_used_does_not_count_as_idle(tmp_path: Path) -> None:
    patience = Patience(connect=2, tls=2, first_byte=5, idle=0.1)
    async with kit.running() as upstream, ajar(tmp_path, upstream.port, patience=patience) as out:
        for _ in range(4):
            await out.fetch()
            await asyncio.sleep(0.05)
        assert upstream.connections == 1
        await until(lambda: upstream.open == 0)


async def test_a_connection_that_the_upstream_closed_is_not_used_again(tmp_path: Path) -> None:
    async with kit.running() as upstream, ajar(tmp_path, upstream.port) as out:
        await out.fetch()
        upstream.requests[0].writer.close()
        await until(lambda: repr(out.door).endswith("0 busy, 0 idle>>"))
        await out.fetch()
    assert upstream.connections == 2


async def test_a_call_that_fails_leaves_no_connection_behind(tmp_path: Path) -> None:
    async def reset(exchange: kit.Exchange) -> None:
        exchange.reset()

    async with kit.running(reset) as upstream, ajar(tmp_path, upstream.port) as out:
        for _ in range(2):
            await asyncio.gather(out.call(), return_exceptions=True)
        await until(lambda: repr(out.door).endswith("0 busy, 0 idle>>"))
        assert upstream.open == 0


async def test_a_new_certificate_takes_over_and_the_old_connections_close_as_their_calls_end(tmp_path: Path) -> None:
    newer = authority.authority().issue_system(authority.USER_NUMBER, authority.ORGANISATION, at=authority.AT)
    script = _Slowly()
    script.go_on.set()
    async with kit.running(script) as upstream, ajar(tmp_path, upstream.port) as out:
        old = out.door.passport
        await asyncio.gather(out.fetch(), out.fetch())
        script.go_on.clear()
        busy = await out.call()
        out.door.renew(passport(tmp_path, newer))
        await until(lambda: upstream.open == 1)
        assert not busy.connection.closed
        script.go_on.set()
        assert await whole(busy) == b"<a/>"
        await until(lambda: upstream.open == 0)
        await out.fetch()
        assert out.door.passport.serial != old.serial
        assert upstream.serials == [old.serial] * 3 + [out.door.passport.serial]


async def test_a_door_tells_its_state_and_no_secret(tmp_path: Path) -> None:
    script = _Slowly()
    async with kit.running(script) as upstream, ajar(tmp_path, upstream.port) as out:
        assert repr(out.door) == f"<Door <Pool {out.door.passport.serial} via 192.0.2.9: 0 busy, 0 idle>>"
        passage = await out.call()
        assert repr(passage.connection) == f"<Connection to localhost:{upstream.port} busy, 1 calls>"
        script.go_on.set()
        await whole(passage)
        assert repr(passage.connection) == f"<Connection to localhost:{upstream.port} idle, 1 calls>"
        assert repr(out.door.passport).startswith(f"<Passport {out.door.passport.serial} until ")
