"""The works `claims-up` and `claims-down`: 25 MB as base64 in a SOAP body; and the memory that 20 at once take."""

import time
from collections.abc import Sequence
from statistics import median

from bench.accounting import cpu_seconds, forget_peak, peak_kib, resident_kib
from bench.figures import Results, rounded, told
from bench.fronts.front import Front
from bench.loads.caller import Target
from bench.loads.claims import Way, claims
from bench.loads.crew import crew
from bench.process import family
from bench.run import Run, believe, in_turn
from bench.upstream import SlowUpstream, slow_upstream

_FRONTS = ("relay", "nginx-tuned", "haproxy", "aiohttp")
_AT_ONCE_FRONTS = ("relay",)

# Claims in a window: each of so many callers carries so many.
_CALLERS = 2
_EACH = 2
_AT_ONCE = 20


def measure(run: Run) -> Results:
    """Measure both ways, then 20 at once. Raises BenchFault when a claim did not arrive whole."""
    with slow_upstream(run.place, run.other_cpus, seconds=0) as behind:
        works = _both_ways(run, behind)
        growths = _at_once(run, behind)
    for name, growth in growths.items():
        works["claims-up"].setdefault(name, {})["rss_growth_mib"] = growth
    return works


def _both_ways(run: Run, behind: SlowUpstream) -> dict[str, dict[str, dict[str, float | str]]]:
    seen: dict[tuple[Way, str], list[dict[str, float]]] = {}
    sent: dict[str, int] = {}
    with run.fronts(behind.port, *_FRONTS) as fronts:
        for number, (front, way) in in_turn(_turns(fronts), run.rounds):
            figures = _window(run, front, way)
            sent[front.name] = sent.get(front.name, 0) + _CALLERS * (_EACH + 1)
            if number:
                seen.setdefault((way, front.name), []).append(figures)
                run.tell(f"claims-{way:4} round {number:2} {front.name:16} {figures['cpu_s_per_gb']:8.2f} s a GB")
        for front in fronts:
            believe(front, sent[front.name])
    return {
        f"claims-{way}": {
            name: told(rounds, spread="cpu_s_per_gb") for (other, name), rounds in seen.items() if other is way
        }
        for way in Way
    }


def _turns(fronts: Sequence[Front]) -> list[tuple[Front, Way]]:
    return [(front, way) for way in Way for front in fronts]


def _window(run: Run, front: Front, way: Way) -> dict[str, float]:
    with crew(
        claims(run.place, Target(port=front.port), way, _EACH), _CALLERS, run.other_cpus, whom=front.name
    ) as callers:
        callers.ready()
        began, cpu = time.monotonic(), cpu_seconds(family(front.pid))
        callers.go()
        gigabytes = sum(callers.outcomes()) / 1e9
        took = time.monotonic() - began
        cpu = cpu_seconds(family(front.pid)) - cpu
    return {"cpu_s_per_gb": cpu / gigabytes, "mb_per_second": gigabytes * 1000 / took, "busy": cpu / took}


def _at_once(run: Run, behind: SlowUpstream) -> dict[str, float]:
    """Return by how many MiB each front grew at most, from idle, while 20 claims went up at once."""
    growths: dict[str, list[float]] = {name: [] for name in run.names(*_AT_ONCE_FRONTS)}
    for number, name in in_turn(list(growths), run.rounds):
        if number:
            # A fresh one each time: what it took once it may keep.
            with run.front(behind.port, name) as front:
                growth = _growth(run, front)
                believe(front, _AT_ONCE * 2)
            growths[name].append(growth)
            run.tell(f"claims at once  round {number:2} {name:16} {growth:8.1f} MiB more")
    return {name: rounded(median(seen)) for name, seen in growths.items()}


def _growth(run: Run, front: Front) -> float:
    with crew(
        claims(run.place, Target(port=front.port), Way.UP, 1), _AT_ONCE, run.other_cpus, whom=front.name
    ) as callers:
        callers.ready()
        processes = family(front.pid)
        before = resident_kib(processes)
        forget_peak(processes)
        callers.go()
        callers.outcomes()
        return (peak_kib(processes) - before) / 1024
