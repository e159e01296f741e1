"""One caller's connection: one request in progress, what comes after it held back, and an end that cuts nothing off."""

import asyncio
from typing import TYPE_CHECKING, Final, cast

from relay.deadlines import Deadlines
from relay.errors import CallerGone, HeadTooSlow, MalformedRequest, RelayError
from relay.front.call import Traveller
from relay.front.forwarded import caller_told
from relay.message.fields import Field
from relay.message.framing import NO_BODY, Framing, Length, request_framing
from relay.message.head import RequestHead, ResponseHead, response_octets, with_fields
from relay.message.hops import connection_options
from relay.message.scanner import LONGEST_HEAD, overlong, scan_request
from relay.message.stream import Stream
from relay.message.unframe import Unframer, unframer
from relay.tls.channel import Channel
from relay.x509.any_client import peer_certificate

if TYPE_CHECKING:
    from relay.front.listener import Listener

# Octets that may wait behind a request in progress before the caller is held back.
_MOST_WAITING: Final = 64 * 1024


class Connection(asyncio.Protocol):
    """A connection with a caller, after the handshake, and its calls, one after the other."""

    def __init__(self, listener: "Listener", peer: str) -> None:
        """`peer` is the caller's address: the socket's, or the one that a load balancer told."""
        self._listener = listener
        self._channel: Channel | None = None
        self._call: FrontCall | None = None
        self._unframer: Unframer | None = None
        self._buffer = b""
        self._held = False
        self._stalled = False
        self._closing = False
        self._patience: Deadlines[Connection] | None = None
        self.peer = peer
        # Whether each of its calls tells for itself who makes it.
        self._told = bool(listener.forwarders) and ":" not in peer and listener.balances(peer)
        self.certificate: bytes | None = None

    def __repr__(self) -> str:
        state = "closing" if self._closing else "busy" if self._call else "idle"
        return f"<Connection of {self.peer} {state}, {len(self._buffer)} octets waiting>"

    @property
    def draining(self) -> bool:
        """Whether the listener takes no more calls."""
        return self._listener.draining

    @property
    def body_to_come(self) -> bool:
        """Whether a part of the request's body is still to come."""
        return self._unframer is not None

    # -- the channel's side ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the channel after the handshake, and wait for the first request."""
        self._channel = cast("Channel", transport)
        if self._listener.asks:
            self.certificate = peer_certificate(self._channel.get_extra_info("ssl_object"))
        self._listener.opened(self)
        self._expect(self._listener.heads)

    def data_received(self, data: bytes) -> None:
        """Give octets to the body in progress, or keep them for the next head."""
        if self._closing:
            return
        if self._unframer is not None:
            data = self._take_body(self._unframer, data)
            if not data:
                return
        self._buffer = self._buffer + data if self._buffer else data
        if self._call is None:
            self._begin()
        elif len(self._buffer) > _MOST_WAITING:
            self.hold(True)  # noqa: FBT003  # as a callback it has no keywords

    def eof_received(self) -> bool:
        """The caller sends no more: with a call in progress, it has left."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything; the call in progress learns that its caller left."""
        self._closing = True
        self._channel = None
        self._listener.lost(self)
        self._expect(None)
        if self._call is not None:
            self._call.gone()

    def pause_writing(self) -> None:
        """The caller takes no more for now."""
        self._stalled = True
        if not self._closing:
            self._expect(self._listener.stalls)
        if self._call is not None:
            self._call.hold(True)  # noqa: FBT003  # as a callback it has no keywords

    def resume_writing(self) -> None:
        """The caller takes octets again."""
        self._stalled = False
        if not self._closing:
            self._expect(None)
        if self._call is not None:
            if self._call.finished:
                self._next(self._call)
            else:
                self._call.hold(False)  # noqa: FBT003  # as a callback it has no keywords

    # -- for the call and the listener -----------------------------------------------------------------------

    def hold(self, held: bool) -> None:  # noqa: FBT001  # as a callback it has no keywords
        """Hold the caller back, or let it go on."""
        if held != self._held and self._channel is not None:
            self._held = held
            if held:
                self._channel.pause_reading()
            else:
                self._channel.resume_reading()

    def send(self, octets: bytes) -> None:
        """Send octets. Raises CallerGone."""
        if self._channel is None or self._channel.is_closing():
            raise CallerGone
        self._channel.write(octets)

    def ended(self, call: "FrontCall") -> None:
        """Take note that a call has ended: the next one may begin."""
        self._listener.ended()
        # Whole answers are sent without waiting: a caller that takes none of them gets no more of them.
        if not self._stalled:
            self._next(call)

    def abort(self) -> None:
        """Break the connection off: no close_notify, so that nothing cut looks complete."""
        self._closing = True
        if self._channel is not None:
            self._channel.abort()

    def close_when_idle(self) -> None:
        """Close now if no call is in progress."""
        if self._call is None:
            self.close()

    def cut_off(self) -> None:
        """Break the connection and the call in progress off."""
        self.abort()
        if self._call is not None and self._call.traveller is not None:
            self._call.traveller.cut_off()

    def close(self) -> None:
        """Close, and do not wait for ever until the caller has taken what is still to be sent."""
        self._closing = True
        if self._channel is not None:
            self._channel.close()
            self._expect(self._listener.lingers)

    def head_late(self) -> None:
        """Take that no head came in time."""
        self._patience = None
        if self._buffer:
            self._refuse(HeadTooSlow(f"the head was not complete within {self._listener.heads.seconds:g} seconds"))
        else:
            self.close()

    # -- inside ----------------------------------------------------------------------------------------------

    def _next(self, call: "FrontCall") -> None:
        self._call = None
        if not call.keep_alive or self._unframer is not None or self._closing:
            self._linger(unread=self._unframer is not None)
            return
        self._expect(self._listener.idles)
        if self._held and len(self._buffer) <= _MOST_WAITING:
            self.hold(False)  # noqa: FBT003  # as a callback it has no keywords
        if self._buffer:
            # What was sent together waits its turn, or one caller's thousand calls would hold up all others.
            self._listener.loop.call_soon(self._begin_waiting)

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
            self._refuse(overlong(buffer))
        elif end >= 0:
            self._take(buffer[: end + 2], buffer[end + 4 :])
        elif buffer and self._patience is not self._listener.heads:
            self._expect(self._listener.heads)

    def _take(self, octets: bytes, after: bytes) -> None:
        try:
            head = scan_request(octets)
            framing = request_framing(head)
            peer = caller_told(head.fields, peer=self.peer, balances=self._listener.balances) if self._told else ""
        except RelayError as error:
            self._refuse(error)
            return
        self._expect(None)
        call = self._call = self._call_of(head, framing, after)
        if peer:
            call.peer = peer
        self._listener.take(call)

    def _call_of(self, head: RequestHead, framing: Framing, after: bytes) -> "FrontCall":
        """Return the call, with as much of its body as came with the head."""
        if isinstance(framing, Length) and framing.octets <= len(after):
            size = framing.octets
            self._buffer = after[size:]
            return FrontCall(self, head, framing, after[:size], None)
        reader = unframer(framing, MalformedRequest)
        stream = Stream(self.hold)
        octets = b""
        try:
            octets = reader.feed(after)
        except MalformedRequest as fault:
            stream.fail(fault)  # what the head alone decides comes first: who calls, and whether it may (C17)
        self._buffer = reader.rest
        if reader.ended:
            return FrontCall(self, head, framing, octets, None)
        self._unframer = reader
        if self._held:
            self.hold(False)  # noqa: FBT003  # as a callback it has no keywords
        return FrontCall(self, head, framing, octets, stream)

    def _take_body(self, reader: Unframer, octets: bytes) -> bytes:
        """Hand on what belongs to the body in progress, and return what follows it."""
        stream = self._call.rest if self._call is not None else None
        if stream is None:
            return b""  # the call is over, and so is this connection soon
        try:
            data = reader.feed(octets)
        except MalformedRequest as fault:
            stream.fail(fault)
            return b""
        if reader.ended:
            self._unframer = None
        if data:
            stream.put(data)
        if reader.ended:
            stream.end()
        return reader.rest

    def _refuse(self, error: RelayError) -> None:
        """Answer octets that are no request, and close."""
        if self._channel is None or self._closing:
            return
        answer = self._listener.refused(self.peer, error)
        self._channel.write(response_octets(with_fields(answer.head, [(b"Connection", b"close")])) + answer.body)
        self._linger(unread=True)

    def _linger(self, *, unread: bool) -> None:
        """Close; where the caller may still be sending, only once it has had time to take its answer.

        A socket closed with unread octets in it resets the connection, and takes the answer away (RFC 9112 9.6).
        """
        self._buffer = b""
        if not unread:
            self.close()
        elif self._channel is not None:
            self._closing = True
            self.hold(False)  # noqa: FBT003  # as a callback it has no keywords
            self._expect(self._listener.lingers)

    def _expect(self, patience: "Deadlines[Connection] | None") -> None:
        """Let the time of `patience` run, and no other."""
        if self._patience is not None:
            self._patience.lift(self)
        self._patience = patience
        if patience is not None:
            patience.set(self)


class FrontCall:
    """The `Call` on a connection of ours."""

    def __init__(
        self, connection: Connection, head: RequestHead, framing: Framing, octets: bytes, rest: Stream | None
    ) -> None:
        self.head = head
        self.framing = framing
        self.octets = octets
        self.rest = rest
        self.keep_alive = bool(head.minor) if b"connection" not in head.fields.shape.where else _keeps_alive(head)
        self.peer = connection.peer
        self.traveller: Traveller | None = None
        self.started = False
        self.finished = False
        self.bytes_out = 0
        self._connection = connection
        self._pending = b""
        self._chunked = False

    @property
    def certificate(self) -> bytes | None:
        """What the caller showed in TLS."""
        return self._connection.certificate

    @property
    def bytes_in(self) -> int:
        """Octets of body that came."""
        return len(self.octets) + (self.rest.came if self.rest else 0)

    def proceed(self) -> None:
        """Send 100 Continue where it is expected and the body is not here yet."""
        if self.rest is not None and b"expect" in self.head.fields.shape.where and self.head.minor:
            self._connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def gone(self) -> None:
        """Tell whoever takes the body, and whoever answers, that the caller left."""
        if self.rest is not None:
            self.rest.fail(CallerGone())
        if self.traveller is not None:
            self.traveller.gone()

    def hold(self, held: bool) -> None:  # noqa: FBT001  # as a callback it has no keywords
        """Have the answer wait, or go on."""
        if self.traveller is not None:
            self.traveller.hold(held)

    def answer(self, head: ResponseHead, body: bytes) -> None:
        """Send a whole answer, framed by the length that its head tells."""
        self.start(head, NO_BODY)
        self.bytes_out = len(body)
        try:
            self._connection.send(self._pending + body)
        finally:
            self._finish()

    def start(self, head: ResponseHead, framing: Framing) -> None:
        """Hold the head back until the first octets of the body, so that both leave together."""
        self.started = True
        added: list[Field] = []
        if not isinstance(framing, Length):
            if self.head.minor:
                self._chunked = True
                added.append((b"Transfer-Encoding", b"chunked"))
            else:
                # HTTP/1.0 knows no chunks: the end of the connection is the end of the body.
                self.keep_alive = False
        if not self.keep_alive or self._connection.draining or self._connection.body_to_come:
            self.keep_alive = False
            added.append((b"Connection", b"close"))
        elif not self.head.minor:
            added.append((b"Connection", b"keep-alive"))
        if added:
            head = with_fields(head, added)
        self._pending = response_octets(head)

    def take(self, octets: bytes) -> None:
        """Send a part of the body; a caller that left is told of by `gone`."""
        if self.finished:
            return
        self.bytes_out += len(octets)
        self._give(b"%x\r\n%b\r\n" % (len(octets), octets) if self._chunked else octets)

    def over(self) -> None:
        """Send what is left."""
        if self.finished:
            return
        self._give(b"0\r\n\r\n" if self._chunked else b"")
        traveller = self.traveller
        self._finish()
        if traveller is not None:
            traveller.delivered()

    def broke(self, fault: RelayError | CallerGone) -> None:
        """Break off: the status is out already, and only a broken connection tells that the answer is not complete."""
        if self.finished:
            return
        traveller = self.traveller
        self.abort()
        if traveller is not None:
            traveller.cut_short(fault)

    def abort(self) -> None:
        """Break the connection off."""
        if not self.finished:
            self.keep_alive = False
            self._connection.abort()
            self._finish()

    # -- inside ----------------------------------------------------------------------------------------------

    def _give(self, octets: bytes) -> None:
        octets, self._pending = self._pending + octets if self._pending else octets, b""
        if octets:
            try:
                self._connection.send(octets)
            except CallerGone:
                return

    def _finish(self) -> None:
        self.finished = True
        self.traveller = None
        self._connection.ended(self)


def _keeps_alive(head: RequestHead) -> bool:
    options = connection_options(head.fields)
    return b"close" not in options and (head.minor == 1 or b"keep-alive" in options)
