"""The work `in-flight`: 2,000 calls at once to an upstream that takes 5 seconds, and the memory that each takes."""

import time

from bench.accounting import resident_kib
from bench.figures import Results, told
from bench.fronts.front import Front
from bench.loads.caller import Target
from bench.loads.crew import crew
from bench.loads.in_flight import in_flight, warm_up
from bench.process import BenchFault, family
from bench.run import Run, believe, in_turn
from bench.upstream import SlowUpstream, slow_upstream

_FRONTS = ("relay", "nginx-tuned")

_CALLS = 2000
_SECONDS = 5.0
# A machine that needs longer than that to make so many connections still has them all under way at one time.
_CALM = 0.5
_PROCESSES = 4


def measure(run: Run) -> Results:
    """Measure it. Raises BenchFault when one call was not answered whole, or not all were under way at one time."""
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in run.names(*_FRONTS)}
    with slow_upstream(run.place, run.other_cpus, seconds=_SECONDS, calm=_CALM) as behind:
        for number, name in in_turn(list(seen), run.rounds):
            if number:
                # A fresh one each time: what it took once it may keep.
                with run.front(behind.port, name) as front:
                    figures = _figures(run, front, behind)
                seen[name].append(figures)
                run.tell(f"in-flight  round {number:2} {name:16} {figures['rss_kib_per_call']:8.1f} KiB a call")
    return {"in-flight": {name: told(rounds, spread="rss_kib_per_call") for name, rounds in seen.items()}}


def _figures(run: Run, front: Front, behind: SlowUpstream) -> dict[str, float]:
    target = Target(port=front.port)
    with crew(warm_up(run.place, target), 1, run.other_cpus, whom=front.name) as warming:
        warming.ready()
        warming.go()
        (warmed,) = warming.outcomes()
    idle = resident_kib(family(front.pid))
    with crew(
        in_flight(run.place, target, _CALLS // _PROCESSES), _PROCESSES, run.other_cpus, whom=front.name
    ) as callers:
        callers.ready()
        began = time.monotonic()
        callers.go()
        grown = _resident_when_all_wait(front, behind, until=began + 3 * _SECONDS) - idle
        answered = sum(callers.outcomes())
        took = time.monotonic() - began
    if answered != _CALLS:
        raise BenchFault(f"{front.name}: {answered} of {_CALLS} calls were answered whole")
    believe(front, answered + warmed)
    return {"rss_kib_per_call": grown / _CALLS, "answered": answered, "seconds": took}


def _resident_when_all_wait(front: Front, behind: SlowUpstream, *, until: float) -> int:
    most = 0
    while time.monotonic() < until:
        now = behind.in_progress()
        if now == _CALLS:
            return resident_kib(family(front.pid))
        most = max(most, now)
        time.sleep(0.02)
    raise BenchFault(f"{front.name}: of {_CALLS} calls no more than {most} were under way at one time")
