"""A stand-in for VECOZO that takes its time over insurance checks, and takes and gives whole claims at once.

Arguments: port, port to ask how many calls are in progress, seconds for a check, seconds in which no other call may
have come before one is answered, file to answer `/down` with. Run in the folder that has certs/. Paths that end in
`/up` are answered with the body's digest, so that a caller knows that all of it arrived.
"""

import asyncio
import ssl
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import cast

import uvloop

_ALLOWED = "127.0.0.9"
_CHECK_SIZE = 2300


@dataclass(slots=True)
class _Service:
    """What it answers, and how many calls it has."""

    seconds: float
    calm: float
    check: bytes
    claim: bytes
    in_progress: int = 0
    last_came: float = 0.0


class _Calls(asyncio.Protocol):
    """One connection with one call at a time: fronts send no second one before the answer."""

    def __init__(self, service: _Service) -> None:
        self._service = service
        self._head = b""
        self._path = b""
        self._last = False
        self._left = 0
        self._digest = sha256()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclasses
        if self._transport.get_extra_info("peername")[0] != _ALLOWED:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if not self._left:
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            self._head = b""
            self._begin(head)
        self._digest.update(data)
        self._left -= len(data)
        if not self._left:
            self._whole()

    def _begin(self, head: bytes) -> None:
        line, *fields = head.split(b"\r\n")
        known = {name.lower(): value.strip().lower() for name, _, value in (field.partition(b":") for field in fields)}
        self._path = line.split(b" ")[1]
        self._last = known.get(b"connection") == b"close"
        self._left = int(known[b"content-length"])
        self._digest = sha256()
        self._service.in_progress += 1
        self._service.last_came = asyncio.get_running_loop().time()

    def _whole(self) -> None:
        if self._path.endswith(b"/up"):
            self._answer(_answer(self._digest.hexdigest().encode()))
        elif self._path.endswith(b"/down"):
            self._answer(self._service.claim)
        else:
            asyncio.get_running_loop().call_later(self._service.seconds, self._answer_check)

    def _answer_check(self) -> None:
        loop, service = asyncio.get_running_loop(), self._service
        left = service.last_came + service.calm - loop.time()
        if left > 0:
            loop.call_later(left, self._answer_check)
        else:
            self._answer(service.check)

    def _answer(self, answer: bytes) -> None:
        self._service.in_progress -= 1
        self._transport.write(answer)
        if self._last:
            self._transport.close()


class _Count(asyncio.Protocol):
    """Tells how many calls are in progress, to whoever sends anything."""

    def __init__(self, service: _Service) -> None:
        self._service = service

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclasses

    def data_received(self, data: bytes) -> None:
        self._transport.write(_answer(b'{"in_progress": %d}' % self._service.in_progress))


def _answer(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


async def _serve(port: int, count_port: int, service: _Service) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("certs/upstream.crt", "certs/upstream.key")
    context.load_verify_locations("certs/ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    loop = asyncio.get_running_loop()
    calls = await loop.create_server(lambda: _Calls(service), "127.0.0.1", port, ssl=context, backlog=4096)
    counts = await loop.create_server(lambda: _Count(service), "127.0.0.1", count_port)
    async with calls, counts:
        await asyncio.Event().wait()


def main() -> None:
    """Serve until told to stop."""
    port, count_port, seconds, calm, claim = sys.argv[1:]
    service = _Service(float(seconds), float(calm), _answer(b" " * _CHECK_SIZE), _answer(Path(claim).read_bytes()))
    uvloop.run(_serve(int(port), int(count_port), service))


main()
