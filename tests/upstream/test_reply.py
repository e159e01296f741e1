"""Answers as they come over the wire: each read to its one right end, a cut never taken for an end."""

import asyncio
from pathlib import Path

import pytest

from relay.errors import RelayError, UpstreamClosed, UpstreamInvalid, UpstreamTimeout
from relay.message.stream import HIGH_WATER
from relay.upstream.reply import LONGEST_HEAD
from tests.kit import upstream as kit
from tests.kit.door import HASTY, ajar, until, whole

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<a/>"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def _fetched(folder: Path, octets: bytes, *, method: str = "GET") -> tuple[int, bytes, int]:
    """Return the status, the body, and how many connections two calls one after the other took."""
    async with kit.running(kit.answering(octets)) as upstream, ajar(folder, upstream.port) as out:
        head, body = await out.fetch(method)
        assert await out.fetch(method) == (head, body)
        return head.status, body, upstream.connections


@pytest.mark.parametrize(
    ("octets", "body"),
    [
        (OK, b"<a/>"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (CHUNKED + b"2\r\nab\r\n1;ext=1\r\nc\r\n0\r\n\r\n", b"abc"),
        (CHUNKED + b"0\r\n\r\n", b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"<a/>"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 2 + OK, b"<a/>"),
    ],
    ids=["length", "no octets", "chunks", "no chunks", "204", "304", "after 100", "after two 103"],
)
async def test_an_answer_ends_where_its_framing_says_and_the_connection_is_kept(
    tmp_path: Path, octets: bytes, body: bytes
) -> None:
    assert (await _fetched(tmp_path, octets))[1:] == (body, 1)


@pytest.mark.parametrize("framing", [b"Content-Length: 10", b"Transfer-Encoding: chunked"])
async def test_an_answer_to_head_has_no_body_whatever_it_says(tmp_path: Path, framing: bytes) -> None:
    status, body, _ = await _fetched(tmp_path, b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n", method="HEAD")
    assert (status, body) == (200, b"")


async def test_interim_answers_leave_nothing_in_the_final_one(tmp_path: Path) -> None:
    octets = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK
    async with kit.running(kit.answering(octets)) as upstream, ajar(tmp_path, upstream.port) as out:
        head, _ = await out.fetch()
    assert (head.status, head.reason, tuple(head.fields)) == (200, b"OK", ((b"Content-Length", b"4"),))


async def test_the_head_comes_through_as_it_was_sent(tmp_path: Path) -> None:
    octets = (
        b"HTTP/1.1 403 Invalid Client Certificate\r\nset-COOKIE: a\r\nX: 1\r\nSet-Cookie: b\r\nX-Empty:\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    async with kit.running(kit.answering(octets)) as upstream, ajar(tmp_path, upstream.port) as out:
        head, _ = await out.fetch()
    assert head.reason == b"Invalid Client Certificate"
    assert head.fields == (
        (b"set-COOKIE", b"a"),
        (b"X", b"1"),
        (b"Set-Cookie", b"b"),
        (b"X-Empty", b""),
        (b"Content-Length", b"0"),
    )


async def test_trailers_are_dropped_and_never_become_fields(tmp_path: Path) -> None:
    octets = CHUNKED + b"1\r\na\r\n0\r\nSet-Cookie: late\r\nX-Late: 1\r\n\r\n"
    async with kit.running(kit.answering(octets)) as upstream, ajar(tmp_path, upstream.port) as out:
        head, body = await out.fetch()
    assert (tuple(head.fields), body) == (((b"Transfer-Encoding", b"chunked"),), b"a")


@pytest.mark.parametrize(
    "octets",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n<a/>",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4, 4\r\n\r\n<a/>",
        b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\n<a/>",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n<a/>",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + OK,
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK,
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
    ],
    ids=["two lengths", "list", "signed", "overflow", "both", "gzip", "upgrade", "bare 101", "mail", "no colon", "NUL",
         "2.0", "status"],
)  # fmt: skip
async def test_an_answer_that_can_be_read_in_two_ways_is_none(tmp_path: Path, octets: bytes) -> None:
    async with kit.running(kit.answering(octets)) as upstream, ajar(tmp_path, upstream.port) as out:
        with pytest.raises(UpstreamInvalid):
            await out.call()
        await until(lambda: upstream.open == 0)


@pytest.mark.parametrize(
    "rest", [b"0\r\nX: y\n\r\n", b"zz\r\nab\r\n", b"2\r\nabX\r\n", b"-1\r\n", b"FFFFFFFFFFFFFFFFFF\r\n"]
)
async def test_broken_chunks_break_the_answer(tmp_path: Path, rest: bytes) -> None:
    octets = CHUNKED + b"1\r\na\r\n" + rest
    async with kit.running(kit.answering(octets)) as upstream, ajar(tmp_path, upstream.port) as out:
        with pytest.raises(UpstreamInvalid):
            await out.fetch()
        await until(lambda: upstream.open == 0)


@pytest.mark.parametrize(
    "octets",
    [b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * (LONGEST_HEAD + 10), b"HTTP/1.1 103 Early Hints\r\n\r\n" * 6000],
    ids=["one field", "interim answers"],
)
async def test_a_head_without_end_is_given_up(tmp_path: Path, octets: bytes) -> None:
    async with kit.running(kit.answering(octets)) as upstream, ajar(tmp_path, upstream.port) as out:
        with pytest.raises(UpstreamInvalid, match="no end"):
            await out.call()


@pytest.mark.parametrize("together", [True, False], ids=["in one piece", "later"])
async def test_a_second_answer_is_surplus_and_nobody_gets_it(tmp_path: Path, *, together: bool) -> None:
    surplus = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nothers"

    async def script(exchange: kit.Exchange) -> None:
        if len(upstream.requests) > 1:
            await exchange.answer(OK)
        elif together:
            await exchange.answer(OK + surplus)
        else:
            await exchange.answer(OK)
            await asyncio.sleep(0.02)
            await exchange.answer(surplus)

    async with kit.running(script) as upstream, ajar(tmp_path, upstream.port) as out:
        assert (await out.fetch())[1] == b"<a/>"
        await until(lambda: upstream.open == 0)
        assert (await out.fetch())[1] == b"<a/>"
        assert upstream.connections == 2
        assert out.counts["unsolicited"] == (0 if together else 1)


async def test_octets_that_wait_on_an_idle_connection_are_never_the_next_callers_answer(tmp_path: Path) -> None:
    """They lie in the socket unread, because the loop was busy, when the next call takes the connection."""
    surplus = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nothers"
    async with kit.running() as upstream, ajar(tmp_path, upstream.port) as out:
        assert (await out.fetch())[1] == b"<a/>"
        for _ in range(3):  # let the loops of both ends take what TLS itself still has to say
            await asyncio.sleep(0.01)
        upstream.requests[0].writer.write(surplus)  # written at once, and read at the loop's next turn
        assert (await out.fetch())[1] == b"<a/>"
        assert upstream.connections == 2


async def test_octets_after_head_are_surplus_as_well(tmp_path: Path) -> None:
    status, body, connections = await _fetched(tmp_path, OK, method="HEAD")
    assert (status, body, connections) == (200, b"", 2)


async def test_an_answer_to_be_followed_by_a_close_is_the_last_of_its_connection(tmp_path: Path) -> None:
    octets = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na"
    assert await _fetched(tmp_path, octets) == (200, b"a", 2)


async def test_an_answer_in_http_1_0_is_the_last_of_its_connection(tmp_path: Path) -> None:
    assert await _fetched(tmp_path, b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na") == (200, b"a", 2)


async def test_the_close_ends_an_answer_without_framing_when_tls_says_so(tmp_path: Path) -> None:
    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        exchange.writer.close()  # asyncio sends close_notify

    async with kit.running(script) as upstream, ajar(tmp_path, upstream.port) as out:
        assert (await out.fetch())[1] == b"all of it"


@pytest.mark.parametrize(
    "octets",
    [
        b"HTTP/1.1 200 OK\r\n\r\nnot all",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nnot all",
        CHUNKED + b"7\r\nnot all\r\n",
    ],
    ids=["until close", "length", "chunks"],
)
async def test_an_end_without_close_notify_is_a_cut(tmp_path: Path, octets: bytes) -> None:
    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(octets)
        await asyncio.sleep(0.02)
        exchange.reset()

    async with kit.running(script) as upstream, ajar(tmp_path, upstream.port) as out:
        with pytest.raises(UpstreamClosed, match="in the middle"):
            await out.fetch()


async def test_a_plain_fin_without_close_notify_is_a_cut(tmp_path: Path) -> None:
    """Anybody on the way can forge a FIN; only TLS's own end proves that nothing is missing (C23)."""

    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(b"HTTP/1.1 200 OK\r\n\r\nnot all")
        await asyncio.sleep(0.02)
        kit.end_without_notice(exchange)

    async with kit.running(script) as upstream, ajar(tmp_path, upstream.port) as out:
        with pytest.raises(UpstreamClosed, match="in the middle"):
            await out.fetch()


@pytest.mark.parametrize(
    "octets", [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nnot all", CHUNKED + b"7\r\nnot all\r\n"]
)
async def test_an_end_with_close_notify_before_the_framings_end_is_a_cut_as_well(tmp_path: Path, octets: bytes) -> None:
    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(octets)
        exchange.writer.close()

    async with kit.running(script) as upstream, ajar(tmp_path, upstream.port) as out:
        with pytest.raises(UpstreamClosed, match="in the middle"):
            await out.fetch()


@pytest.mark.parametrize("octets", [b"", b"HTTP/1.1 200", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_an_end_before_the_head_is_no_answer(tmp_path: Path, octets: bytes) -> None:
    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(octets)
        exchange.writer.close()

    async with kit.running(script) as upstream, ajar(tmp_path, upstream.port) as out:
        with pytest.raises(UpstreamClosed, match="without an answer"):
            await out.call()


@pytest.mark.parametrize("octets", [b"", b"HTTP/1.1 200 OK\r\nX:", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_no_head_in_time_is_a_timeout_and_the_connection_goes(tmp_path: Path, octets: bytes) -> None:
    async with kit.running(kit.answering(octets)) as upstream, ajar(tmp_path, upstream.port, patience=HASTY) as out:
        with pytest.raises(UpstreamTimeout):
            await out.call()
        await until(lambda: upstream.open == 0)


async def test_a_late_body_is_not_held_to_the_deadline_of_the_head(tmp_path: Path) -> None:
    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")
        await asyncio.sleep(0.1)
        await exchange.answer(b"a")

    async with kit.running(script) as upstream, ajar(tmp_path, upstream.port, patience=HASTY) as out:
        passage = await out.call()
        assert await whole(passage) == b"a"
        passage.close()


async def test_an_upstream_is_held_back_while_nobody_reads(tmp_path: Path) -> None:
    size = 64 * HIGH_WATER

    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))

    async with kit.running(script) as upstream, ajar(tmp_path, upstream.port) as out:
        passage = await out.call()
        await asyncio.sleep(0.2)
        assert len(passage.reply.ready()) < 4 * HIGH_WATER
        async with asyncio.timeout(5):
            rest = len(await whole(passage))
        assert rest > size - 4 * HIGH_WATER
        passage.close()
        assert not passage.connection.closed


async def test_a_call_given_up_takes_its_connection_along(tmp_path: Path) -> None:
    async with kit.running(kit.answering(b"")) as upstream, ajar(tmp_path, upstream.port) as out:
        calling = asyncio.create_task(out.call())
        await until(lambda: upstream.requests)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
        await until(lambda: upstream.open == 0)


def test_every_way_to_fail_after_sending_says_that_the_outcome_is_unknown() -> None:
    failures: list[type[RelayError]] = [UpstreamClosed, UpstreamInvalid, UpstreamTimeout]
    assert {failure.sent.value for failure in failures} == {"unknown"}
