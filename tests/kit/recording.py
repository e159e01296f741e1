"""An upstream that keeps every octet and reads it strictly; it answers each request with the mark of its row."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.kit.strict import Message, Unsafe, read_request
from tests.kit.upstream import upstream_context

MARK = b"x-row"
"""The field by which a request is known again, here and in the answer to it."""


@dataclass
class Recording:
    """What came: whole requests by their mark, octets that are no request, and requests that never became whole."""

    port: int = 0
    connections: int = 0
    messages: dict[str, list[Message]] = field(default_factory=dict)
    unsafe: list[str] = field(default_factory=list)
    unfinished: list[bytes] = field(default_factory=list)
    octets: list[bytearray] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests."""
        self.connections += 1
        kept = bytearray()
        self.octets.append(kept)
        waiting = b""
        with suppress(OSError):
            while octets := await reader.read(65536):
                kept += octets
                waiting = self._answered(waiting + octets, writer)
        if waiting:
            self.unfinished.append(waiting)
        with suppress(OSError):
            writer.close()

    def _answered(self, octets: bytes, writer: asyncio.StreamWriter) -> bytes:
        """Answer the whole requests in `octets`; return what is left."""
        try:
            while taken := read_request(octets):
                message, octets = taken
                mark = b",".join(message.values(MARK))
                self.messages.setdefault(mark.decode(), []).append(message)
                told = b"" if message.method == b"HEAD" else mark
                writer.write(
                    b"HTTP/1.1 200 OK\r\nX-Row: %b\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b"
                    % (mark, len(mark), told)
                )
        except Unsafe as why:
            self.unsafe.append(str(why))
            writer.transport.abort()
            return b""
        return octets


@asynccontextmanager
async def recording() -> AsyncIterator[Recording]:
    """Run one, behind mutual TLS."""
    kept = Recording()
    server = await asyncio.start_server(kept.serve, "127.0.0.1", 0, ssl=upstream_context(), limit=1 << 20)
    kept.port = server.sockets[0].getsockname()[1]
    try:
        yield kept
    finally:
        server.close()
        await asyncio.sleep(0.01)
