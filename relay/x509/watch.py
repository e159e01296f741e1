"""Watch files that something is made of, and make it anew when they change for the better."""

import asyncio
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
    ) -> None:
        """Give what `make` makes of changed files to `taken`, or the `fault` that it raises to `refused`.

        `seen` is the stamp from before what is in force now was read; `failing` says that it could not be used. `make`
        runs in a thread.
        """
        self._stamp = stamp
        self._seen = seen
        self._make = make
        self._fault = fault
        self._taken = taken
        self._refused = refused
        self._failing = failing
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
                # Opening a PKCS#12 file derives keys from a password, which is slow on purpose.
                made = await asyncio.to_thread(self._make)
            except self._fault as fault:
                self._failing = True
                self._refused(fault)
            else:
                self._failing = False
                self._taken(made)
            return True
