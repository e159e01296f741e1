"""One answer of the upstream while it comes in: head first, body piece by piece, a cut never taken for an end."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

import httptools

from relay.errors import CallerGone, RelayError, UpstreamClosed, UpstreamInvalid, UpstreamTimeout
from relay.message.fields import Field, Fields
from relay.message.framing import NO_BODY, UNTIL_CLOSE, Framing, response_framing
from relay.message.head import ResponseHead

if TYPE_CHECKING:
    from relay.upstream.connection import Connection

# Octets of body held for a slow caller before the upstream is held back, and where it may go on.
HIGH_WATER: Final = 256 * 1024
LOW_WATER: Final = 64 * 1024
LONGEST_HEAD: Final = 128 * 1024

Fault = RelayError | CallerGone


class Reply:
    """The answer to one request on one connection; fed by the connection, read by the gateway.

    The methods `on_...` are httptools' callbacks. Interim answers (1xx) are consumed here.
    """

    __slots__ = (
        "_chunks",
        "_connection",
        "_fault",
        "_fields",
        "_interim",
        "_keep_alive",
        "_loop",
        "_method",
        "_parser",
        "_reason",
        "_size",
        "_timer",
        "_unparsed",
        "_waiter",
        "arrived",
        "complete",
        "excess",
        "framing",
        "head",
    )

    def __init__(self, connection: "Connection", method: bytes, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._method = method
        self._loop = loop
        self._parser = httptools.HttpResponseParser(self)
        self._fields: list[Field] = []
        self._reason = b""
        self._interim = False
        self._keep_alive = False
        self._unparsed = 0
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._fault: Fault | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.head: ResponseHead | None = None
        self.framing: Framing = NO_BODY
        self.arrived = 0.0
        self.complete = False
        self.excess = False

    def __repr__(self) -> str:
        state = "failed" if self._fault else "complete" if self.complete else "open"
        return f"<Reply {self.head.status if self.head else '...'} {state}, {self._size} octets waiting>"

    # -- for the gateway -------------------------------------------------------------------------------------

    async def wait_for_head(self) -> ResponseHead:
        """Return the head as soon as it is here. Raises the RelayError or CallerGone that came instead."""
        while self.head is None:
            await self._wait()
        return self.head

    @property
    def ended(self) -> bool:
        """Whether all of the body has arrived and been read."""
        return self.complete and not self._chunks

    def ready(self) -> bytes:
        """Return what has arrived already, possibly nothing, without waiting."""
        if not self._chunks:
            return b""
        octets = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        if self._size > LOW_WATER:
            self._connection.resume_reading()
        self._size = 0
        return octets

    async def read(self) -> bytes:
        """Return the next octets; nothing means the end. Raises UpstreamClosed when the rest cannot come."""
        while not self._chunks and not self.complete:
            await self._wait()
        return self.ready()

    async def beginning(self) -> bytes:
        """Return the first octets of the body without taking them; nothing when there is no body."""
        while not self._chunks and not self.complete:
            await self._wait()
        return self._chunks[0] if self._chunks else b""

    @property
    def reusable(self) -> bool:
        """Whether the connection can carry another call after this one."""
        return self.complete and self._keep_alive and not self.excess

    def release(self) -> None:
        """Let go of the timer and the parser: the call is over."""
        self._stop_timer()
        self.fail(UpstreamClosed("the call is over"))

    # -- for the connection ----------------------------------------------------------------------------------

    def feed(self, octets: bytes) -> None:
        """Take octets as they came from the upstream."""
        if self.complete:
            self.excess = True
            return
        if self.head is None:
            self._unparsed += len(octets)
        try:
            self._parser.feed_data(octets)
        except httptools.HttpParserUpgrade:
            self.fail(UpstreamInvalid("the upstream switched protocols without being asked"))
        except httptools.HttpParserError:
            self._not_http()
        if self.head is None and self._unparsed > LONGEST_HEAD:
            self.fail(UpstreamInvalid("the upstream's answer has no end to its head"))
        self._wake()

    def end(self, *, clean: bool) -> None:
        """Take the end of the connection; `clean` with TLS's close_notify, without which an end proves nothing."""
        if self.complete or self._fault:
            return
        if clean and self.head is not None and self.framing is UNTIL_CLOSE:
            self._finish()
        elif self.head is None:
            self.fail(UpstreamClosed("the upstream closed the connection without an answer"))
        else:
            self.fail(UpstreamClosed("the upstream closed the connection in the middle of its answer"))
        self._wake()

    def fail(self, fault: Fault) -> None:
        """End the reply with `fault`; the first one counts."""
        if self._fault is None and not self.complete:
            self._fault = fault
            self._stop_timer()
            self._wake()

    def expect_within(self, seconds: float) -> None:
        """Fail with UpstreamTimeout unless the head is here in `seconds` from now, the request having been sent."""
        if self.head is None and self._fault is None:
            self._timer = self._loop.call_later(seconds, self._expire, seconds)

    def _expire(self, seconds: float) -> None:
        self.fail(UpstreamTimeout(f"no answer within {seconds:g} seconds"))

    # -- httptools' callbacks --------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A second answer to one request is surplus."""
        if self.complete:
            self.excess = True

    def on_status(self, reason: bytes) -> None:
        """Take a part of the reason phrase."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field; those after the head are trailers, which are dropped (RFC 9110 section 6.5.1)."""
        if self.head is None:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Take the head, unless it is an interim one."""
        if self.complete:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._interim = True
            self._fields, self._reason = [], b""
            return
        fields = Fields(self._fields)
        try:
            self._judge_version()
            self.framing = response_framing(self._method, status, fields)
        except UpstreamInvalid as fault:
            self.fail(fault)
            raise
        self._keep_alive = self._parser.should_keep_alive() and self.framing is not UNTIL_CLOSE
        self.head = ResponseHead(status, self._reason, fields)
        self.arrived = self._loop.time()
        self._stop_timer()
        self._connection.head_came(status)
        if self.framing == NO_BODY:
            self._finish()

    def on_body(self, octets: bytes) -> None:
        """Take body octets, and hold the upstream back while nobody reads them."""
        if self.complete:
            self.excess = True
            return
        self._chunks.append(octets)
        self._size += len(octets)
        if self._size > HIGH_WATER:
            self._connection.pause_reading()

    def on_message_complete(self) -> None:
        """Take the end of the answer, or of an interim one."""
        if self._interim:
            self._interim = False
        elif self.head is not None and not self.complete:
            self._finish()

    # -- inside ----------------------------------------------------------------------------------------------

    def _judge_version(self) -> None:
        """The parser takes other versions, whose framing would be anybody's guess."""
        if self._parser.get_http_version() not in ("1.1", "1.0"):
            raise UpstreamInvalid("the upstream's answer is in another version of HTTP than 1.0 and 1.1")

    def _not_http(self) -> None:
        """After the end, what does not parse is surplus; before it, a callback may have told the fault already."""
        if self.complete:
            self.excess = True
        else:
            self.fail(UpstreamInvalid("the upstream's answer is not valid HTTP"))

    def _finish(self) -> None:
        self.complete = True
        self._connection.reply_complete()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._raise_fault()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        if not self._chunks:
            self._raise_fault()

    def _raise_fault(self) -> None:
        if self._fault is not None:
            raise self._fault
