"""What every verb that runs until it is told to stop needs of its process."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO


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
