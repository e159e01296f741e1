"""One connection to the upstream: one call at a time, both directions at once, each held back by the other end."""

import asyncio
import select
import ssl
from typing import TYPE_CHECKING, cast

from relay.errors import CallerGone, RelayError, SystemCertificateRefused, UpstreamUnreachable
from relay.message.body import Body
from relay.message.framing import CHUNKED, Framing
from relay.upstream.alert import refuses_our_certificate
from relay.upstream.reply import Reply

if TYPE_CHECKING:
    from relay.upstream.pool import Pool


class Connection(asyncio.Protocol):
    """A TLS connection under one passport from one egress. Owned by a pool; used by one call at a time."""

    def __init__(self, pool: "Pool", host: str, port: int, loop: asyncio.AbstractEventLoop) -> None:
        self._pool = pool
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._reply: Reply | None = None
        self._sending: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._waiting = select.poll()
        self._refused: RelayError | None = None
        self.all_sent = True
        self._aborted = False
        self._held = False
        self.place = (host, port)
        self.peer = ""
        self.calls = 0
        self.idle_since = 0.0

    def __repr__(self) -> str:
        state = "closed" if self.closed else "busy" if self._reply else "idle"
        return f"<Connection to {self.place[0]}:{self.place[1]} {state}, {self.calls} calls>"

    @property
    def closed(self) -> bool:
        """Whether no call can start here any more."""
        return self._aborted or self._transport is None or self._transport.is_closing()

    @property
    def quiet(self) -> bool:
        """Whether a kept connection is open with nothing waiting in its socket.

        What waits there, unread while the loop was busy, would be taken for the next call's answer. It may also be
        the connection's end: then a call sent here would not be known to have been processed or not.
        """
        return not self.closed and not self._waiting.poll(0)

    # -- for the pool and the door ---------------------------------------------------------------------------

    def send(self, method: bytes, head: bytes, body: Body, framing: Framing, first_byte: float) -> Reply:
        """Start a call and return its reply at once; the body follows as the upstream takes it.

        `first_byte` is in seconds, counted from the moment that all has been sent.
        """
        assert self._transport is not None  # noqa: S101  # a pool hands out connected ones only
        reply = self._reply = Reply(self, method, self._loop)
        self.calls += 1
        if self._aborted:  # on TLS 1.3 the upstream's refusal comes after the handshake, possibly before this
            fault = UpstreamUnreachable(f"{self.place[0]} closed the connection before anything was sent")
            reply.fail(self._refused or fault)
            return reply
        chunked = framing is CHUNKED
        octets = body.ready()
        whole = head + (_chunk(octets) if chunked else octets)
        self.all_sent = body.ended
        if self.all_sent:
            self._transport.write(whole + b"0\r\n\r\n" if chunked else whole)
            reply.expect_within(first_byte)
        else:
            self._transport.write(whole)
            self._sending = self._loop.create_task(self._send_rest(reply, body, first_byte, chunked=chunked))
        return reply

    def done(self, reply: Reply) -> None:
        """End the call: the connection is kept when both sides left it clean, and closed otherwise."""
        self.stop_sending()
        self._reply = None
        reply.release()
        # Where reading was held, TLS may have more in store than the socket shows: nobody could tell that it is quiet.
        if reply.reusable and self.all_sent and not self._held and not self.closed:
            self._pool.keep(self)
        else:
            self.close(gently=reply.complete and self.all_sent)

    def close(self, *, gently: bool = True) -> None:
        """Close. Not gently where something is still under way: an abort is never mistaken for a complete end."""
        if self._transport is not None and not self._aborted:
            if gently:
                self._transport.close()
            else:
                self._aborted = True
                self._transport.abort()

    # -- for the reply ---------------------------------------------------------------------------------------

    def answered_early(self, status: int) -> None:
        """Stop sending on an answer that came before all was sent and is no success (RFC 9112 section 9.5)."""
        if status >= 300:
            self.stop_sending()

    def stop_sending(self) -> None:
        """Stop sending: nobody reads the rest."""
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def pause_reading(self) -> None:
        """Hold the upstream back."""
        if self._transport is not None and not self.closed:
            self._held = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Let the upstream go on."""
        if self._transport is not None and not self.closed:
            self._transport.resume_reading()

    # -- asyncio's side --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport after the handshake."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no class of asyncio's
        self.peer = str(transport.get_extra_info("peername")[0])
        self._waiting.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        self._pool.opened(self)

    def data_received(self, data: bytes) -> None:
        """Hand octets to the reply; with no call under way they are nobody's answer (RFC 9112 section 9.2)."""
        self._held = False  # reading goes on, and this is all that there was
        if self._reply is not None:
            self._reply.feed(data)
        else:
            self._pool.unsolicited()
            self.close(gently=False)

    def eof_received(self) -> bool:
        """Take TLS's close_notify: the one proof that nothing was cut off."""
        if self._reply is not None:
            self._reply.end(clean=True)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end, with what TLS says of it."""
        self._aborted = True
        self.stop_sending()
        self._pool.lost(self)
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        if isinstance(exc, ssl.SSLError) and refuses_our_certificate(exc):
            self._refused = SystemCertificateRefused("the upstream refused the system certificate")
        if self._reply is not None:
            if self._refused is not None:
                self._reply.fail(self._refused)
            self._reply.end(clean=False)
            self._transport = None

    def pause_writing(self) -> None:
        """Hold our sending back."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let our sending go on."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # -- inside ----------------------------------------------------------------------------------------------

    async def _send_rest(self, reply: Reply, body: Body, first_byte: float, *, chunked: bool) -> None:
        try:
            await self._send_pieces(body, chunked=chunked)
        except (RelayError, CallerGone) as fault:
            # Without its end the body is not complete, so the upstream cannot take it for one.
            self.close(gently=False)
            reply.fail(fault)
            return
        if not self.closed:
            self.all_sent = True
            reply.expect_within(first_byte)

    async def _send_pieces(self, body: Body, *, chunked: bool) -> None:
        while octets := await body.read():
            if self._transport is None or self.closed:
                return
            self._transport.write(_chunk(octets) if chunked else octets)
            if self._writable is not None:
                await self._writable
        if chunked and self._transport is not None and not self.closed:
            self._transport.write(b"0\r\n\r\n")


def _chunk(octets: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(octets), octets) if octets else b""
