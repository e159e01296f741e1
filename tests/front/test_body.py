"""A body is read by its framing, strictly; it is complete only when it is (check-list C7, C8, C9, C10)."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.errors import CallerGone, MalformedRequest
from relay.front.body import HIGH_WATER, RequestBody
from relay.message.chunks import ChunkDecoder
from relay.message.framing import CHUNKED, Length

WHOLE = b"4\r\nabcd\r\n1;ext=1\r\ne\r\nA\r\n0123456789\r\n0\r\nX-Trailer: y\r\n\r\n"
DATA = b"abcde0123456789"


def holds() -> tuple[list[bool], RequestBody]:
    held: list[bool] = []
    return held, RequestBody(CHUNKED, held.append)


@given(st.lists(st.integers(0, len(WHOLE)), max_size=6))
def test_chunks_mean_the_same_however_they_are_cut(cuts: list[int]) -> None:
    decoder, data = ChunkDecoder(MalformedRequest), b""
    edges = [0, *sorted(cuts), len(WHOLE)]
    for start, end in itertools.pairwise(edges):
        data += decoder.feed(WHOLE[start:end])
    assert (data, decoder.ended, decoder.rest) == (DATA, True, b"")


def test_what_follows_the_last_chunk_is_handed_back() -> None:
    decoder = ChunkDecoder(MalformedRequest)
    assert decoder.feed(b"1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n") == b"a"
    assert decoder.rest == b"GET / HTTP/1.1\r\n"


NOT_PLAIN = {
    "no size": b"\r\n",
    "no number": b"x\r\n",
    "prefix": b"0x1\r\n",
    "plus": b"+1\r\n",
    "minus": b"-1\r\n",
    "space before": b" 1\r\n",
    "space after": b"1 \r\n",
    "space before an extension": b"1 ;x\r\n",
    "bare LF": b"1\n",
    "two CR": b"1\r\r\n",
    "overflow": b"123456789\r\n",
    "longer than its size": b"1\r\nab\r\n",
    "bare LF after data": b"1\r\na\n",
    "bare CR after data": b"1\r\na\rX",
    "long extension": b"1;" + b"x" * 300,
    "NUL in extension": b"1;\x00\r\n",
    "long trailers": b"0\r\n" + b"X: y\r\n" * 3000,
    "bare LF for the last line": b"0\r\n\n",
    "bare LF for a size": b"1\r\na\r\n\n",
    "extension without a name": b"1;=x\r\n",
    "extension with a stray quote": b'1;x="a\r\n',
    "bare LF in trailers": b"0\r\nX: y\n\r\n",
}


@pytest.mark.parametrize("octets", NOT_PLAIN.values(), ids=list(NOT_PLAIN))
def test_chunks_that_are_not_plain_are_malformed(octets: bytes) -> None:
    with pytest.raises(MalformedRequest):
        ChunkDecoder(MalformedRequest).feed(octets)


def test_many_small_chunks_do_not_cost_their_square() -> None:
    decoder = ChunkDecoder(MalformedRequest)
    assert len(decoder.feed(b"1\r\na\r\n" * 40_000)) == 40_000


async def test_a_body_of_known_length_ends_there_and_hands_the_rest_back() -> None:
    body = RequestBody(Length(3), lambda _: None)
    assert not body.arrived
    assert body.feed(b"abcdef") == b"def"
    assert (body.arrived, body.ended) == (True, False)
    assert await body.read() == b"abc"
    assert (body.ended, body.came, await body.read()) == (True, 3, b"")


async def test_a_reader_waits_for_what_comes() -> None:
    body = RequestBody(Length(3), lambda _: None)
    reading = asyncio.create_task(body.read())
    await asyncio.sleep(0)
    body.feed(b"abc")
    assert await reading == b"abc"


async def test_a_body_that_is_cut_short_never_looks_complete() -> None:
    body = RequestBody(Length(3), lambda _: None)
    body.feed(b"ab")
    body.fail(CallerGone())
    assert await body.read() == b"ab"
    assert not body.ended
    with pytest.raises(CallerGone):
        await body.read()


async def test_a_body_whose_chunks_are_malformed_tells_its_reader() -> None:
    _, body = holds()
    body.feed(b"1\r\na\r\nxyz\r\n")
    with pytest.raises(MalformedRequest):
        await body.read()
    assert not body.ended


async def test_a_caller_is_held_back_while_nobody_reads_and_let_go_again() -> None:
    held, body = holds()
    body.feed(b"%x\r\n" % (HIGH_WATER * 2) + b"x" * (HIGH_WATER + 1))
    assert held == [True]
    assert len(await body.read()) == HIGH_WATER + 1
    assert held == [True, False]
