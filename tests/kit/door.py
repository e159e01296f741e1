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
from relay.errors import CallerGone, RelayError
from relay.message.fields import Fields
from relay.message.framing import CHUNKED, NO_BODY, Framing, Length
from relay.message.head import RequestHead, ResponseHead, request_octets
from relay.message.stream import HIGH_WATER, Stream
from relay.upstream.door import Door
from relay.upstream.egress import Egress
from relay.upstream.passage import Passage
from relay.upstream.passport import Passport
from relay.upstream.transport import Patience
from relay.x509.bundle import Bundle, open_bundle
from relay.x509.context import client_context
from tests.kit import authority as kit

EGRESS = Egress(IPv4Address("127.0.0.9"), IPv4Address("192.0.2.9"))
PATIENCE = Patience(connect=2, tls=2, first_byte=5, idle=30)
# For those who wait for an answer that does not come.
HASTY = Patience(connect=2, tls=2, first_byte=0.05, idle=30)


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
        not_before=identity.not_before,
        not_after=identity.not_after,
    )


class Pieces:
    """A body that comes when the test hands it over: octets, its end, or the fault that came instead."""

    def __init__(self) -> None:
        self._queue: list[bytes | CallerGone | RelayError] = []
        self._held = False
        self.rest = Stream(self._hold)
        self.taken = 0

    def come(self, piece: bytes | CallerGone | RelayError) -> None:
        self._queue.append(piece)
        self._pump()

    def end(self) -> None:
        self.come(b"")

    def hang_up(self) -> None:
        self.come(CallerGone())

    def _hold(self, held: bool) -> None:
        self._held = held
        self._pump()

    def _pump(self) -> None:
        while self._queue and not self._held:
            match self._queue.pop(0):
                case b"":
                    self.rest.end()
                case bytes() as octets:
                    self.taken += len(octets)
                    self.rest.put(octets)
                case fault:
                    self.rest.fail(fault)


class Reader:
    """Reads an answer's body as a slow caller might: nothing is taken that was not asked for."""

    def __init__(self, octets: bytes, rest: Stream | None) -> None:
        self._octets = octets
        self._rest = rest
        self._flowing = False
        self._fault: Exception | None = None
        self._news = asyncio.Event()

    @property
    def complete(self) -> bool:
        return self._rest is None or self._rest.ended

    def take(self, octets: bytes) -> None:
        self._octets += octets
        if self._rest and len(self._octets) > HIGH_WATER:
            self._rest.hold(True)
        self._news.set()

    def over(self) -> None:
        self._news.set()

    def broke(self, fault: CallerGone | RelayError) -> None:
        self._fault = fault
        self._news.set()

    def ready(self) -> bytes:
        if self._rest is not None and not self._flowing:
            self._flowing = True
            self._rest.flow(self)
        octets, self._octets = self._octets, b""
        if self._rest is not None and octets and not self.complete:
            self._rest.hold(False)
        return octets

    async def read(self) -> bytes:
        """Return the next octets; nothing means the end."""
        while not (octets := self.ready()) and not self.complete:
            if self._fault is not None:
                raise self._fault
            self._news.clear()
            await self._news.wait()
        return octets


class Called:
    """The `Receiver` of one call: what came of it, to be waited for."""

    def __init__(self) -> None:
        self._coming: asyncio.Future[Passage] = asyncio.get_running_loop().create_future()

    def answered(self, passage: Passage) -> None:
        self._coming.set_result(passage)

    def failed(self, fault: Exception) -> None:
        self._coming.set_exception(fault)

    async def passage(self, sent: Passage) -> Passage:
        try:
            return await self._coming
        except asyncio.CancelledError:
            sent.abandon()
            raise


class Answered:
    """An answer whose head is here."""

    def __init__(self, passage: Passage) -> None:
        assert passage.connection is not None
        self._passage = passage
        self.head = passage.answer
        self.connection = passage.connection
        self.reply = Reader(passage.answer_octets, passage.answer_rest)

    def close(self) -> None:
        self._passage.abandon()


@dataclass
class Ajar:
    """A door, the port it leads to, and what it counted."""

    door: Door
    port: int
    counts: Counter[str] = field(default_factory=Counter)

    async def call(
        self,
        method: str = "GET",
        body: Pieces | bytes = b"",
        *,
        host: str = "localhost",
        port: int | None = None,
    ) -> Answered:
        """Send a call and return when its answer's head is here."""
        pieces = body if isinstance(body, Pieces) else None
        octets = body if isinstance(body, bytes) else b""
        framing: Framing = CHUNKED if pieces else Length(len(octets)) if octets else NO_BODY
        said = (b"Transfer-Encoding", b"chunked")
        if isinstance(framing, Length):
            said = (b"Content-Length", b"%d" % framing.octets)
        called = Called()
        passage = Passage(
            called,
            host=host,
            port=port or self.port,
            method=method.encode(),
            head=request_octets(RequestHead(method.encode(), b"/x", Fields(((b"Host", b"localhost"), said)))),
            framing=framing,
            octets=octets,
            rest=pieces.rest if pieces else None,
        )
        self.door.send(passage)
        return Answered(await called.passage(passage))

    async def fetch(self, method: str = "GET", body: Pieces | bytes = b"") -> tuple[ResponseHead, bytes]:
        """Call, read the whole answer and end the call."""
        answered = await self.call(method, body)
        try:
            return answered.head, await whole(answered)
        finally:
            answered.close()


async def whole(answered: Answered) -> bytes:
    body = b""
    while octets := await answered.reply.read():
        body += octets
    return body


@asynccontextmanager
async def ajar(
    folder: Path, port: int, *egresses: Egress, patience: Patience = PATIENCE, shown: Passport | None = None
) -> AsyncIterator[Ajar]:
    counts: Counter[str] = Counter()
    door = Door(shown or passport(folder), egresses or (EGRESS,), patience, lambda event: counts.update([event]))
    try:
        yield Ajar(door, port, counts)
    finally:
        door.close()
        await asyncio.sleep(0)


async def until(true: object, seconds: float = 10) -> None:
    """Wait until `true()` holds: for what another task or process brings about."""
    assert callable(true)
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)
