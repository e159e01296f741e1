"""The door out on its own: real connections to a scripted upstream, with bodies that a test hands over as it likes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path

from relay.authority.issued import Issued
from relay.errors import CallerGone
from relay.message.fields import Fields
from relay.message.framing import CHUNKED, NO_BODY, Framing, Length
from relay.message.head import RequestHead, ResponseHead, request_octets
from relay.upstream.door import Door, Outgoing, Passage
from relay.upstream.egress import Egress
from relay.upstream.passport import Passport
from relay.upstream.transport import Patience
from relay.x509.bundle import Bundle, open_bundle
from relay.x509.context import client_context
from tests.kit import authority as kit

EGRESS = Egress(IPv4Address("127.0.0.9"), IPv4Address("192.0.2.9"))
PATIENCE = Patience(connect=2, tls=2, idle=30)


@cache
def _trust(folder: Path) -> Path:
    file = folder / "trust.pem"
    file.write_bytes(kit.authority().trust_pem())
    return file


@cache
def _bundle(issued: Issued) -> Bundle:
    return open_bundle(issued.p12("geheim"), "geheim", at=kit.AT)


def passport(folder: Path, issued: Issued | None = None) -> Passport:
    """What connections show; `issued` takes the place of the system certificate that is in order."""
    bundle = _bundle(issued or kit.system())
    identity = bundle.identity
    return Passport(
        context=client_context(bundle, trust=_trust(folder)),
        serial=identity.serial,
        fingerprint=identity.fingerprint,
        not_after=identity.not_after,
    )


class Pieces:
    """A `Body` that comes when the test hands it over: octets, its end, or the fault that came instead."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | BaseException] = asyncio.Queue()
        self.ended = False
        self.taken = 0

    def come(self, octets: bytes | BaseException) -> None:
        self._queue.put_nowait(octets)

    def end(self) -> None:
        self.come(b"")

    def hang_up(self) -> None:
        self.come(CallerGone())

    def ready(self) -> bytes:
        return b""

    async def read(self) -> bytes:
        piece = await self._queue.get()
        if isinstance(piece, BaseException):
            raise piece
        self.taken += len(piece)
        self.ended = not piece
        return piece


class Whole:
    """A `Body` that is here already."""

    def __init__(self, octets: bytes = b"") -> None:
        self._octets = octets
        self.ended = False

    def ready(self) -> bytes:
        self.ended = True
        return self._octets

    async def read(self) -> bytes:
        return b""


@dataclass
class Ajar:
    """A door, the port it leads to, and what it counted."""

    door: Door
    port: int
    counts: Counter[str] = field(default_factory=Counter)

    async def call(
        self,
        method: str = "GET",
        body: Pieces | bytes | None = None,
        *,
        host: str = "localhost",
        port: int | None = None,
        first_byte: float = 5,
        chunked: bool = False,
    ) -> Passage:
        outgoing = self.outgoing(method, body, host=host, port=port, first_byte=first_byte, chunked=chunked)
        return await self.door.call(outgoing)

    def outgoing(
        self,
        method: str = "GET",
        body: Pieces | bytes | None = None,
        *,
        host: str = "localhost",
        port: int | None = None,
        first_byte: float = 5,
        chunked: bool = False,
    ) -> Outgoing:
        framing: Framing = CHUNKED if chunked or isinstance(body, Pieces) else Length(len(body)) if body else NO_BODY
        said = (b"Transfer-Encoding", b"chunked")
        if isinstance(framing, Length):
            said = (b"Content-Length", b"%d" % framing.octets)
        head = RequestHead(method.encode(), b"/x", Fields(((b"Host", b"localhost"), said)))
        return Outgoing(
            host=host,
            port=port or self.port,
            method=head.method,
            head=request_octets(head),
            framing=framing,
            body=body if isinstance(body, Pieces) else Whole(body or b""),
            first_byte=first_byte,
        )

    async def fetch(self, method: str = "GET", body: Pieces | bytes | None = None) -> tuple[ResponseHead, bytes]:
        """Call, read the whole answer and end the call."""
        passage = await self.call(method, body)
        try:
            return passage.head, await whole(passage)
        finally:
            passage.close()


async def whole(passage: Passage) -> bytes:
    body = b""
    while octets := await passage.reply.read():
        body += octets
    return body


@asynccontextmanager
async def ajar(
    folder: Path, port: int, *, egress: Egress = EGRESS, patience: Patience = PATIENCE, shown: Passport | None = None
) -> AsyncIterator[Ajar]:
    counts: Counter[str] = Counter()
    door = Door(shown or passport(folder), egress, patience, lambda event: counts.update([event]))
    try:
        yield Ajar(door, port, counts)
    finally:
        door.close()
        await asyncio.sleep(0)


async def until(true: object, seconds: float = 3) -> None:
    """Wait until `true()` holds: for what another task or process brings about."""
    assert callable(true)
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)
