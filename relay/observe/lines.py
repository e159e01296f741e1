"""Lines on their way to a stream: those of one turn of the loop leave together, in their order."""

import asyncio
from typing import BinaryIO


class Lines:
    """Takes lines and writes them at the end of the loop's turn, with one write for all.

    Measured: a write for each line costs a call more than to make the line. `flush` writes at once.
    """

    def __init__(self, stream: BinaryIO) -> None:
        """Write to `stream`, which should be unbuffered."""
        self._stream = stream
        self._waiting: list[bytes] = []
        self._loop = asyncio.get_running_loop()

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
        if waiting:
            self._stream.write(b"".join(waiting))
