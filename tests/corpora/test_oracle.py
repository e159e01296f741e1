"""The oracle and the strict reader under it find what they are there to find."""

import pytest

from tests.corpora.oracle import differences
from tests.kit.strict import Message, Unsafe, read_request, read_requests

SENT = (
    b"POST /a?b HTTP/1.1\r\nHost: relay\r\nX-Api-Key: rk\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-A: 1\r\nX-B: 2\r\n"
    b"Content-Length: 5\r\n\r\nhello"
)
CAME = b"POST /a?b HTTP/1.1\r\nHost: up\r\nX-A: 1\r\nX-B: 2\r\nContent-Length: 5\r\nVia: 1.1 relay\r\n\r\nhello"


def _one(octets: bytes) -> Message:
    [message] = read_requests(octets)
    return message


def test_what_is_sent_on_as_a_gateway_does_it_is_no_difference() -> None:
    assert list(differences(_one(SENT), _one(CAME), b"up")) == []


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (b"POST", b"PUT"),
        (b"/a?b", b"/a"),
        (b"/a?b", b"/a?B"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"Host: up", b"Host: relay"),
        (b"Host: up", b"Host: up\r\nHost: up"),
        (b"X-A: 1\r\n", b""),
        (b"X-A: 1\r\nX-B: 2", b"X-B: 2\r\nX-A: 1"),
        (b"X-A: 1", b"x-a: 1"),
        (b"X-A: 1", b"X-A: 1\r\nX-Api-Key: rk"),
        (b"X-A: 1", b"X-A: 1\r\nX-Hop: 1"),
        (b"X-A: 1", b"X-A: 1\r\nConnection: close"),
        (b"X-A: 1", b"X-A: 1\r\nX-Relay-Tenant: linde"),
        (b"X-A: 1", b"X-A: 1\r\nX-Forwarded-For: 192.0.2.1"),
        (b"Via: 1.1 relay\r\n", b""),
        (b"hello", b"hallo"),
        (b"Content-Length: 5\r\nVia: 1.1 relay\r\n\r\nhello", b"Via: 1.1 relay\r\n\r\n"),
        (
            b"Content-Length: 5\r\nVia: 1.1 relay\r\n\r\nhello",
            b"Via: 1.1 relay\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n",
        ),
    ],
)
def test_whatever_is_otherwise_is_a_difference(was: bytes, now: bytes) -> None:
    assert list(differences(_one(SENT), _one(CAME.replace(was, now, 1)), b"up"))


@pytest.mark.parametrize(
    "octets",
    [
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.2\r\n\r\n",
        b"GET / HTTP/1.1\r\nX : y\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: y\r\n z\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: \x01\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: y\nZ: z\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\nrubbish\r\n\r\n",
    ],
)
def test_what_is_not_plainly_one_request_after_another_is_unsafe(octets: bytes) -> None:
    with pytest.raises(Unsafe):
        read_requests(octets)


@pytest.mark.parametrize(
    "octets",
    [b"GET / HTTP/1.1\r\n", CAME[:-1], b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"],
)
def test_what_is_not_all_there_is_no_request_yet(octets: bytes) -> None:
    assert read_request(octets) is None
