"""A raw line to a TLS server: what is sent is sent to the octet, what comes back is told to the octet."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, Self

from tests.kit import authority as kit


@dataclass(frozen=True)
class Answer:
    status: int
    reason: str
    fields: list[tuple[bytes, bytes]]
    body: bytes

    def field(self, name: str) -> str | None:
        found = [value for field, value in self.fields if field.lower() == name.lower().encode()]
        assert len(found) < 2, f"{name} came {len(found)} times"
        return found[0].decode() if found else None


class CutOff(Exception):
    """The answer ended before it was complete."""


class Line:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, octets: bytes) -> Self:
        self.writer.write(octets)
        await self.writer.drain()
        return self

    async def answer(self, *, to: str = "GET") -> Answer:
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
            status_line, *lines = head[:-4].split(b"\r\n")
            _, status, reason = status_line.split(b" ", 2)
            fields = [(name, value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
            answer = Answer(int(status), reason.decode(), fields, b"")
            body = await self._body(answer) if to != "HEAD" else b""
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError) as error:
            raise CutOff from error
        return Answer(answer.status, answer.reason, fields, body)

    async def _body(self, answer: Answer) -> bytes:
        if answer.field("transfer-encoding") == "chunked":
            body = b""
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readexactly(2)
            return body
        if (length := answer.field("content-length")) is not None:
            return await self.reader.readexactly(int(length))
        return b"" if answer.status in (100, 204, 304) else await self.reader.read()

    async def ended(self) -> bool:
        """Whether the other side closes without sending more."""
        try:
            return await self.reader.read(1) == b""
        except (ConnectionError, ssl.SSLError):
            return True

    def hang_up(self) -> None:
        self.writer.transport.abort()


def trusting_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=kit.authority().trust_pem().decode())
    return context


@asynccontextmanager
async def line(
    port: int, context: ssl.SSLContext | None = None, *, host: str = "127.0.0.1", name: str = "localhost"
) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection(
        host, port, ssl=context or trusting_context(), server_hostname=name, limit=1 << 20
    )
    try:
        yield Line(reader, writer)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


def request(
    method: str, target: str, *fields: tuple[str, str], body: bytes | None = None, host: str = "localhost"
) -> bytes:
    head = [f"{method} {target} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in fields)]
    if body is not None:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + (body or b"")


class Called(Protocol):
    """A relay that takes calls: its port, and a key that it lets in."""

    @property
    def port(self) -> int: ...

    @property
    def key(self) -> str: ...


async def call(here: Called, path: str, *fields: tuple[str, str]) -> Answer:
    """Return what one POST is answered, over a line of its own."""
    async with line(here.port) as caller:
        return await (await caller.send(request("POST", path, ("X-Api-Key", here.key), *fields, body=b"x"))).answer()
