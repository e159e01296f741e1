"""Accept callers from a socket that other processes accept from as well: one for each time that it wakes.

A loop's own server goes on taking callers while any wait; what one process has taken, no other can, however busy that
one is. It costs each connection more than the loop's own would, so one process alone does without.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Final

from relay.errors import SettingsFault
from relay.settings.places import listening_fault

_BACKLOG: Final = 4096
# Seconds to leave callers waiting when there are no descriptors left: at once again would be the same, in a circle.
_PAUSE: Final = 0.1
_SPENT: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
# Not ours to accept any more: it was shut down, for all who have it.
_OVER: Final = frozenset({errno.EINVAL, errno.EBADF})


def listening_socket(address: str, port: int) -> socket.socket:
    """Return a socket that listens, for several processes. Raises SettingsFault when the place cannot be had."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)  # noqa: FBT003  # the library's
        sock.bind((address, port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise SettingsFault([("listen", listening_fault(address, port, error))]) from None
    return sock


class Acceptor:
    """Accepts for one of several processes."""

    def __init__(
        self,
        sock: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        *,
        spent: Callable[[OSError], object],
    ) -> None:
        """Accept from `sock`, which is closed in the end; `spent` hears when it cannot, for want of descriptors."""
        self._loop = asyncio.get_running_loop()
        self._socket = sock
        self._protocol = protocol
        self._spent = spent
        self._pause: asyncio.TimerHandle | None = None
        # The loop itself keeps no more than a weak hold of a task.
        self._making: set[asyncio.Task[object]] = set()
        self._listen()

    def __repr__(self) -> str:
        return f"<Acceptor {'pausing' if self._pause else 'closed' if self._socket.fileno() < 0 else 'accepting'}>"

    def close(self) -> None:
        """Accept no more."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _listen(self) -> None:
        self._pause = None
        self._loop.add_reader(self._socket.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            caller, _ = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # another process was faster, or the caller left
        except OSError as error:
            self._fail(error)
            return
        caller.setblocking(False)  # noqa: FBT003  # the library's
        # Loops turn Nagle off for what they accept themselves.
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        making = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, caller))
        self._making.add(making)
        making.add_done_callback(self._made)

    def _made(self, making: "asyncio.Task[object]") -> None:
        self._making.discard(making)
        if not making.cancelled():
            making.exception()  # a caller that left at once: its protocol has heard

    def _fail(self, error: OSError) -> None:
        if error.errno in _OVER:
            self.close()
        elif error.errno in _SPENT:
            self._loop.remove_reader(self._socket.fileno())
            self._pause = self._loop.call_later(_PAUSE, self._listen)
            self._spent(error)
