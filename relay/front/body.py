"""A request's body as it comes in: by length or in chunks, read strictly, held back while nobody takes it."""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from typing import Final

from relay.errors import CallerGone, MalformedRequest, RelayError
from relay.message.framing import Framing, Length

# Octets held for a slow upstream before the caller is held back, and where it may go on.
HIGH_WATER: Final = 256 * 1024
LOW_WATER: Final = 64 * 1024

# Eight digits are 4 GiB in one chunk; a longer size is meant to overflow somebody's counter.
_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[\t\x20-\x7e\x80-\xff]*)?\Z")
_LONGEST_SIZE_LINE: Final = 256
_LONGEST_TRAILERS: Final = 8 * 1024


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
        self._decoder = None if isinstance(framing, Length) else ChunkDecoder()
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

    def _feed_chunks(self, decoder: "ChunkDecoder", octets: bytes) -> bytes:
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


class ChunkDecoder:
    """Takes a chunked body apart (RFC 9112 section 7.1): every line ends in CRLF, every size is plain hexadecimal.

    `ended` says that the last chunk and its trailers are here, `rest` holds what followed them. Trailers are dropped.
    """

    __slots__ = ("_at", "_buffer", "_left", "_step", "_trailers", "ended", "rest")

    def __init__(self) -> None:
        self._buffer = b""
        self._at = 0
        self._left = 0
        self._trailers = 0
        self._step: Callable[[list[bytes]], bool] = self._size
        self.ended = False
        self.rest = b""

    def feed(self, octets: bytes) -> bytes:
        """Return the data in `octets`, chunks joined. Raises MalformedRequest."""
        self._buffer += octets
        pieces: list[bytes] = []
        while self._step(pieces):
            pass
        # Cut once for all that was taken: cutting at each chunk would make many small ones cost their square.
        self._buffer, self._at = self._buffer[self._at :], 0
        if self.ended:
            self.rest, self._buffer = self._buffer, b""
        return b"".join(pieces)

    # -- steps: each takes one thing off the buffer and returns whether the next may follow at once ----------

    def _size(self, pieces: list[bytes]) -> bool:
        line = self._line(_LONGEST_SIZE_LINE)
        if line is None:
            return False
        match = _SIZE_LINE.match(line)
        if match is None:
            raise MalformedRequest("a chunk's size is not a plain hexadecimal number")
        self._left = int(match[1], 16)
        self._step = self._data if self._left else self._trailer
        return True

    def _data(self, pieces: list[bytes]) -> bool:
        piece = self._buffer[self._at : self._at + self._left]
        self._at += len(piece)
        self._left -= len(piece)
        pieces.append(piece)
        if self._left:
            return False
        self._step = self._end
        return True

    def _end(self, pieces: list[bytes]) -> bool:
        end = self._buffer[self._at : self._at + 2]
        if not b"\r\n".startswith(end):
            raise MalformedRequest("a chunk does not end in CRLF where its size says")
        if len(end) < 2:
            return False
        self._at += 2
        self._step = self._size
        return True

    def _trailer(self, pieces: list[bytes]) -> bool:
        line = self._line(_LONGEST_TRAILERS)
        if line is None:
            return False
        self._trailers += len(line)
        if self._trailers > _LONGEST_TRAILERS:
            raise MalformedRequest("the trailers are too long")
        self.ended = not line
        return not self.ended

    def _line(self, longest: int) -> bytes | None:
        end = self._buffer.find(b"\n", self._at)
        if (len(self._buffer) if end < 0 else end) - self._at > longest:
            raise MalformedRequest("a line among the chunks is too long")
        if end < 0:
            return None
        line = self._buffer[self._at : end + 1]
        if line.find(b"\r") != len(line) - 2 or b"\0" in line:
            raise MalformedRequest("a line among the chunks does not end in CRLF, or holds what no line holds")
        self._at = end + 1
        return line[:-2]
