"""Chunked bodies, taken apart strictly, for both directions."""

import re
from collections.abc import Callable
from typing import Final

from relay.errors import RelayError

# Eight digits are 4 GiB in one chunk; a longer size is meant to overflow somebody's counter.
_EXTENSION: Final = (
    rb";[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
    rb"(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|\"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*\"))?"
)
_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})(?:" + _EXTENSION + rb")*\Z")
_TRAILER: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]*\Z")
_LONGEST_SIZE_LINE: Final = 256
_LONGEST_TRAILERS: Final = 8 * 1024


class ChunkDecoder:
    """Takes a chunked body apart (RFC 9112 section 7.1): every line ends in CRLF, every size is plain hexadecimal.

    `ended` says that the last chunk and its trailers are here, `rest` holds what followed them. Trailers are
    read as fields and dropped: merged into a head they would pass for what was authorised (RFC 9110 section 6.5.1).
    What is not so is the sender's fault, told by an error of the class given.
    """

    __slots__ = ("_at", "_buffer", "_fault", "_left", "_step", "_trailers", "ended", "rest")

    def __init__(self, fault: type[RelayError]) -> None:
        self._fault = fault
        self._buffer = b""
        self._at = 0
        self._left = 0
        self._trailers = 0
        self._step: Callable[[list[bytes]], bool] = self._size
        self.ended = False
        self.rest = b""

    def feed(self, octets: bytes) -> bytes:
        """Return the data in `octets`, chunks joined. Raises the fault."""
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
            raise self._fault("a chunk's size is not a plain hexadecimal number")
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
            raise self._fault("a chunk does not end in CRLF where its size says")
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
            raise self._fault("the trailers are too long")
        if line and _TRAILER.match(line) is None:
            raise self._fault("a trailer is not a name, a colon and a value")
        self.ended = not line
        return not self.ended

    def _line(self, longest: int) -> bytes | None:
        end = self._buffer.find(b"\n", self._at)
        if (len(self._buffer) if end < 0 else end) - self._at > longest:
            raise self._fault("a line among the chunks is too long")
        if end < 0:
            return None
        line = self._buffer[self._at : end + 1]
        if len(line) < 2 or line.find(b"\r") != len(line) - 2 or line.find(b"\0") >= 0:
            raise self._fault("a line among the chunks does not end in CRLF, or holds what no line holds")
        self._at = end + 1
        return line[:-2]
