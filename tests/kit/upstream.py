"""An upstream that records every octet and answers as a test scripts it; mutual TLS, as VECOZO's."""

import asyncio
import os
import socket
import ssl
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from relay.x509.context import server_context_from
from tests.kit import authority as kit

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 4\r\n\r\n<a/>"


@dataclass
class Exchange:
    """One connection's side of a call: what came in, and the means to answer."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: bytes = b""
    body: bytes = b""

    async def answer(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    def reset(self) -> None:
        self.writer.transport.abort()


Script = Callable[[Exchange], Awaitable[None]]


def answering(octets: bytes) -> Script:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(octets)

    return script


@dataclass
class Upstream:
    script: Script = field(default_factory=lambda: answering(OK))
    port: int = 0
    connections: int = 0
    open: int = 0
    before_body: Script | None = None
    serials: list[str] = field(default_factory=list)
    requests: list[Exchange] = field(default_factory=list)
    octets: bytearray = field(default_factory=bytearray)
    under: Counter[str] = field(default_factory=Counter)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        serial = (writer.get_extra_info("peercert") or {}).get("serialNumber", "")
        self.under[serial] += 1
        try:
            while True:
                exchange = Exchange(reader, writer)
                exchange.head = await reader.readuntil(b"\r\n\r\n")
                self.octets += exchange.head
                self.serials.append(serial)
                self.requests.append(exchange)
                if self.before_body is not None:
                    await self.before_body(exchange)
                exchange.body = await self._body(reader, exchange.head.lower())
                await self.script(exchange)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.open -= 1
            self.under[serial] -= 1
            with suppress(OSError):
                writer.close()

    async def _body(self, reader: asyncio.StreamReader, head: bytes) -> bytes:
        if b"\r\ntransfer-encoding: chunked" in head:
            body = b""
            while size := int(await self._taken(reader.readuntil(b"\r\n")), 16):
                body += (await self._taken(reader.readexactly(size + 2)))[:-2]
            await self._taken(reader.readexactly(2))
            return body
        if b"\r\ncontent-length: " in head:
            length = int(head.split(b"\r\ncontent-length: ")[1].split(b"\r\n")[0])
            return await self._taken(reader.readexactly(length))
        return b""

    async def _taken(self, reading: Awaitable[bytes]) -> bytes:
        octets = await reading
        self.octets += octets
        return octets


def upstream_context(*, client_certificate: bool = True) -> ssl.SSLContext:
    context = server_context_from(kit.server().chain_pem(), kit.server().key_pem())
    if client_certificate:
        context.load_verify_locations(cadata=kit.authority().trust_pem().decode())
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@asynccontextmanager
async def refusing(context: ssl.SSLContext) -> AsyncIterator[int]:
    """Yield the port of a server that says why it refuses a client's certificate.

    asyncio's servers just end the connection; OpenSSL on a plain socket sends its alert, as other gateways do.
    """
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            with suppress(OSError), plain, context.wrap_socket(plain, server_side=True) as connection:
                while connection.recv(65536):
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        await asyncio.to_thread(thread.join)


def end_without_notice(exchange: Exchange) -> None:
    """End the TCP connection in order, but without TLS's close_notify: what a cut on the way looks like."""
    with socket.socket(fileno=os.dup(exchange.writer.get_extra_info("socket").fileno())) as same:
        same.shutdown(socket.SHUT_WR)


@asynccontextmanager
async def running(
    script: Script | None = None, context: ssl.SSLContext | None = None, *, before_body: Script | None = None
) -> AsyncIterator[Upstream]:
    """Run an upstream; `script` answers once a request is complete, `before_body` once its head is here."""
    upstream = Upstream(before_body=before_body)
    if script:
        upstream.script = script
    server = await asyncio.start_server(
        upstream.serve, "127.0.0.1", 0, ssl=context or upstream_context(), limit=1 << 20
    )
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
        for exchange in upstream.requests:
            exchange.writer.transport.abort()
        await asyncio.sleep(0.01)
