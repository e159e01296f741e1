"""One connection to the upstream: one call at a time, both directions at once, each held back by the other end."""

import asyncio
import select
import ssl
from typing import TYPE_CHECKING, cast

from relay.deadlines import Deadlines
from relay.errors import CallerGone, RelayError, SystemCertificateUnanswered, UpstreamClosed, UpstreamUnreachable
from relay.message.framing import CHUNKED
from relay.tls.channel import Channel
from relay.upstream.alert import refusal_of_ours
from relay.upstream.passage import Passage
from relay.upstream.reply import Reply

if TYPE_CHECKING:
    from relay.upstream.pool import Pool


class Connection(asyncio.Protocol):
    """A TLS connection under one passport from one egress. Owned by a pool; used by one call at a time.

    It is also the `Sink` of the body that goes out.
    """

    def __init__(self, pool: "Pool", host: str, port: int, waits: "Deadlines[Connection]") -> None:
        """`waits` strikes when an answer's head does not come in time, once all has been sent."""
        self._pool = pool
        self._waits = waits
        self._channel: Channel | None = None
        self._passage: Passage | None = None
        self._reply: Reply | None = None
        self._sending = False
        self._waiting = select.poll()
        self._refused: RelayError | None = None
        self._held = False
        self._trial = False
        self.place = (host, port)
        self.peer = ""
        self.calls = 0
        self.idle_since = 0.0

    def __repr__(self) -> str:
        state = "closed" if self.closed else "busy" if self._passage else "idle"
        return f"<Connection to {self.place[0]}:{self.place[1]} {state}, {self.calls} calls>"

    @property
    def closed(self) -> bool:
        """Whether no call can start here any more."""
        return self._channel is None or self._channel.is_closing()

    @property
    def quiet(self) -> bool:
        """Whether a kept connection is open with nothing waiting in its socket or in TLS.

        What waits there, unread while the loop was busy, would be taken for the next call's answer. It may also be
        the connection's end: then a call sent here would not be known to have been processed or not.
        """
        channel = self._channel
        return (
            channel is not None and not channel.is_closing() and channel.between_records and not self._waiting.poll(0)
        )

    # -- for the pool and the door ---------------------------------------------------------------------------

    def send(self, passage: Passage) -> None:
        """Start a call; its body follows as it comes and as the upstream takes it."""
        channel = self._channel
        passage.begun = True
        self.calls += 1
        if channel is None or channel.is_closing():
            # On TLS 1.3 the upstream's refusal comes after the handshake, possibly before this.
            passage.failed(self._refused or self._gone())
            return
        passage.connection = self
        passage.peer = self.peer
        self._passage = passage
        self._reply = Reply(self, passage)
        octets = passage.octets
        if passage.framing is CHUNKED:
            octets = (_chunk(octets) if octets else b"") + (b"" if passage.rest else b"0\r\n\r\n")
        channel.write(passage.head + octets)
        if passage.rest is None:
            passage.sent = True
            self._waits.set(self)
        else:
            self._sending = True
            passage.rest.flow(self)

    def late(self) -> None:
        """Take that the answer's head did not come in time."""
        if self._reply is not None:
            self._reply.late(self._waits.seconds)

    def drop(self, passage: Passage) -> None:
        """Break off a call that nobody wants any more."""
        if self._passage is passage:
            self._free()
            self.close(gently=False)

    def close(self, *, gently: bool = True) -> None:
        """Close. Not gently where something is still under way: an abort is never mistaken for a complete end."""
        if self._channel is not None:
            if gently:
                self._channel.close()
            else:
                self._channel.abort()

    # -- the sink of the body that goes out ------------------------------------------------------------------

    def take(self, octets: bytes) -> None:
        """Send a part of the body."""
        if self._sending and self._channel is not None and self._passage is not None:
            self._passage.went(octets)
            self._channel.write(_chunk(octets) if self._passage.framing is CHUNKED else octets)

    def over(self) -> None:
        """Send the body's end."""
        passage = self._passage
        if self._sending and self._channel is not None and passage is not None:
            self._sending = False
            if passage.framing is CHUNKED:
                self._channel.write(b"0\r\n\r\n")
            passage.sent = True
            if self._reply is not None and not self._reply.begun:
                self._waits.set(self)

    def broke(self, fault: RelayError | CallerGone) -> None:
        """Break off: without its end the body is not complete, so the upstream cannot take it for one."""
        if self._sending:
            self.fail(fault)

    # -- for the reply ---------------------------------------------------------------------------------------

    def head_came(self, status: int) -> None:
        """Stop the wait for it; stop sending on an answer that came early and is no success (RFC 9112 section 9.5)."""
        self._waits.lift(self)
        if status >= 300:
            self._sending = False

    def hold(self, held: bool) -> None:  # noqa: FBT001  # as a callback it has no keywords
        """Hold the upstream back, or let it go on."""
        if self._channel is not None and held != self._held:
            self._held = held
            if held:
                self._channel.pause_reading()
            else:
                self._channel.resume_reading()

    def finish(self, *, reusable: bool) -> None:
        """End the call: the connection is kept when both sides left it clean, and closed otherwise."""
        sent = self._passage is not None and self._passage.sent
        self._free()
        if reusable and sent and not self.closed:
            if self._held:
                self.hold(False)  # noqa: FBT003  # as a callback it has no keywords
            self._pool.keep(self)
        else:
            self.close(gently=sent)

    def fail(self, fault: RelayError | CallerGone) -> None:
        """End the call with a fault, and the connection with it."""
        passage, reply = self._passage, self._reply
        self._free()
        self.close(gently=False)
        if passage is None or reply is None:
            return
        if reply.stream is not None:
            reply.stream.fail(fault)
        else:
            passage.failed(fault)

    # -- the channel's side ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the channel after the handshake."""
        self._channel = cast("Channel", transport)
        self.peer = str(self._channel.get_extra_info("peername")[0])
        # On TLS 1.3 the upstream judges our certificate after our side of the handshake is over.
        self._trial = self._channel.get_extra_info("ssl_object").version() == "TLSv1.3"
        self._waiting.register(self._channel.get_extra_info("socket").fileno(), select.POLLIN)
        self._pool.opened(self)

    def data_received(self, data: bytes) -> None:
        """Hand octets to the reply; with no call under way they are nobody's answer (RFC 9112 section 9.2)."""
        if self._reply is not None:
            self._reply.feed(data)
        elif not self.closed:
            self._pool.unsolicited()
            self.close(gently=False)

    def eof_received(self) -> bool:
        """Take TLS's close_notify: the one proof that nothing was cut off."""
        if self._reply is not None:
            self._reply.end_cleanly()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end, with what TLS says of it."""
        self._channel = None
        self._pool.lost(self)
        if isinstance(exc, ssl.SSLError):
            self._refused = refusal_of_ours(exc, self.place[0], agreed=True)
        if self._reply is not None:
            where = "in the middle of its answer" if self._reply.begun else "without an answer"
            if self._trial and self.calls == 1 and not self._reply.begun:
                where += ", to its first call: on TLS 1.3 some servers refuse a certificate so"
            self.fail(self._refused or UpstreamClosed(f"the upstream closed the connection {where}"))

    def pause_writing(self) -> None:
        """Hold the caller back: the upstream takes no more for now."""
        if self._sending and self._passage is not None and self._passage.rest is not None:
            self._passage.rest.hold(True)  # noqa: FBT003  # as a callback it has no keywords

    def resume_writing(self) -> None:
        """Let the caller go on."""
        if self._passage is not None and self._passage.rest is not None:
            self._passage.rest.hold(False)  # noqa: FBT003  # as a callback it has no keywords

    # -- inside ----------------------------------------------------------------------------------------------

    def _gone(self) -> RelayError:
        """Return why the connection was closed before its first call."""
        host = self.place[0]
        if self._trial:
            return SystemCertificateUnanswered(f"{host} ended the connection when it had the system certificate")
        return UpstreamUnreachable(f"{host} closed the connection before anything was sent")

    def _free(self) -> None:
        self._waits.lift(self)
        self._sending = False
        self._passage = self._reply = None


def _chunk(octets: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(octets), octets)
