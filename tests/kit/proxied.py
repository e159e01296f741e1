"""PROXY v2 headers, made to the octet: as HAProxy writes them, or as nobody should."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

from tests.kit.line import Line, trusting_context

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
PROXY, LOCAL = 0x21, 0x20
TCP4, TCP6 = 0x11, 0x21


def told(source: str, extensions: bytes = b"") -> bytes:
    """Return a header that tells a caller's address."""
    address = ip_address(source)
    block = address.packed + ip_address("192.0.2.1" if address.version == 4 else "2001:db8::1").packed
    block += (56324).to_bytes(2) + (443).to_bytes(2)
    return header(block + extensions, family=TCP4 if address.version == 4 else TCP6)


def header(block: bytes = b"", *, command: int = PROXY, family: int = TCP4) -> bytes:
    return SIGNATURE + bytes([command, family]) + len(block).to_bytes(2) + block


def extension(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(2) + value


@asynccontextmanager
async def plain_line(port: int, *pieces: bytes, source: str = "127.0.0.1") -> AsyncIterator[Line]:
    """Connect without TLS and send these octets, each piece in a segment of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20, local_addr=(source, 0))
    try:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.001)
        yield Line(reader, writer)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


@asynccontextmanager
async def proxied_line(port: int, *pieces: bytes, source: str = "127.0.0.1") -> AsyncIterator[Line]:
    """Connect, send these octets, then begin TLS, as a load balancer's connection looks."""
    async with plain_line(port, *pieces, source=source) as line:
        await line.writer.start_tls(trusting_context(), server_hostname="localhost")
        yield line
