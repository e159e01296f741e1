"""A body is read by its framing, strictly; it is complete only when it is (check-list C7, C8, C9, C10)."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.errors import MalformedRequest, UpstreamInvalid
from relay.message.chunks import ChunkDecoder
from relay.message.framing import UNTIL_CLOSE, Length
from relay.message.unframe import unframer

WHOLE = b"4\r\nabcd\r\n1;ext=1\r\ne\r\nA\r\n0123456789\r\n0\r\nX-Trailer: y\r\n\r\n"
DATA = b"abcde0123456789"


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
    "trailer without a colon": b"0\r\nGET / HTTP/1.1\r\n\r\n",
    "trailer without a name": b"0\r\n: y\r\n\r\n",
    "trailer with a space before its colon": b"0\r\nX : y\r\n\r\n",
    "folded trailer": b"0\r\nX: y\r\n z\r\n\r\n",
    "control in a trailer": b"0\r\nX: \x01\r\n\r\n",
}


@pytest.mark.parametrize("octets", NOT_PLAIN.values(), ids=list(NOT_PLAIN))
def test_chunks_that_are_not_plain_are_malformed(octets: bytes) -> None:
    with pytest.raises(MalformedRequest):
        ChunkDecoder(MalformedRequest).feed(octets)


def test_many_small_chunks_do_not_cost_their_square() -> None:
    decoder = ChunkDecoder(MalformedRequest)
    assert len(decoder.feed(b"1\r\na\r\n" * 40_000)) == 40_000


def test_a_body_of_known_length_ends_there_and_hands_the_rest_back() -> None:
    body = unframer(Length(3), MalformedRequest)
    assert (body.feed(b"a"), body.ended) == (b"a", False)
    assert (body.feed(b"bcdef"), body.ended, body.rest) == (b"bc", True, b"def")


def test_a_body_of_no_length_has_ended() -> None:
    assert unframer(Length(0), MalformedRequest).ended


def test_a_body_that_ends_with_its_connection_has_no_end_of_its_own() -> None:
    body = unframer(UNTIL_CLOSE, UpstreamInvalid)
    assert (body.feed(b"abc"), body.ended) == (b"abc", False)
