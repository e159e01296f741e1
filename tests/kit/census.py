"""What is alive in a process of the relay, asked from outside.

The product has no door for this. Run as a module this file is `relay` itself, but each of its processes answers
SIGUSR1 by writing into the folder of its settings what the collector of circles knows, by type.
"""

import asyncio
import gc
import os
import signal
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.kit.served import Served, status_of

# Where what a call needs comes from: none of it may outlive its call. All else may be remembered, within bounds.
_OF_A_CALL = ("relay.", "uvloop.", "asyncio.", "_asyncio.", "ssl.", "_ssl.", "socket.")
# A queue of deadlines keeps its one timer for a while after the last of them was lifted.
_TIMERS = ("uvloop.loop.TimerHandle", "uvloop.loop.UVTimer")
# So many of each cause, and it is left to chance which cause a broken call has, are kept to be looked at.
_REMEMBERED = ("relay.observe.history.Refused",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What one process held: objects by type, after a collection, and open files by kind.

    `blocks` counts all of Python's small pieces of memory, and so what the collector does not know, such as octets;
    `resident` is in octets.
    """

    objects: Counter[str]
    files: Counter[str]
    blocks: int
    resident: int

    def unlike(self, before: "Census", *, slack: int) -> dict[str, int]:
        """How many more than before, or fewer: of files and objects of calls, and over `slack` of all other kinds."""
        files, objects = self.files.copy(), self.objects.copy()
        files.subtract(before.files)
        objects.subtract(before.objects)
        told = {name: more for name, more in objects.items() if _is_of_a_call(name) or abs(more) > slack}
        return {name: more for name, more in (files | told).items() if more}


def _is_of_a_call(name: str) -> bool:
    return name.startswith(_OF_A_CALL) and name not in (*_TIMERS, *_REMEMBERED)


async def censuses(here: Served, folder: Path) -> dict[int, Census]:
    """Ask every process of a relay that runs from this file; by process."""
    files = {pid: folder / f"census.{pid}" for pid in here.family()}
    for pid, file in files.items():
        file.unlink(missing_ok=True)
        os.kill(pid, signal.SIGUSR1)
    async with asyncio.timeout(10):
        while not all(file.exists() for file in files.values()):
            await asyncio.sleep(0.01)
    return {pid: _read(pid, file) for pid, file in files.items()}


def _read(pid: int, file: Path) -> Census:
    told = orjson.loads(file.read_bytes())
    return Census(
        objects=Counter(told["objects"]),
        files=Counter(told["files"]),
        blocks=told["blocks"],
        resident=int(status_of(pid)["VmRSS"].removesuffix("kB")) * 1024,
    )


# -- in the process that is asked ------------------------------------------------------------------------------------


def _answer(_number: int, _frame: object) -> None:
    gc.collect()
    blocks = sys.getallocatedblocks()
    told = {"objects": Counter(map(_name, gc.get_objects())), "files": Counter(_files()), "blocks": blocks}
    folder, pid = Path(sys.argv[-1]).parent, os.getpid()
    unfinished = folder / f"unfinished.{pid}"
    unfinished.write_bytes(orjson.dumps(told))
    unfinished.rename(folder / f"census.{pid}")


def _name(thing: object) -> str:
    kind = type(thing)
    return f"{kind.__module__}.{kind.__qualname__}"


def _files() -> list[str]:
    """The kinds of what is open here: "socket", "pipe", or the name."""
    found = []
    for file in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the listing's own
            found.append(str(file.readlink()).partition(":")[0])
    return found


if __name__ == "__main__":
    from relay.cli import main

    signal.signal(signal.SIGUSR1, _answer)  # workers are forked from here, and inherit it
    main(prog_name="relay")
