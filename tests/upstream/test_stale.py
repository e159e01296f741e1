"""What the upstream sends beyond an answer while reading is held is never the next caller's answer."""

import asyncio
from pathlib import Path

from tests.kit.door import ajar, until, whole
from tests.kit.upstream import Exchange, running

LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + b"a" * 400_000
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"


async def test_surplus_that_waits_in_tls_while_reading_is_held_is_nobodys_answer(tmp_path: Path) -> None:
    calls = 0

    async def script(exchange: Exchange) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            await asyncio.sleep(0.2)
            await exchange.answer(FINE)
            return
        await exchange.answer(LONG)
        await asyncio.sleep(0.2)
        await exchange.answer(EVIL)

    async with running(script) as upstream, ajar(tmp_path, upstream.port) as way:
        first = await way.call()
        await asyncio.sleep(0.5)  # a slow caller: reading from the upstream is held, and EVIL waits in TLS
        assert first.reply.complete

        async def next_caller() -> bytes:
            passage = await way.call()
            return await whole(passage)

        coming = asyncio.ensure_future(next_caller())  # its turn comes before that of whatever is read below
        first.reply.ready()
        first.close()
        body = await coming
    assert body == b"fine"


async def test_a_connection_left_while_reading_was_held_does_not_keep_the_next_call_waiting(tmp_path: Path) -> None:
    answers = iter((LONG, FINE))

    async def script(exchange: Exchange) -> None:
        await exchange.answer(next(answers))

    async with running(script) as upstream, ajar(tmp_path, upstream.port) as way:
        first = await way.call()
        await until(lambda: first.reply.complete)
        first.close()  # the caller left with the answer unread
        async with asyncio.timeout(2):
            passage = await way.call()
            assert await whole(passage) == b"fine"
