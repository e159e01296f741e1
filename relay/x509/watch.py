"""Watch files that something is made of, and make it anew when they change for the better."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

Made = TypeVar("Made")
Fault = TypeVar("Fault", bound=Exception)

Stamp = tuple[tuple[int, int, int], ...]


def stamp_of(*paths: Path) -> Stamp:
    """Return a value that differs whenever one of these files may have changed, through links as well."""
    return tuple(map(_stamp, paths))


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_ino, status.st_mtime_ns, status.st_size)


class FileWatch(Generic[Made, Fault]):
    """Looks at the files' stamps every so often: cheap, and right through links and mounted volumes as well."""

    def __init__(
        self,
        *,
        stamp: Callable[[], Stamp],
        seen: Stamp,
        make: Callable[[], Made],
        fault: type[Fault],
        taken: Callable[[Made], object],
        refused: Callable[[Fault], object],
        failing: bool = False,
        made: Made | None = None,
        same: Callable[[Made, Made], bool] = lambda new, old: False,
    ) -> None:
        """Give what `make` makes of changed files to `taken`, or the `fault` that it raises to `refused`.

        `seen` is the stamp from before what is in force now was read; `failing` says that it could not be used. `make`
        runs in a thread. What is the `same` as was `made` last is not new, but taken all the same after a fault.
        """
        self._stamp = stamp
        self._seen = seen
        self._make = make
        self._fault = fault
        self._taken = taken
        self._refused = refused
        self._failing = failing
        self._made = made
        self._same = same
        self._looking = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<FileWatch of {len(self._seen)} files>"

    async def keep_looking(self, every: float) -> None:
        """Look for ever, `every` so many seconds."""
        while True:
            await asyncio.sleep(every)
            await self.look()

    async def look(self, *, again: bool = False) -> bool:
        """Take what is new, if anything is. Returns whether something was, good or bad.

        Bad files change nothing, and are tried again once they change, or when told to try them `again`.
        """
        async with self._looking:
            stamp = self._stamp()
            if stamp == self._seen and not (again and self._failing):
                return False
            self._seen = stamp
            try:
                # Opening a PKCS#12 file derives keys from a password, which is slow on purpose; a vault may be silent.
                made = await _aside(self._make)
            except self._fault as fault:
                self._failing = True
                self._refused(fault)
                return True
            if self._made is not None and self._same(made, self._made):
                if not self._failing:
                    return False
                made = self._made
            self._failing, self._made = False, made
            self._taken(made)
            return True


async def _aside(make: Callable[[], Made]) -> Made:
    """Return what a thread of its own makes.

    While it waits for somebody else, one of the loop's few would keep names from being resolved, and the process from
    ending.
    """
    made = concurrent.futures.Future[Made]()

    def work() -> None:
        made.set_running_or_notify_cancel()
        try:
            made.set_result(make())
        except BaseException as error:  # noqa: BLE001  # whoever waits has it raised
            made.set_exception(error)

    threading.Thread(target=work, name="watch", daemon=True).start()
    return await asyncio.wrap_future(made)
