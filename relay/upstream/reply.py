"""One answer of the upstream while it comes in: head first, body piece by piece, a cut never taken for an end."""

import asyncio
from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING, Final

from relay.errors import CallerGone, RelayError, UpstreamClosed, UpstreamInvalid, UpstreamTimeout
from relay.message.chunks import ChunkDecoder
from relay.message.framing import CHUNKED, NO_BODY, UNTIL_CLOSE, Framing, Length, response_framing
from relay.message.head import ResponseHead
from relay.message.hops import asks_to_close
from relay.message.scanner import scan_response

if TYPE_CHECKING:
    from relay.upstream.connection import Connection

# Octets of body held for a slow caller before the upstream is held back, and where it may go on.
HIGH_WATER: Final = 256 * 1024
LOW_WATER: Final = 64 * 1024
LONGEST_HEAD: Final = 128 * 1024
_MOST_INTERIMS: Final = 20
_BEGINNING: Final = b"HTTP/"

Fault = RelayError | CallerGone


class Reply:
    """The answer to one request on one connection; fed by the connection, read by the gateway.

    Interim answers (1xx) are consumed here.
    """

    # What a call begins with: most of it never changes, so it stands here rather than in every reply.
    head: ResponseHead | None = None
    framing: Framing = NO_BODY
    arrived = 0.0
    complete = False
    excess = False
    _buffer = b""
    _interims = 0
    _keep_alive = False
    _left = 0
    _size = 0
    _decoder: ChunkDecoder | None = None
    _fault: Fault | None = None
    _waiter: asyncio.Future[None] | None = None
    _timer: asyncio.TimerHandle | None = None

    def __init__(self, connection: "Connection", method: bytes, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._method = method
        self._loop = loop
        self._chunks: deque[bytes] = deque()

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
        """Let go of the timer: the call is over."""
        if not self.complete:
            self.fail(UpstreamClosed("the call is over"))

    # -- for the connection ----------------------------------------------------------------------------------

    def feed(self, octets: bytes) -> None:
        """Take octets as they came from the upstream."""
        if self.complete:
            self.excess = True
            return
        try:
            if self.head is None:
                octets = self._take_head(self._buffer + octets if self._buffer else octets)
            if octets:
                self._take_body(octets)
        except UpstreamInvalid as fault:
            self.fail(fault)
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

    # -- inside ----------------------------------------------------------------------------------------------

    def _take_head(self, octets: bytes) -> bytes:
        """Take the head, if it is all there, and return what follows it. Raises UpstreamInvalid."""
        while (end := octets.find(b"\r\n\r\n")) >= 0:
            head, minor = scan_response(octets[: end + 2])
            octets = octets[end + 4 :]
            if head.status >= 200:
                self._buffer = b""
                self._take_final(head, minor)
                return octets
            self._interims += 1
            if head.status == 101:
                raise UpstreamInvalid("the upstream switched protocols without being asked")
            if self._interims > _MOST_INTERIMS:
                raise UpstreamInvalid("there is no end to the upstream's interim answers")
        if not octets.startswith(_BEGINNING[: len(octets)]):
            raise UpstreamInvalid("the upstream's answer does not begin as HTTP")
        if len(octets) > LONGEST_HEAD:
            raise UpstreamInvalid("the upstream's answer has no end to its head")
        self._buffer = octets
        return b""

    def _take_final(self, head: ResponseHead, minor: int) -> None:
        framing = self.framing = response_framing(self._method, head.status, head.fields)
        if isinstance(framing, Length):
            self._left = framing.octets
        elif framing is CHUNKED:
            self._decoder = ChunkDecoder(UpstreamInvalid)
        self._keep_alive = minor == 1 and framing is not UNTIL_CLOSE and not asks_to_close(head.fields)
        self.head = head
        self.arrived = perf_counter()
        self._stop_timer()
        if not self._connection.all_sent:
            self._connection.answered_early(head.status)
        if framing == NO_BODY:
            self._finish()

    def _take_body(self, octets: bytes) -> None:
        """Take body octets; those after its end are nobody's. Raises UpstreamInvalid."""
        if self.complete:
            self.excess = True
            return
        if self._decoder is not None:
            data = self._decoder.feed(octets)
            self.excess = bool(self._decoder.rest)
            ended = self._decoder.ended
        elif self.framing is UNTIL_CLOSE:
            data, ended = octets, False
        else:
            data = octets[: self._left] if len(octets) > self._left else octets
            self.excess = len(octets) > self._left
            self._left -= len(data)
            ended = not self._left
        if data:
            self._chunks.append(data)
            self._size += len(data)
            if self._size > HIGH_WATER:
                self._connection.pause_reading()
        if ended:
            self._finish()

    def _finish(self) -> None:
        self.complete = True
        if not self._connection.all_sent:
            self._connection.stop_sending()

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
