"""One run of the bench: where it happens, how much of it, and the turns that the fronts take."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from bench.accounting import stolen_seconds
from bench.fronts import FRONTS, NOT_YET
from bench.fronts.front import Front
from bench.fronts.relay import relay
from bench.place import Place
from bench.process import BenchFault, family, interrupt_nobody

Named = TypeVar("Named")
Found = TypeVar("Found")

# How often a window is repeated at most while others have the machine's processors, and what share of the time, and
# seconds, say that they do.
TRIES: Final = 3
_STOLEN: Final = 0.01
_STEP: Final = 0.01

# Seconds that a front has for the lines of the last calls.
_LINES_BY: Final = 5.0

# The relay that another Python has, beside this one in the same run: what a change is worth.
BEFORE: Final = "relay-before"


class Steadiness:
    """Repeats windows during which others had the machine's processors, as long as there is time for that.

    Time that the host gives to others is accounted to whoever was running here.
    """

    def __init__(self, seconds: float) -> None:
        """Take no more than so many seconds, in all, for windows that are repeated."""
        self._left = seconds

    def steady(self, window: Callable[[], Found]) -> Found:
        """Return what a window found while the machine was ours, or else the least disturbed of a few."""
        found: list[tuple[float, Found]] = []
        while True:
            began, stolen = time.monotonic(), stolen_seconds()
            outcome = window()
            took, stolen = time.monotonic() - began, stolen_seconds() - stolen
            if found:
                self._left -= took
            found.append((stolen, outcome))
            if stolen <= max(_STEP, _STOLEN * took) or len(found) == TRIES or self._left < took:
                return min(found, key=lambda each: each[0])[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What every work needs to know. `only` narrows the fronts; `tell` takes a line for whoever watches.

    `before` is a Python that has another relay, which takes part as `relay-before`.
    """

    place: Place
    front_cpus: set[int]
    other_cpus: set[int]
    rounds: int
    quick: bool
    only: frozenset[str]
    before: Path | None
    tell: Callable[[str], None]
    steadiness: Steadiness

    def names(self, *names: str) -> list[str]:
        """Return which of these fronts take part: the asked ones, or else all that there are yet."""
        wanted = [name for name in names if (name in self.only if self.only else name not in NOT_YET)]
        return wanted if self.before is None else [*wanted, BEFORE]

    @contextmanager
    def fronts(self, upstream_port: int, *names: str) -> Iterator[list[Front]]:
        """Run these fronts, as far as they take part, for as long as the block lasts."""
        with ExitStack() as stack:
            yield [stack.enter_context(self.front(upstream_port, name)) for name in self.names(*names)]

    @contextmanager
    def front(self, upstream_port: int, name: str) -> Iterator[Front]:
        """Run this one front."""
        starter = FRONTS[name] if name != BEFORE else partial(relay, name=BEFORE, python=self.before or Path())
        with starter(self.place, upstream_port, self.front_cpus) as front:
            interrupt_nobody(family(front.pid))
            yield front


def in_turn(fronts: Sequence[Named], rounds: int) -> Iterator[tuple[int, Named]]:
    """Yield each front in each round; round 0 only warms up.

    The order turns round in every other round, so that what changes on the machine meanwhile strikes all alike.
    """
    for number in range(rounds + 1):
        for front in fronts if number % 2 else reversed(fronts):
            yield number, front


def believe(front: Front, sent: int, *, surplus: int = 0) -> None:
    """Compare with the front's own log: a line for every call, each of them a 200.

    So many more may be there, as 200 or 499, for calls that the load itself cut off at its end. Raises BenchFault.
    """
    statuses, until = front.statuses(), time.monotonic() + _LINES_BY
    while statuses["200"] < sent and time.monotonic() < until:  # it writes a line once the answer has gone
        time.sleep(0.05)
        statuses = front.statuses()
    cut = statuses.pop("499", 0)
    if set(statuses) != {"200"} or not sent <= statuses["200"] <= sent + surplus or cut > surplus:
        raise BenchFault(
            f"{front.name}: {sent} calls were answered, but its log has {dict(statuses)} and {cut} cut off"
        )
