"""What the upstream sends beyond an answer while reading is held is never the next caller's answer."""

import asyncio
from pathlib import Path

from tests.kit.door import ajar, until, whole
from tests.kit.upstream import Exchange, running

LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"a" * 300_000
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
        first.reply.ready()
        await until(lambda: first.reply.complete)  # by a slow caller, who holds the upstream back at the end
        await asyncio.sleep(0.3)

        async def next_caller() -> bytes:
            passage = await way.call()
            return await whole(passage)

        assert await next_caller() == b"fine"
        assert way.counts["unsolicited"] == 1


async def test_a_connection_left_while_reading_was_held_does_not_keep_the_next_call_waiting(tmp_path: Path) -> None:
    answers = iter((LONG, FINE))

    async def script(exchange: Exchange) -> None:
        await exchange.answer(next(answers))

    async with running(script) as upstream, ajar(tmp_path, upstream.port) as way:
        first = await way.call()
        first.close()  # the caller left with the answer unread
        async with asyncio.timeout(2):
            passage = await way.call()
            assert await whole(passage) == b"fine"
