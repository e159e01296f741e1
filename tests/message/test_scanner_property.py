"""Whatever the scanner accepts goes out so that h11 and aiohttp read the same one request in it (check-list C1 to C16).

The requests are good ones, bent: wrong octets, wrong lengths, other chunks. Most are refused; what is not is sent on.
"""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import h11
import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import HttpRequestParser
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from relay.errors import MalformedRequest, RelayError
from relay.gateway.admission import METHODS
from relay.message.chunks import ChunkDecoder
from relay.message.fields import Field
from relay.message.framing import CHUNKED, Length, request_framing
from relay.message.head import request_octets
from relay.message.rewrite import rewrite_request
from relay.message.scanner import scan_request
from relay.message.target import target_of

HOST = b"api.example:8443"


class Request(NamedTuple):
    """One request, as a parser has it; names in lower case."""

    method: bytes
    target: bytes
    fields: list[Field]
    body: bytes


# -- the relay's reading -------------------------------------------------------------------------------------


def _sent_on(octets: bytes) -> tuple[Request, bytes] | None:
    """Return the request that `octets` begin with and how it goes out, or None when it is refused or unfinished."""
    head_octets, end, rest = octets.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not end:
        return None
    try:
        head = scan_request(head_octets + b"\r\n")
        framing = request_framing(head)
        body = _body(framing.octets if isinstance(framing, Length) else None, rest)
        out = rewrite_request(
            head,
            target=target_of(head).octets,
            host=HOST,
            secrets=frozenset((b"x-api-key",)),
            framing=framing,
            pseudonym=b"relay",
        )
    except RelayError:
        return None
    if body is None or head.method not in METHODS:
        return None
    sent = body
    if framing is CHUNKED:
        sent = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    fields = [(name.lower(), value) for name, value in out.fields]
    return Request(out.method, out.target, fields, body), request_octets(out) + sent


def _body(length: int | None, octets: bytes) -> bytes | None:
    if length is not None:
        return octets[:length] if len(octets) >= length else None
    decoder = ChunkDecoder(MalformedRequest)
    body = decoder.feed(octets)
    return body if decoder.ended else None


# -- the second opinions -------------------------------------------------------------------------------------


def _by_h11(octets: bytes) -> Request:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(octets)
    head, body = connection.next_event(), b""
    assert isinstance(head, h11.Request)
    while isinstance(part := connection.next_event(), h11.Data):
        body += part.data
    assert isinstance(part, h11.EndOfMessage)
    assert list(part.headers) == []
    assert connection.trailing_data == (b"", False)
    return Request(head.method, head.target, list(head.headers), body)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def _by_aiohttp(octets: bytes, loop: asyncio.AbstractEventLoop) -> Request:
    parser = HttpRequestParser(
        BaseProtocol(loop), loop, 1 << 20, max_line_size=1 << 16, max_field_size=1 << 16, auto_decompress=False
    )
    [(head, payload)], upgraded, rest = parser.feed_data(octets)
    assert (upgraded, rest) == (False, b"")
    assert payload.is_eof()
    fields = [(bytes(name).lower(), bytes(value)) for name, value in head.raw_headers]
    return Request(head.method.encode(), head.path.encode("utf-8", "surrogateescape"), fields, payload.read_nowait())


# -- good requests, bent -------------------------------------------------------------------------------------

_TARGETS = st.sampled_from(
    [b"/", b"/acc/cov", b"/a?", b"/a?b=/../&c=%2f", b"/A%20b;c=1/~x", b"http://relay.example/a", b"*", b"/$m(x='1')[0]"]
)
_WRONG = st.sampled_from(
    [
        b"\r",
        b"\n",
        b"\r\n",
        b" ",
        b"\t",
        b"\0",
        b":",
        b",",
        b";",
        b"0",
        b"1",
        b"x",
        b"\x0b",
        b"\x7f",
        b"\x80",
        b"_",
        b"-",
    ]
)
_NAMES = st.sampled_from(
    [
        *[b"Accept", b"X-A", b"x-a", b"Cookie", b"SOAPAction", b"Content-Type", b"Via", b"X-Forwarded-For", b"TE"],
        *[b"Connection", b"Upgrade", b"Expect", b"Trailer", b"Authorization", b"Max-Forwards", b"X.!#$%&'*+-^`|~"],
        *[b"Content-Length", b"Transfer-Encoding", b"Host", b"Keep-Alive", b"Proxy-Connection", b"X-Api-Key"],
    ]
)
_VALUES = st.sampled_from(
    [
        *[b"", b"1", b"a, b", b"close", b"Upgrade, X-A", b"chunked", b"gzip", b"100-continue", b"caf\xc3\xa9", b"\xff"],
        *[b"5", b"a: b", b'"q;\\"', b"a\tb", b"relay.example", b"keep-alive, Content-Length", b"1.1 front", b"h2c"],
    ]
)
_FIELDS = st.tuples(_NAMES, _VALUES | _WRONG.map(b"a%bb".__mod__))
_WHITE = st.sampled_from([b"", b" ", b" ", b" ", b"\t", b" \t "])
_DATA = st.sampled_from([b"", b"a", b"hello", b"0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\r\n", bytes(range(256))])
_EXTENSIONS = st.sampled_from([b"", b"", b"", b";a", b';a="b c"', b"; a=b", b";", b" "])
_TRAILERS = st.sampled_from([b"", b"", b"X-Sum: 1\r\n", b"Host: b\r\nContent-Length: 9\r\n", b"no colon\r\n"])


@st.composite
def _chunked(draw: st.DrawFn) -> bytes:
    octets = b""
    for data in draw(st.lists(_DATA.filter(bool), max_size=3)):
        form = draw(st.sampled_from([b"%x", b"%X", b"00%x"]))
        octets += form % len(data) + draw(_EXTENSIONS) + b"\r\n" + data + b"\r\n"
    return octets + b"0\r\n" + draw(_TRAILERS) + b"\r\n"


@st.composite
def _requests(draw: st.DrawFn) -> bytes:
    method = draw(st.sampled_from([b"GET", b"POST", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"DELETE", b"FOO"]))
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.1", b"1.0"]))
    lines = [b"Host: relay.example"]
    lines += [name + b":" + draw(_WHITE) + value + draw(_WHITE) for name, value in draw(st.lists(_FIELDS, max_size=4))]
    match draw(st.sampled_from(["nothing", "length", "chunks", "wrong length"])):
        case "length":
            body = draw(_DATA)
            lines.append(b"Content-Length: %d" % len(body))
        case "chunks":
            body = draw(_chunked())
            lines.append(b"Transfer-Encoding: chunked")
        case "wrong length":
            body = draw(_DATA)
            lines.append(b"Content-Length: " + draw(st.sampled_from([b"0", b"3", b"05", b"+1", b"1, 1", b"9"])))
        case _:
            body = b""
    head = b"\r\n".join([b"%b %b HTTP/%b" % (method, draw(_TARGETS), version), *draw(st.permutations(lines))])
    return _bent(draw, head + b"\r\n\r\n" + body + draw(st.sampled_from([b"", b"", b"GET / HTTP/1.1\r\n\r\n"])))


def _bent(draw: st.DrawFn, octets: bytes) -> bytes:
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        place = draw(st.integers(0, len(octets)))
        octets = octets[:place] + draw(_WRONG) + octets[place + draw(st.sampled_from([0, 1])) :]
    return octets


# -- the claim -----------------------------------------------------------------------------------------------

_QUICK = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_LONG = settings(_QUICK, max_examples=8_000)


def _agreed(octets: bytes, loop: asyncio.AbstractEventLoop) -> None:
    accepted = _sent_on(octets)
    event("refused" if accepted is None else "sent on")
    if accepted is not None:
        request, sent = accepted
        assert _by_h11(sent) == request
        assert _by_aiohttp(sent, loop) == request


@_QUICK
@given(octets=_requests())
def test_what_is_sent_on_is_the_same_one_request_to_h11_and_to_aiohttp(
    octets: bytes, loop: asyncio.AbstractEventLoop
) -> None:
    _agreed(octets, loop)


@pytest.mark.slow
@_LONG
@given(octets=_requests())
def test_and_so_it_is_however_often_it_is_tried(octets: bytes, loop: asyncio.AbstractEventLoop) -> None:
    _agreed(octets, loop)
