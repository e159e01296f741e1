"""A load in several processes: forked ready-made, set off together, each giving back what came of its part."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

from bench.process import BenchFault

Outcome = TypeVar("Outcome")

# A part does what is not measured, calls what it is given to wait for the start, works, and returns what came of it.
Part = Callable[[Callable[[], None]], Outcome]

_PATIENCE = 120.0
_FORK = multiprocessing.get_context("fork")


class Crew(Generic[Outcome]):
    """A load that is ready, and waits to be set off."""

    def __init__(self, ends: Sequence[Connection], whom: str) -> None:
        self._ends = ends
        self._whom = whom

    def ready(self) -> None:
        """Return when all are ready to start. Raises BenchFault when one failed."""
        for end in self._ends:
            self._take(end)

    def go(self) -> None:
        """Set all off."""
        for end in self._ends:
            end.send(None)

    def outcomes(self) -> list[Outcome]:
        """Return what came of each part, when all are done. Raises BenchFault when one failed."""
        found = [self._take(end) for end in self._ends]
        return [outcome for outcome in found if outcome is not None]

    def _take(self, end: Connection) -> Outcome | None:
        if not end.poll(_PATIENCE):
            raise BenchFault(f"{self._whom}: a load did not end within {_PATIENCE:.0f} s")
        fault, outcome = end.recv()
        if fault:
            raise BenchFault(f"{self._whom}: {fault}")
        taken: Outcome | None = outcome
        return taken


@contextmanager
def crew(part: Part[Outcome], size: int, cpus: set[int], *, whom: str) -> Iterator[Crew[Outcome]]:
    """Fork so many processes to call `whom`, each to do this part on these processors; end them with the block."""
    pairs = [_FORK.Pipe() for _ in range(size)]
    started = [_FORK.Process(target=_work, args=(part, theirs, cpus), daemon=True) for _, theirs in pairs]
    for process in started:
        process.start()
    try:
        yield Crew([ours for ours, _ in pairs], whom)
    finally:
        for process in started:
            process.kill()
            process.join()
        for ours, theirs in pairs:
            ours.close()
            theirs.close()


def _work(part: Part[Outcome], end: Connection, cpus: set[int]) -> None:
    os.sched_setaffinity(0, cpus)

    def start() -> None:
        end.send((None, None))
        end.recv()

    try:
        outcome = part(start)
    except Exception as error:  # noqa: BLE001  # whatever it is, the bench has to end with it
        end.send((f"a call failed: {type(error).__name__}: {error}", None))
    else:
        end.send((None, outcome))
