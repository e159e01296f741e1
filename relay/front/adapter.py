"""The thin adapter: aiohttp's low-level server parses requests, everything that goes out is written here."""

from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from aiohttp import web

from relay.errors import CallerGone, MalformedRequest
from relay.message.framing import Framing, Length
from relay.message.head import RequestHead, ResponseHead, first, response_octets

if TYPE_CHECKING:
    from aiohttp.streams import StreamReader

# Octets that a slow caller leaves unread in our buffer before the answer's source is held back.
_HIGH_WATER: Final = 256 * 1024


class Written(web.StreamResponse):
    """What aiohttp gets back once the answer has been written: nothing is left to send."""

    def __init__(self, *, keep_alive: bool) -> None:
        super().__init__()
        self._kept = keep_alive

    @property
    def keep_alive(self) -> bool:
        """Whether another request may follow on the connection."""
        return self._kept

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send nothing."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send nothing."""


class RequestBody:
    """The `Body` of a request, read from aiohttp's stream."""

    def __init__(self, stream: "StreamReader", call: "AdaptedCall") -> None:
        self._stream = stream
        self._call = call

    @property
    def ended(self) -> bool:
        """Whether all of it has arrived and been read; that stays so when the connection breaks afterwards."""
        return self._stream.at_eof()

    def ready(self) -> bytes:
        """Return what has arrived already."""
        octets = b"" if self._stream.exception() else self._stream.read_nowait()
        self._call.bytes_in += len(octets)
        return octets

    async def read(self) -> bytes:
        """Return the next octets. Raises CallerGone or MalformedRequest when the rest will not come."""
        try:
            octets = await self._stream.readany()
        except web.RequestPayloadError:
            raise MalformedRequest("the body's chunks are not well-formed") from None
        except OSError:
            raise CallerGone from None
        self._call.bytes_in += len(octets)
        return octets

    def broken(self) -> None:
        """Take note that what follows on the connection does not parse: unless all of the body is here, it is lost."""
        if not self._stream.is_eof():
            self._stream.set_exception(web.RequestPayloadError())


class AdaptedCall:
    """The `Call` on aiohttp's request."""

    def __init__(self, request: web.BaseRequest, *, closing: Callable[[], bool]) -> None:
        message = request._message  # noqa: SLF001  # the only way to the octets; gone when the byte front comes
        self.head = RequestHead(
            message.method.encode("ascii", "replace"),
            message.path.encode("utf-8", "surrogateescape"),
            tuple((bytes(name), bytes(value)) for name, value in message.raw_headers),
        )
        self.peer = request.remote or ""
        self.body = RequestBody(request.content, self)
        self.started = False
        self.bytes_in = 0
        self.bytes_out = 0
        self._request = request
        self._closing = closing
        self._http_1_1 = message.version >= (1, 1)
        self._wants_body = False
        self._pending = b""
        self._chunked = False
        self._told: Callable[[], object] | None = None
        self.keep_alive = not message.should_close

    # -- towards the gateway ---------------------------------------------------------------------------------

    def proceed(self) -> None:
        """Send 100 Continue where it is expected."""
        if self._http_1_1 and any(value.lower() == b"100-continue" for value in self.head.values(b"expect")):
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def when_gone(self, told: Callable[[], object]) -> None:
        """Remember whom to tell."""
        self._told = told

    def start(self, head: ResponseHead, framing: Framing) -> None:
        """Hold the head back until the first octets of the body, so that both leave together."""
        self.started = True
        fields = list(head.fields)
        if first(head.fields, b"date") is None:
            fields.append((b"Date", formatdate(usegmt=True).encode()))
        if not isinstance(framing, Length):
            self._frame_anew(fields)
        if self._closing() or not self._may_keep_alive():
            self.keep_alive = False
            fields.append((b"Connection", b"close"))
        elif not self._http_1_1:
            fields.append((b"Connection", b"keep-alive"))
        self._pending = response_octets(ResponseHead(head.status, head.reason, tuple(fields)))

    async def write(self, octets: bytes) -> None:
        """Send a part of the body, and wait while too much is unsent."""
        self.bytes_out += len(octets)
        framed = b"%x\r\n%b\r\n" % (len(octets), octets) if self._chunked else octets
        self._send(self._pending + framed if self._pending else framed)
        self._pending = b""
        transport = self._request.transport
        if transport is not None and transport.get_write_buffer_size() > _HIGH_WATER:
            try:
                await self._request.writer.drain()
            except OSError:
                raise CallerGone from None

    def finish(self) -> None:
        """Send what is left."""
        octets = self._pending + (b"0\r\n\r\n" if self._chunked else b"")
        self._pending = b""
        if octets:
            self._send(octets)

    def abort(self) -> None:
        """Break the connection off."""
        self.keep_alive = False
        if self._request.transport is not None:
            self._request.transport.abort()

    # -- towards the server ----------------------------------------------------------------------------------

    def gone(self) -> None:
        """Tell whoever asked that the caller left."""
        if self._told is not None:
            told, self._told = self._told, None
            told()

    def ended(self) -> Written:
        """Return what aiohttp needs to know after the handler."""
        self._told = None
        return Written(keep_alive=self.keep_alive)

    # -- inside ----------------------------------------------------------------------------------------------

    def _frame_anew(self, fields: list[tuple[bytes, bytes]]) -> None:
        if self._http_1_1:
            self._chunked = True
            fields.append((b"Transfer-Encoding", b"chunked"))
        else:
            # HTTP/1.0 knows no chunks: the end of the connection is the end of the body.
            self.keep_alive = False

    def _may_keep_alive(self) -> bool:
        """A request whose body was not read to its end leaves the connection in an unknown place."""
        return self.keep_alive and self.body.ended

    def _send(self, octets: bytes) -> None:
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise CallerGone
        transport.write(octets)
