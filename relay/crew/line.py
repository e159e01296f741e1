"""The line between two processes of one relay: words in order, and octets of any size in files in memory.

A socketpair of packets: each message is one, so that there is nothing to frame and nothing half read. Octets, among
them private keys, go as descriptors of files in memory: they never touch a disk, and never fill the line.
"""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_LONGEST: Final = 1024
_MOST_FILES: Final = 4


@dataclass(frozen=True, slots=True)
class Message:
    """What came over a line: words, and descriptors that now belong to whoever took it."""

    words: tuple[str, ...]
    files: tuple[int, ...]

    def octets(self) -> bytes:
        """Return what its file holds, and close that. To be called once."""
        with os.fdopen(self.files[0], "rb") as file:
            file.seek(0)
            return file.read()


class Line:
    """One end of a line. Nothing it does ever waits, but for `take` on a socket that was made to."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def __repr__(self) -> str:
        return f"<Line {'closed' if self._socket.fileno() < 0 else self._socket.fileno()}>"

    def fileno(self) -> int:
        """Return the descriptor, for those who wait until something can be taken."""
        return self._socket.fileno()

    def send(self, *words: str, files: Sequence[int] = ()) -> bool:
        """Send words without blanks in them, and descriptors, which stay the sender's too.

        Returns whether they left: not when the other side is gone, or has not taken anything for long.
        """
        octets = " ".join(words).encode()
        try:
            socket.send_fds(self._socket, [octets], files, socket.MSG_DONTWAIT)
        except OSError:
            return False
        return True

    def send_octets(self, *words: str, octets: bytes) -> bool:
        """Send words and octets of any number."""
        file = os.memfd_create("line", os.MFD_CLOEXEC)
        try:
            with os.fdopen(file, "wb", closefd=False) as writing:
                writing.write(octets)
            return self.send(*words, files=[file])
        finally:
            os.close(file)

    def take(self) -> Message | None:
        """Return the next message, or None when the other side is gone. Raises BlockingIOError when there is none."""
        try:
            octets, files, _, _ = socket.recv_fds(self._socket, _LONGEST, _MOST_FILES, socket.MSG_CMSG_CLOEXEC)
        except ConnectionError:
            return None
        return Message(tuple(octets.decode().split(" ")), tuple(files)) if octets else None

    def close(self) -> None:
        """Close this end: the other takes None after what was sent before."""
        self._socket.close()


def pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends of a new line, as sockets, both of which wait."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
