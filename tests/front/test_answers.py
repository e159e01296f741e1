"""Answers on their way to the caller: framed once, complete or visibly cut, nothing added that the upstream said."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from relay.front import listener
from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import line, request
from tests.kit.relay import PATH, relay

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("octets", "body", "framing"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc", "content-length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"", "content-length"),
        (CHUNKED + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc", "transfer-encoding"),
        (CHUNKED + b"0\r\n\r\n", b"", "transfer-encoding"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", None),
        (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", b"", None),
    ],
    ids=["length", "no octets", "chunks", "no chunks", "204", "304"],
)
async def test_an_answer_is_framed_once_and_the_callers_line_is_kept(
    tmp_path: Path, octets: bytes, body: bytes, framing: str | None
) -> None:
    async with (
        kit.running(kit.answering(octets)) as upstream,
        relay(tmp_path, upstream.port) as here,
        line(here.port) as caller,
    ):
        for _ in range(2):
            answer = await (await caller.send(request("GET", PATH, here.authorised))).answer()
            assert answer.body == body
            framings = [name.decode().lower() for name, _ in answer.fields if name.lower() in _FRAMINGS]
            assert framings == ([framing] if framing else [])
        assert len(upstream.requests) == 2


_FRAMINGS = (b"content-length", b"transfer-encoding")


@pytest.mark.parametrize("framing", [b"Content-Length: 10", b"Transfer-Encoding: chunked"])
async def test_an_answer_to_head_has_no_body_and_the_line_is_kept(tmp_path: Path, framing: bytes) -> None:
    octets = b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n"
    async with (
        kit.running(kit.answering(octets)) as upstream,
        relay(tmp_path, upstream.port) as here,
        line(here.port) as caller,
    ):
        for _ in range(2):
            answer = await (await caller.send(request("HEAD", PATH, here.authorised))).answer(to="HEAD")
            assert answer.status == 200


async def test_an_own_error_to_head_has_no_body_and_the_line_is_kept(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        assert (await (await caller.send(request("HEAD", PATH))).answer(to="HEAD")).status == 401
        assert (await (await caller.send(request("GET", PATH, here.authorised))).answer()).body == b"<a/>"


async def test_an_answer_that_ends_with_the_connection_becomes_chunks(tmp_path: Path) -> None:
    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        exchange.writer.close()

    async with kit.running(script) as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        answer = await (await caller.send(request("GET", PATH, here.authorised))).answer()
        assert (answer.body, answer.field("transfer-encoding")) == (b"all of it", "chunked")
        assert (await (await caller.send(request("GET", PATH, here.authorised))).answer()).body == b"all of it"


async def test_a_caller_in_http_1_0_gets_chunks_as_a_body_that_ends_with_the_connection(tmp_path: Path) -> None:
    octets = CHUNKED + b"3\r\nabc\r\n0\r\n\r\n"
    async with (
        kit.running(kit.answering(octets)) as upstream,
        relay(tmp_path, upstream.port) as here,
        line(here.port) as caller,
    ):
        call = request("GET", PATH, here.authorised).replace(b"HTTP/1.1", b"HTTP/1.0")
        answer = await (await caller.send(call)).answer()
        assert answer.field("transfer-encoding") is None
        assert answer.body == b"abc"
    assert b" HTTP/1.1\r\n" in upstream.requests[0].head


async def test_fields_of_the_answer_travel_in_order_and_cookies_stay_separate(tmp_path: Path) -> None:
    octets = (
        b"HTTP/1.1 200 Alles Goed\r\nServer: theirs\r\nset-cookie: a=1\r\nX-Two: 2\r\nSet-Cookie: b=2\r\n"
        b"Proxy-Status: forged\r\nX-Relay-Egress: forged\r\nKeep-Alive: timeout=5\r\n"
        b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b"
    )
    async with (
        kit.running(kit.answering(octets)) as upstream,
        relay(tmp_path, upstream.port) as here,
        line(here.port) as caller,
    ):
        answer = await (await caller.send(request("GET", PATH, here.authorised))).answer()
        exchange = here.exchanges[0]
    assert answer.reason == "Alles Goed"
    assert answer.body == b"\x1f\x8b"
    assert answer.fields == [
        (b"Server", b"theirs"),
        (b"set-cookie", b"a=1"),
        (b"X-Two", b"2"),
        (b"Set-Cookie", b"b=2"),
        (b"Date", b"Thu, 01 Jan 1970 00:00:00 GMT"),
        (b"Content-Encoding", b"gzip"),
        (b"Content-Length", b"2"),
        (b"Proxy-Status", b"relay; received-status=200"),
        (b"X-Relay-Request-Id", str(exchange["id"]).encode()),
    ]


async def test_a_date_is_added_where_there_is_none_and_our_server_stays_unnamed(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        for call in (request("GET", PATH, here.authorised), request("GET", PATH)):
            answer = await (await caller.send(call)).answer()
            assert answer.field("date")
            assert answer.field("server") is None


async def test_a_call_that_asks_for_a_close_gets_one(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        call = request("POST", PATH, here.authorised, ("Connection", "close"), body=b"x")
        answer = await (await caller.send(call)).answer()
        assert (answer.body, answer.field("connection")) == (b"<a/>", "close")
        assert await caller.ended()


async def test_calls_sent_together_are_answered_in_order(tmp_path: Path) -> None:
    async def script(exchange: kit.Exchange) -> None:
        path = exchange.head.split(b" ")[1]
        if path.endswith(b"/1"):
            await asyncio.sleep(0.05)
        await exchange.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))

    async with kit.running(script) as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        paths = [f"{PATH}/{number}" for number in (1, 2, 3)]
        await caller.send(b"".join(request("GET", path, here.authorised) for path in paths))
        assert [(await caller.answer()).body.decode() for _ in paths] == paths


async def test_bodies_of_some_size_arrive_whole_in_both_directions(tmp_path: Path) -> None:
    body = bytes(range(256)) * 16384

    async def echo(exchange: kit.Exchange) -> None:
        await exchange.answer(CHUNKED)
        for start in range(0, len(exchange.body), 100_000):
            piece = exchange.body[start : start + 100_000]
            await exchange.answer(b"%x\r\n%b\r\n" % (len(piece), piece))
        await exchange.answer(b"0\r\n\r\n")

    async with kit.running(echo) as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        answer = await (await caller.send(request("POST", PATH, here.authorised, body=body))).answer()
        await until(lambda: bool(here.exchanges))  # its line is written at the end of the loop's turn
        exchange = here.exchanges[0]
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(body).digest()
    assert (exchange["bytes_in"], exchange["bytes_out"]) == (len(body), len(body))


async def test_a_caller_that_reads_slowly_holds_the_upstream_back(tmp_path: Path) -> None:
    """What the kernel's buffers on both hops take is less than half of this."""
    size, sent = 64 * 1024 * 1024, []

    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // 65536):
            await exchange.answer(bytes(65536))
            sent.append(65536)

    async with kit.running(script) as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        await caller.send(request("GET", PATH, here.authorised))
        await asyncio.sleep(0.3)
        held = sum(sent)
        assert held < size * 3 / 4
        await caller.reader.readexactly(size // 2)
        await until(lambda: sum(sent) > held)


async def test_an_early_refusal_reaches_a_caller_that_is_still_sending(tmp_path: Path) -> None:
    async def refuse(exchange: kit.Exchange) -> None:
        await exchange.answer(b"HTTP/1.1 413 Te Groot\r\nContent-Length: 2\r\n\r\nno")

    async with kit.running(before_body=refuse) as upstream, relay(tmp_path, upstream.port) as here:
        async with line(here.port) as caller:
            await caller.send(request("POST", PATH, here.authorised, ("Content-Length", "1000")) + b"half")
            answer = await caller.answer()
            assert (answer.status, answer.reason, answer.body) == (413, "Te Groot", b"no")
            assert answer.field("connection") == "close"
        await until(lambda: upstream.open == 0)
        assert here.exchanges[0]["source"] == "upstream"


async def test_nobody_is_forgotten(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        for _ in range(3):
            async with line(here.port) as caller:
                await caller.send(request("POST", PATH, here.authorised, ("Content-Length", "10")) + b"half")
                await asyncio.sleep(0.02)
                caller.hang_up()
        await until(lambda: len(here.exchanges) == 3)
        assert "relay_calls_in_progress 0.0" in await here.scrape()
        await until(lambda: upstream.open == 0)


async def test_a_large_body_that_was_sent_behind_another_call_still_arrives(tmp_path: Path) -> None:
    async def script(exchange: kit.Exchange) -> None:
        await asyncio.sleep(0.05)
        told = b"%d" % len(exchange.body)
        await exchange.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(told), told))

    size = 1 << 20
    async with kit.running(script) as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        both = request("GET", PATH, here.authorised) + request("POST", PATH, here.authorised, body=b"x" * size)
        sending = asyncio.create_task(caller.send(both))
        assert [(await caller.answer()).body for _ in range(2)] == [b"0", b"%d" % size]
        await sending


@pytest.mark.one_process
async def test_a_caller_that_takes_nothing_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "STALL_SECONDS", 0.2)
    octets = b"HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n" + b"x" * 30_000_000
    async with (
        kit.running(kit.answering(octets)) as upstream,
        relay(tmp_path, upstream.port) as here,
        line(here.port) as caller,
    ):
        await caller.send(request("GET", PATH, here.authorised))
        await until(lambda: here.exchanges)
        assert here.exchanges[0]["status"] == 499


async def test_a_stranger_who_reads_no_answers_gets_no_more_of_them(tmp_path: Path) -> None:
    sent = 20_000
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        caller.writer.write(request("GET", "/x") * sent)
        answered = -1
        while answered != len(here.exchanges):
            answered = len(here.exchanges)
            await asyncio.sleep(0.3)
    assert 0 < answered < sent
