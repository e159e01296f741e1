"""Lines on their way to a stream: those of one turn of the loop leave together, in their order."""

import asyncio
import os
import select
import stat
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Self, cast


class Lines:
    """Takes lines and writes them at the end of the loop's turn, with one write for all.

    Calls that end in one turn share a system call. `flush` writes at once.
    """

    def __init__(self, stream: BinaryIO, *, at_once: int | None = None) -> None:
        """Write to `stream`, which should be unbuffered; at most `at_once` octets with one write, lines kept whole."""
        self._stream = stream
        self._at_once = at_once
        self._waiting: list[bytes] = []
        self._loop = asyncio.get_running_loop()

    @classmethod
    def shared(cls, stream: BinaryIO) -> Self:
        """Return lines to a stream that other processes write to as well.

        A file takes a write whole, however long. A pipe does so up to PIPE_BUF octets, and tears longer ones.
        """
        whole = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
        return cls(stream, at_once=None if whole else select.PIPE_BUF)

    def __repr__(self) -> str:
        return f"<Lines {len(self._waiting)} waiting>"

    def write(self, line: bytes) -> None:
        """Take a line."""
        if not self._waiting:
            self._loop.call_soon(self.flush)
        self._waiting.append(line)

    def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        together = b"".join(waiting)
        if self._at_once is None or len(together) <= self._at_once:
            self._write(together)
        else:
            for piece in _in_pieces(waiting, self._at_once):
                self._write(piece)

    def _write(self, octets: bytes) -> None:
        """Write all of it: a signal may cut a write short, and a pipe that nobody may wait for may be full."""
        written = self._write_some(octets)
        while written < len(octets):
            if not written:
                select.select([], [self._stream], [])
            octets = octets[written:]
            written = self._write_some(octets)

    def _write_some(self, octets: bytes) -> int:
        # What is unbuffered says None where typeshed has no room for it.
        return cast("int | None", self._stream.write(octets)) or 0


def _in_pieces(lines: Sequence[bytes], most: int) -> Iterator[bytes]:
    piece = b""
    for line in lines:
        if piece and len(piece) + len(line) > most:
            yield piece
            piece = b""
        piece += line
    yield piece
