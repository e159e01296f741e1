"""One caller's connection: one request in progress, what comes after it held back, and an end that cuts nothing off."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from relay.errors import CallerGone, HeadTooLarge, HeadTooSlow, RelayError
from relay.front.body import RequestBody, WholeBody
from relay.message.fields import Fields
from relay.message.framing import NO_BODY, Framing, Length, request_framing
from relay.message.head import RequestHead, ResponseHead, response_octets
from relay.message.hops import connection_options
from relay.message.scanner import LONGEST_HEAD, scan_request

if TYPE_CHECKING:
    from relay.front.listener import Listener

# Seconds: for a head once it has begun, for the next call to begin, for a caller to take its answer before the close.
HEAD_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 75.0
LINGER_SECONDS: Final = 1.0
# Seconds that a caller may take nothing of its answer.
STALL_SECONDS: Final = 20.0
# Octets that may wait behind a request in progress before the caller is held back.
_MOST_WAITING: Final = 64 * 1024


class Connection(asyncio.Protocol):
    """A TLS connection with a caller, after the handshake. One task serves its calls, one after the other."""

    def __init__(self, listener: "Listener", loop: asyncio.AbstractEventLoop) -> None:
        self._listener = listener
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._serving: asyncio.Task[None] | None = None
        self._next: asyncio.Future[FrontCall] | None = None
        self._call: FrontCall | None = None
        self._buffer = b""
        self._held = False
        self._writable: asyncio.Future[None] | None = None
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self.peer = ""

    def __repr__(self) -> str:
        state = "closing" if self._closing else "busy" if self._call else "idle"
        return f"<Connection of {self.peer} {state}, {len(self._buffer)} octets waiting>"

    @property
    def draining(self) -> bool:
        """Whether the listener takes no more calls."""
        return self._listener.draining

    # -- asyncio's side --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport after the handshake, and wait for the first request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no class of asyncio's
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if peer else ""
        self._listener.opened(self)
        self._next = self._loop.create_future()
        self._serving = self._loop.create_task(self._serve())
        self._expect(HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Give octets to the body in progress, or keep them for the next head."""
        if self._closing:
            return
        call = self._call
        if call is not None and not call.body.arrived:
            data = call.body.feed(data)
            if not data:
                return
        self._buffer = self._buffer + data if self._buffer else data
        if call is None:
            self._begin()
        elif len(self._buffer) > _MOST_WAITING:
            self.hold(True)  # noqa: FBT003  # as a callback it has no keywords

    def eof_received(self) -> bool:
        """The caller sends no more: with a call in progress, it has left."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything; the call in progress learns that its caller left."""
        self._closing = True
        self._transport = None
        self._listener.lost(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        if self._call is not None:
            self._call.gone()
        elif self._serving is not None:
            self._serving.cancel()

    def pause_writing(self) -> None:
        """The caller takes no more for now."""
        self._writable = self._loop.create_future()
        if not self._closing:
            self._expect(STALL_SECONDS)

    def resume_writing(self) -> None:
        """The caller takes octets again."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None
        if self._call is not None and not self._closing:
            self._due = 0.0

    # -- for the call and the listener -----------------------------------------------------------------------

    def hold(self, held: bool) -> None:  # noqa: FBT001  # as a callback it has no keywords
        """Hold the caller back, or let it go on."""
        if held != self._held and self._transport is not None:
            self._held = held
            if held:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def send(self, octets: bytes) -> None:
        """Send octets. Raises CallerGone."""
        if self._transport is None or self._transport.is_closing():
            raise CallerGone
        self._transport.write(octets)

    async def drained(self) -> None:
        """Wait while the caller takes no more. Raises CallerGone."""
        if self._writable is not None:
            await self._writable
            if self._transport is None:
                raise CallerGone

    def abort(self) -> None:
        """Break the connection off: no close_notify, so that nothing cut looks complete."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def close_when_idle(self) -> None:
        """Close now if no call is in progress."""
        if self._call is None:
            self._close()

    def cut_off(self) -> asyncio.Task[None] | None:
        """Break the connection and the call in progress off; return the task that then ends."""
        self.abort()
        if self._serving is not None:
            self._serving.cancel()
        return self._serving

    # -- inside ----------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        while not self._closing and self._next is not None:
            call = await self._next
            self._next = self._loop.create_future()
            self._listener.in_progress += 1
            try:
                await self._listener.handler.handle(call)
            finally:
                self._listener.ended()
            if self._writable is not None:
                # Whole answers are sent without waiting: a caller that takes none of them gets no more of them.
                await self._writable
            self._call = None
            if call.keep_alive and call.body.arrived and not self._closing:
                self._expect(IDLE_SECONDS)
                if self._held and len(self._buffer) <= _MOST_WAITING:
                    self.hold(False)  # noqa: FBT003  # as a callback it has no keywords
                if self._buffer:
                    # What was sent together waits its turn, or one caller's thousand calls would hold up all others.
                    await asyncio.sleep(0)
                    self._begin_waiting()
            else:
                self._linger(unread=not call.body.arrived)

    def _begin_waiting(self) -> None:
        """Begin what waits, unless it was begun meanwhile or the connection has gone."""
        if self._buffer and self._call is None and not self._closing:
            self._begin()

    def _begin(self) -> None:
        """Take the next head off the buffer, if it is all there."""
        buffer = self._buffer
        if buffer.startswith(b"\r\n"):
            buffer = self._buffer = buffer[2:]  # one is ignored (RFC 9112 section 2.2); a second is a malformed line
        end = buffer.find(b"\r\n\r\n")
        if (end if end >= 0 else len(buffer)) > LONGEST_HEAD:
            self._refuse(HeadTooLarge(f"the head is larger than {LONGEST_HEAD} octets"))
        elif end >= 0:
            self._buffer = buffer[end + 4 :]
            self._take(buffer[: end + 2])
        elif buffer:
            self._expect(HEAD_SECONDS, sooner=True)

    def _take(self, octets: bytes) -> None:
        try:
            head = scan_request(octets)
            framing = request_framing(head)
        except RelayError as error:
            self._refuse(error)
            return
        self._due = 0.0
        self._call = call = FrontCall(head, framing, self._body(framing), self)
        if self._next is not None and not self._next.done():
            self._next.set_result(call)

    def _body(self, framing: Framing) -> WholeBody | RequestBody:
        """Return the body, with as much of it as came with the head."""
        buffer = self._buffer
        if isinstance(framing, Length) and framing.octets <= len(buffer):
            end = framing.octets
            self._buffer = buffer[end:]
            return WholeBody(buffer if end == len(buffer) else buffer[:end])
        body = RequestBody(framing, self.hold)
        if self._held:
            self.hold(False)  # noqa: FBT003  # as a callback it has no keywords
        if buffer:
            self._buffer = body.feed(buffer)
        return body

    def _refuse(self, error: RelayError) -> None:
        """Answer octets that are no request, and close."""
        if self._transport is None or self._closing:
            return
        answer = self._listener.refused(self.peer, error)
        fields = Fields((*answer.head.fields, (b"Connection", b"close")))
        head = ResponseHead(answer.head.status, answer.head.reason, fields)
        self._transport.write(response_octets(head) + answer.body)
        self._linger(unread=True)

    def _linger(self, *, unread: bool) -> None:
        """Close; where the caller may still be sending, only once it has had time to take its answer.

        A socket closed with unread octets in it resets the connection, and takes the answer away (RFC 9112 9.6).
        """
        self._buffer = b""
        if not unread:
            self._close()
        elif self._transport is not None:
            self._closing = True
            self.hold(False)  # noqa: FBT003  # as a callback it has no keywords
            self._expect(LINGER_SECONDS)

    def _close(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.close()
            # A caller that never answers our close_notify must not keep the connection.
            self._expect(LINGER_SECONDS)

    def _expect(self, seconds: float, *, sooner: bool = False) -> None:
        """Set the time at which patience ends. One timer runs on: moving it would cost each call two."""
        due = self._loop.time() + seconds
        if sooner and self._due and self._due <= due:
            return
        self._due = due
        if self._timer is None or self._timer.when() > due:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(due, self._out_of_patience)

    def _out_of_patience(self) -> None:
        self._timer = None
        if self._transport is None:
            return
        if self._due == 0.0:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._out_of_patience)
        elif self._closing or self._writable is not None:
            self._transport.abort()
        elif self._buffer:
            self._refuse(HeadTooSlow(f"the head was not complete within {HEAD_SECONDS:g} seconds"))
        else:
            self._close()


class FrontCall:
    """The `Call` on a connection of ours."""

    started = False
    bytes_out = 0
    _pending = b""
    _chunked = False
    _told: Callable[[], object] | None = None

    def __init__(
        self, head: RequestHead, framing: Framing, body: WholeBody | RequestBody, connection: Connection
    ) -> None:
        self.head = head
        self.framing = framing
        self.body = body
        self.keep_alive = bool(head.minor) if b"connection" not in head.fields.shape.where else _keeps_alive(head)
        self._connection = connection

    @property
    def peer(self) -> str:
        """The caller's address."""
        return self._connection.peer

    @property
    def bytes_in(self) -> int:
        """Octets of body read so far."""
        return self.body.came

    def proceed(self) -> None:
        """Send 100 Continue where it is expected and the body is not here yet."""
        if b"expect" in self.head.fields.shape.where and self.head.minor and not self.body.arrived:
            self._connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def when_gone(self, told: Callable[[], object]) -> None:
        """Remember whom to tell."""
        self._told = told

    def gone(self) -> None:
        """Tell whoever reads the body, and whoever asked, that the caller left."""
        self.body.fail(CallerGone())
        if self._told is not None:
            told, self._told = self._told, None
            told()

    def answer(self, head: ResponseHead, body: bytes) -> None:
        """Send a whole answer, framed by the length that its head tells."""
        self.start(head, NO_BODY)
        self.bytes_out = len(body)
        self._told = None
        self._connection.send(self._pending + body)

    def start(self, head: ResponseHead, framing: Framing) -> None:
        """Hold the head back until the first octets of the body, so that both leave together."""
        self.started = True
        added = []
        if not isinstance(framing, Length):
            if self.head.minor:
                self._chunked = True
                added.append((b"Transfer-Encoding", b"chunked"))
            else:
                # HTTP/1.0 knows no chunks: the end of the connection is the end of the body.
                self.keep_alive = False
        if not self.keep_alive or self._connection.draining or not self.body.arrived:
            self.keep_alive = False
            added.append((b"Connection", b"close"))
        elif not self.head.minor:
            added.append((b"Connection", b"keep-alive"))
        if added:
            head = ResponseHead(head.status, head.reason, Fields((*head.fields, *added)))
        self._pending = response_octets(head)

    async def write(self, octets: bytes) -> None:
        """Send a part of the body, and wait while the caller takes no more."""
        self.bytes_out += len(octets)
        framed = b"%x\r\n%b\r\n" % (len(octets), octets) if self._chunked and octets else octets
        self._connection.send(self._pending + framed if self._pending else framed)
        self._pending = b""
        await self._connection.drained()

    def finish(self) -> None:
        """Send what is left."""
        octets = self._pending + (b"0\r\n\r\n" if self._chunked else b"")
        self._pending = b""
        self._told = None
        if octets:
            self._connection.send(octets)

    def abort(self) -> None:
        """Break the connection off."""
        self.keep_alive = False
        self._told = None
        self._connection.abort()


def _keeps_alive(head: RequestHead) -> bool:
    options = connection_options(head.fields)
    return b"close" not in options and (head.minor == 1 or b"keep-alive" in options)
