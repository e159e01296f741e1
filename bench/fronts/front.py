"""A running front, and what it takes to be one."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A running front: its first process, from which all the others descend, and when that began (monotonic).

    `statuses` reads its log: how often it says to have answered what. `proxied`: it expects a PROXY v2 header before
    TLS. `shown`: its callers show a client certificate. `tokened`: they show a token instead of the key. `keeps`: it
    keeps its connections to the upstream. `workers` carry calls in it.
    """

    name: str
    port: int
    pid: int
    began: float
    statuses: Callable[[], Counter[str]]
    proxied: bool = False
    shown: bool = False
    tokened: bool = False
    keeps: bool = True
    workers: int = 1


Starter = Callable[[Place, int, set[int]], AbstractContextManager[Front]]


def quoted_statuses(log: Path) -> Counter[str]:
    """Count the statuses in a log where each follows the request's line in quotes, as in Apache's and its heirs'."""
    with log.open(errors="replace") as lines:
        return Counter(parts[2].split()[0] for line in lines if len(parts := line.split('"', 2)) == 3)
