"""A request's body as it comes in: by length or in chunks, read strictly, held back while nobody takes it."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from relay.errors import CallerGone, MalformedRequest, RelayError
from relay.message.chunks import ChunkDecoder
from relay.message.framing import Framing, Length

# Octets held for a slow upstream before the caller is held back, and where it may go on.
HIGH_WATER: Final = 256 * 1024
LOW_WATER: Final = 64 * 1024


class WholeBody:
    """The `Body` of a request that came in one piece with its head, as most do."""

    __slots__ = ("_octets", "came")

    arrived: Final = True

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self.came = 0

    @property
    def ended(self) -> bool:
        """Whether all of it has been read."""
        return not self._octets

    def ready(self) -> bytes:
        """Return all of it, once."""
        octets, self._octets = self._octets, b""
        self.came += len(octets)
        return octets

    async def read(self) -> bytes:
        """Return all of it, once; nothing means the end."""
        return self.ready()

    def feed(self, octets: bytes) -> bytes:
        """Take nothing: it is all here."""
        return octets

    def fail(self, fault: RelayError | CallerGone) -> None:
        """Need nothing more: it is all here."""


class RequestBody:
    """The `Body` of one request: fed by the connection, read by whoever sends it on.

    `came` counts the octets taken so far.
    """

    __slots__ = ("_chunks", "_decoder", "_fault", "_hold", "_left", "_size", "_waiter", "arrived", "came")

    def __init__(self, framing: Framing, hold: Callable[[bool], None]) -> None:
        """Take the body's `framing`; `hold` pauses (True) and resumes (False) the caller."""
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None
        self._fault: RelayError | CallerGone | None = None
        self._hold = hold
        self._left = framing.octets if isinstance(framing, Length) else 0
        self._decoder = None if isinstance(framing, Length) else ChunkDecoder(MalformedRequest)
        self.arrived = self._decoder is None and self._left == 0
        self.came = 0

    # -- for the reader --------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether all of it has arrived and been read."""
        return self.arrived and not self._chunks

    def ready(self) -> bytes:
        """Return what has arrived already, possibly nothing."""
        if not self._chunks:
            return b""
        octets = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        if self._size > LOW_WATER:
            self._hold(False)  # noqa: FBT003  # a callback has no keywords
        self._size = 0
        self.came += len(octets)
        return octets

    async def read(self) -> bytes:
        """Return the next octets; nothing means the end. Raises MalformedRequest, or CallerGone when it left."""
        while not self._chunks and not self.arrived:
            if self._fault is not None:
                raise self._fault
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self.ready()

    # -- for the connection ----------------------------------------------------------------------------------

    def feed(self, octets: bytes) -> bytes:
        """Take octets as they came; return those that are no longer part of this body."""
        if self._decoder is None:
            piece, rest = (octets, b"") if len(octets) <= self._left else (octets[: self._left], octets[self._left :])
            self._left -= len(piece)
            self._take(piece)
            self.arrived = self._left == 0
        else:
            rest = self._feed_chunks(self._decoder, octets)
        self._wake()
        return rest

    def fail(self, fault: RelayError | CallerGone) -> None:
        """Say that the rest will not come; what has come can still be read."""
        if not self.arrived:
            self._fault = self._fault or fault
            self._wake()

    def _feed_chunks(self, decoder: ChunkDecoder, octets: bytes) -> bytes:
        try:
            self._take(decoder.feed(octets))
        except MalformedRequest as fault:
            self.fail(fault)
            return b""
        self.arrived = decoder.ended
        return decoder.rest

    def _take(self, piece: bytes) -> None:
        if piece:
            self._chunks.append(piece)
            self._size += len(piece)
            if self._size > HIGH_WATER:
                self._hold(True)  # noqa: FBT003  # a callback has no keywords

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
