"""Calls of every kind that there is, and every way to break one off: by the caller, and by the upstream.

The last word of a call's path tells the upstream what to do with it.
"""

import asyncio
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice
from typing import Final, cast

from tests.kit import authority
from tests.kit import upstream as kit
from tests.kit.line import Answer, CutOff, Line, line, request, trusting_context
from tests.kit.relay import PATH
from tests.kit.served import Served

# Callers at once.
_MOST: Final = 16
_PART: Final = b"0123456789" * 10
_LARGE: Final = _PART * 200
# More than finds room between the relay and somebody who does not read: the kernel alone takes half of it.
_HUGE: Final = _PART * 50_000
# Seconds in which a request has reached the upstream, mostly.
_MOMENT: Final = 0.01
_RESET: Final = struct.pack("ii", 1, 0)


def _head(length: int, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\r\n".encode()


_CHUNKED: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHUNK: Final = b"64\r\n" + _PART + b"\r\n"


# -- how either side leaves ------------------------------------------------------------------------------------------


def _reset(writer: asyncio.StreamWriter) -> None:
    """Let go of the connection at once."""
    if not writer.is_closing():  # the other side may have been faster
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


def _cut(writer: asyncio.StreamWriter) -> None:
    """End the connection in order, but TLS without notice."""
    writer.transport.abort()


def _close(writer: asyncio.StreamWriter) -> None:
    """End both in order."""
    writer.close()


Leave = Callable[[asyncio.StreamWriter], None]
_LEAVES: Final[tuple[Leave, ...]] = (_reset, _cut, _close)

# -- what the upstream does ------------------------------------------------------------------------------------------


def _then(leave: Leave, *octets: bytes) -> kit.Script:
    """Send these, a moment between each, and leave."""

    async def script(exchange: kit.Exchange) -> None:
        for each in octets:
            await exchange.answer(each)
            await asyncio.sleep(_MOMENT / 10)
        leave(exchange.writer)

    return script


def _until_it_ends(beginning: bytes = b"") -> kit.Script:
    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(beginning)
        await exchange.reader.read()

    return script


async def _slow(exchange: kit.Exchange) -> None:
    await asyncio.sleep(2 * _MOMENT)
    await exchange.answer(kit.OK)


_ANSWERS: Final[Mapping[str, kit.Script]] = {
    "short": kit.answering(kit.OK),
    "none": kit.answering(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "head": kit.answering(_head(4)),
    "chunked": kit.answering(_CHUNKED + 2 * _CHUNK + b"0\r\n\r\n"),
    "large": kit.answering(_head(len(_LARGE)) + _LARGE),
    "huge": kit.answering(_head(len(_HUGE)) + _HUGE),
    "ending": _then(_close, b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n", _PART),
    "closing": kit.answering(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\n<a/>"),
    "refusing": kit.answering(_head(4, "403 Forbidden") + b"<a/>"),
    "slow": _slow,
    "deaf": kit.answering(kit.OK),  # to what came all the same
    "silent": _until_it_ends(),
    "half": _until_it_ends(_head(200) + _PART),
    "half-chunked": _until_it_ends(_CHUNKED + _CHUNK),
}

# How an upstream breaks off a call, or the connection that it came by.
_BREAKS: Final[Mapping[str, kit.Script]] = {
    "reset-before-the-head": _then(_reset),
    "cut-before-the-head": _then(_cut),
    "closed-before-the-head": _then(_close),
    "reset-in-the-head": _then(_reset, _head(4)[:20]),
    "closed-in-the-head": _then(_close, _head(4)[:20]),
    "reset-after-the-head": _then(_reset, _head(200)),
    "reset-after-a-refusals-head": _then(_reset, _head(200, "403 Forbidden")),
    "reset-in-the-body": _then(_reset, _head(200), _PART),
    "cut-in-the-body": _then(_cut, _head(200) + _PART),
    "closed-in-the-body": _then(_close, _head(200), _PART),
    "reset-in-a-chunk": _then(_reset, _CHUNKED, _CHUNK[:50]),
    "closed-between-chunks": _then(_close, _CHUNKED + _CHUNK),
    "cut-where-the-end-is-all": _then(_cut, b"HTTP/1.1 200 OK\r\n\r\n", _PART),
    "reset-in-a-huge-body": _then(_reset, _head(2 * len(_HUGE)) + _HUGE),
    "reset-when-kept": _then(_reset, kit.OK),
    "cut-when-kept": _then(_cut, kit.OK),
    "closed-when-kept": _then(_close, kit.OK),
    "speaking-when-kept": _then(_close, kit.OK, b"HTTP/1.1 200 OK\r\n\r\n"),
    "no-http": _then(_close, b"what?\r\n\r\n"),
    "a-bad-chunk": _then(_close, _CHUNKED, b"zz\r\n"),
    "nothing-after-100": _then(_reset, b"HTTP/1.1 100 Continue\r\n\r\n"),
}
# The same before the request's body is read.
_EARLY: Final[Mapping[str, kit.Script]] = {
    "reset-in-the-request": _then(_reset),
    "closed-in-the-request": _then(_close),
    "refused-in-the-request": _then(_close, _head(4, "413 Content Too Large") + b"<a/>"),
    "reset-when-held-back": _then(_reset, b"", b"", b"", b"", b""),
}
# To another port, where nobody gets through the handshake.
NO_HANDSHAKE: Final = "/acc/closed"


def _word(exchange: kit.Exchange) -> str:
    return exchange.head.split(b" ", 2)[1].rpartition(b"/")[2].decode()


async def _early(exchange: kit.Exchange) -> None:
    word = _word(exchange)
    if word == "deaf":
        await asyncio.sleep(5 * _MOMENT)
    elif script := _EARLY.get(word):
        await script(exchange)
        raise ConnectionAbortedError  # nothing more is read


async def _late(exchange: kit.Exchange) -> None:
    word = _word(exchange)
    await (_ANSWERS.get(word) or _BREAKS[word])(exchange)


@asynccontextmanager
async def upstream() -> AsyncIterator[kit.Upstream]:
    """An upstream that does what a call's path says."""
    async with kit.running(_late, before_body=_early) as running:
        yield running


@asynccontextmanager
async def closed_upstream() -> AsyncIterator[int]:
    """The port of an upstream that resets connections in the handshake: at once, or when it has been greeted."""
    turns = cycle((False, True))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if next(turns):
            await reader.read(1)
        _reset(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


# -- callers ---------------------------------------------------------------------------------------------------------


class _Resuming(ssl.SSLContext):
    """Offers a session to whatever it connects: a loop has no means to do that."""

    session: ssl.SSLSession | None = None

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session or self.session)


_VERSIONS: Final = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def _contexts() -> dict[ssl.TLSVersion, _Resuming]:
    return {version: _context(version) for version in _VERSIONS}


def _context(version: ssl.TLSVersion) -> _Resuming:
    context = _Resuming(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority.authority().trust_pem().decode())
    context.minimum_version = context.maximum_version = version
    return context


class Caller:
    """Keeps its line from call to call, and takes a new one when that has ended."""

    def __init__(self, traffic: "Traffic") -> None:
        self.traffic = traffic
        self._kept = AsyncExitStack()
        self._line: Line | None = None

    async def line(self) -> Line:
        if self._line is None:
            self._line = await self._kept.enter_async_context(self.traffic.line())
        return self._line

    async def hang_up(self) -> None:
        self._line = None
        await self._kept.aclose()


Errand = Callable[[Caller], Awaitable[None]]


@dataclass
class Traffic:
    """Callers of one relay, and how often what became of their calls.

    Contexts are shared, those of who resumes and those of who does not: making one takes longer than a handshake.
    """

    here: Served
    became: Counter[str] = field(default_factory=Counter)
    full: Mapping[ssl.TLSVersion, _Resuming] = field(default_factory=_contexts)
    resuming: Mapping[ssl.TLSVersion, _Resuming] = field(default_factory=_contexts)

    def line(self) -> AbstractAsyncContextManager[Line]:
        """A new line, after a handshake in full."""
        return line(self.here.port, self.full[ssl.TLSVersion.TLSv1_3])

    async def run(self, errands: Iterable[Errand]) -> None:
        """Have callers run errands, each the next one when it is back, until all are done."""
        waiting = iter(errands)

        async def run() -> None:
            caller = Caller(self)
            try:
                for errand in waiting:
                    await errand(caller)
            finally:
                await caller.hang_up()

        async with asyncio.TaskGroup() as group:
            for _ in range(_MOST):
                group.create_task(run())


def mixed(*errands: Iterable[Errand]) -> Iterator[Errand]:
    """Several kinds of errands, spread evenly over one another."""
    kinds = [list(kind) for kind in errands]
    turns = ((place / len(kind), number) for number, kind in enumerate(kinds) for place in range(len(kind)))
    rest = [iter(kind) for kind in kinds]
    return (next(rest[number]) for _, number in sorted(turns))


# -- calls -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call, sent in so many pieces with a moment between, and the status that it gets."""

    method: str
    pieces: tuple[bytes, ...]
    status: int = 200

    async def ask(self, caller: Line) -> Answer:
        for number, piece in enumerate(self.pieces):
            if number:
                await asyncio.sleep(_MOMENT / 10)
            await caller.send(piece)
        return await caller.answer(to=self.method)


def _call(
    here: Served,
    method: str,
    word: str,
    *fields: tuple[str, str],
    body: bytes | None = None,
    status: int = 200,
    pieces: int = 1,
    path: str = PATH,
    key: str | None = None,
) -> Call:
    octets = request(method, f"{path}/{word}", ("X-Api-Key", key or here.key), *fields, body=body)
    size = -(-len(octets) // pieces)
    parts = tuple(octets[start : start + size] for start in range(0, len(octets), size))
    return Call(method=method, pieces=parts, status=status)


def _chunked(here: Served, word: str, *, pieces: int = 1, status: int = 200) -> Call:
    whole = _call(here, "POST", word, ("Transfer-Encoding", "chunked"))
    octets = whole.pieces[0] + 3 * _CHUNK + b"0\r\n\r\n"
    half = len(octets) - 250 if pieces > 1 else len(octets)
    return Call(method="POST", pieces=tuple(filter(None, (octets[:half], octets[half:]))), status=status)


def _kinds(here: Served) -> list[Call]:
    return [
        _call(here, "POST", "short", body=_PART),
        _call(here, "GET", "short"),
        _call(here, "POST", "short", body=_PART, pieces=2),
        _chunked(here, "short"),
        _chunked(here, "chunked", pieces=2),
        _call(here, "POST", "large", body=_LARGE),
        _call(here, "HEAD", "head"),
        _call(here, "GET", "none", status=204),
        _call(here, "GET", "ending"),
        _call(here, "POST", "closing", body=_PART),
        _call(here, "POST", "refusing", body=_PART, status=403),
        _call(here, "POST", "short", body=_PART, status=401, key="unknown"),
        _call(here, "GET", "short", path="/nowhere", status=404),
    ]


def calls(here: Served, count: int) -> Iterator[Errand]:
    """So many calls: of ten, eight over kept lines, one over a new one, one over one that resumes a session."""
    kinds = cycle(_kinds(here))
    for number in range(count):
        kind, version = next(kinds), _VERSIONS[number // 10 % 2]
        match number % 10:
            case 0:
                yield partial(_call_once, kind, version, False)
            case 1:
                yield partial(_call_once, kind, version, True)
            case 2 if number % 100 == 2:
                yield partial(_call_when_asked, here)
            case _:
                yield partial(_call_kept, kind)


def _took(caller: Caller, kind: Call, answer: Answer) -> None:
    assert answer.status == kind.status, f"{kind.pieces[0][:60]!r} got {answer}"
    caller.traffic.became["answered"] += 1


async def _call_kept(kind: Call, caller: Caller) -> None:
    answer = await kind.ask(await caller.line())
    _took(caller, kind, answer)
    if answer.field("connection") == "close":
        await caller.hang_up()


async def _call_once(kind: Call, version: ssl.TLSVersion, resuming: bool, caller: Caller) -> None:
    traffic = caller.traffic
    context = (traffic.resuming if resuming else traffic.full)[version]
    async with line(traffic.here.port, context) as once:
        _took(caller, kind, await kind.ask(once))
        ssl_object = once.writer.get_extra_info("ssl_object")
        if resuming:
            context.session = ssl_object.session  # with 1.3 it came with the answer
        traffic.became["resumed" if ssl_object.session_reused else "full"] += 1


async def _call_when_asked(here: Served, caller: Caller) -> None:
    kind = _call(here, "POST", "short", ("Expect", "100-continue"), ("Content-Length", "4"))
    kept = await caller.line()
    assert (await kind.ask(kept)).status == 100
    _took(caller, kind, await (await kept.send(b"<a/>")).answer())


# -- aborts by the upstream ------------------------------------------------------------------------------------------


def broken_off(here: Served, count: int) -> Iterator[Errand]:
    """So many calls that the upstream breaks off, or whose connection it does not keep."""
    kinds = [
        *(_call(here, "POST", word, body=_PART) for word in _BREAKS),
        *(_call(here, "POST", word, body=_HUGE if word == "reset-when-held-back" else _LARGE) for word in _EARLY),
        _call(here, "POST", "short", body=_PART, path=NO_HANDSHAKE),
        *(_call(here, "GET", word) for word in _BREAKS),
        *(_chunked(here, word, pieces=2) for word in _EARLY),
        _call(here, "GET", "short", path=NO_HANDSHAKE),
    ]
    for kind in islice(cycle(kinds), count):
        yield partial(_call_in_vain, kind)


async def _call_in_vain(kind: Call, caller: Caller) -> None:
    caller.traffic.became["broken off"] += 1
    try:
        answer = await kind.ask(await caller.line())
    except (CutOff, OSError):
        await caller.hang_up()
    else:
        if answer.field("connection") == "close":
            await caller.hang_up()


# -- aborts by callers -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Where a caller leaves: after these octets, so many seconds, and the first octets of an answer if it `reads`.

    One that is `deaf` takes nothing of it from the socket.
    """

    octets: bytes
    seconds: float = 0.0
    reads: bool = False
    deaf: bool = False


def _plain_points() -> list[Point]:
    """Before the handshake is over."""
    hello = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        trusting_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost").do_handshake()
    octets = hello.read()
    return [Point(octets=b""), Point(octets=octets[:100]), Point(octets=octets, reads=True), Point(octets=b"GET / H")]


def _points(here: Served) -> list[Point]:
    """After it."""

    def octets(method: str, word: str, *fields: tuple[str, str], body: bytes | None = None) -> bytes:
        return b"".join(_call(here, method, word, *fields, body=body).pieces)

    post, get, silent = octets("POST", "slow", body=_PART), octets("GET", "short"), octets("GET", "silent")
    chunked = b"".join(_chunked(here, "slow").pieces)
    unknown = b"".join(_call(here, "POST", "short", body=_LARGE, key="unknown").pieces)
    return [
        Point(octets=b""),
        Point(octets=post[:40]),
        Point(octets=post[:-50]),
        Point(octets=post[:-50], seconds=_MOMENT),
        Point(octets=chunked[:-50]),
        Point(octets=chunked[:-50], seconds=_MOMENT),
        Point(octets=post),
        Point(octets=post, seconds=_MOMENT),
        # While it is being dialled for, and later.
        *(Point(octets=silent, seconds=quarters * _MOMENT / 4) for quarters in range(5)),
        Point(octets=octets("GET", "half"), reads=True),
        Point(octets=octets("POST", "half-chunked", body=_PART), reads=True),
        Point(octets=octets("GET", "huge"), seconds=5 * _MOMENT, deaf=True),
        Point(octets=octets("POST", "huge", body=_PART), reads=True),
        Point(octets=octets("POST", "deaf", body=_HUGE), seconds=3 * _MOMENT, deaf=True),
        Point(octets=3 * get, reads=True),
        Point(octets=octets("POST", "short", ("Expect", "100-continue"), ("Content-Length", "4")), reads=True),
        Point(octets=unknown[:-50], reads=True),
        Point(octets=b"what?\r\n\r\n"),
    ]


def left(here: Served, count: int) -> Iterator[Errand]:
    """So many callers that leave at some point, each in its way."""
    plain = [partial(_leave_plain, point) for point in _plain_points()]
    points = [partial(_leave, point) for point in _points(here)]
    ways = [partial(point, leave) for leave in _LEAVES for point in (*plain, *points)]
    yield from islice(cycle(ways), count)


async def _leave_plain(point: Point, leave: Leave, caller: Caller) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", caller.traffic.here.port)
    await _leave_line(point, leave, Line(reader, writer), caller)


async def _leave(point: Point, leave: Leave, caller: Caller) -> None:
    async with caller.traffic.line() as one:
        await _leave_line(point, leave, one, caller)


async def _leave_line(point: Point, leave: Leave, one: Line, caller: Caller) -> None:
    caller.traffic.became["left"] += 1
    if point.deaf:
        cast("asyncio.ReadTransport", one.writer.transport).pause_reading()  # uvloop's are of no class of asyncio's
    if point.octets:
        one.writer.write(point.octets)
    if point.reads:
        await one.reader.read(1)
    await asyncio.sleep(point.seconds)
    leave(one.writer)
    await asyncio.sleep(_MOMENT / 10)
