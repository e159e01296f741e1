"""What every verb that runs until it is told to stop needs of its process."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO


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


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Yield standard output, unbuffered: a line of the log is one write, and none is lost at the end."""
    with open(1, "wb", buffering=0, closefd=False) as out:  # a descriptor, not a path
        yield out
