"""What every verb that runs until it is told to stop needs of its process."""

import asyncio
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

# Columns that no table reaches: a terminal wraps a row that is longer than it is wide, and nothing is cut off.
WIDE: Final = 1_000
# Open files beside those of calls: log, certificates, the operator's callers, what the loop itself has.
_OTHER_FILES: Final = 256


def outlive_hangups() -> None:
    """Have SIGHUP do nothing, in this process and in all that it forks, until somebody listens: it would end them."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def on_hangup(look: Callable[[], None]) -> None:
    """Have SIGHUP mean: look at once whether files have changed. To be called inside the loop."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, look)


def told_to_stop() -> asyncio.Event:
    """Return what is set by SIGTERM and by Ctrl-C. To be called inside the loop."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    return told


def allow_open_files(callers: int) -> int | None:
    """Let this process, and all that it forks, have the open files that so many callers take, each with its upstream.

    Returns how many it may have when that is fewer: a caller beyond them would wait, unheard.
    """
    needed = 2 * callers + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most if most < needed else None


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Yield standard output, unbuffered: a line of the log is one write, and none is lost at the end."""
    with open(1, "wb", buffering=0, closefd=False) as out:  # a descriptor, not a path
        yield out
