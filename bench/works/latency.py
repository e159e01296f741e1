"""The work `latency`: 300 calls a second to an upstream that takes 50 ms; what a front adds to going there directly."""

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial

from bench.figures import Results, percentile, told
from bench.loads.caller import Target
from bench.loads.crew import crew
from bench.loads.open_loop import open_loop
from bench.run import Run, believe
from bench.upstream import slow_upstream

_FRONTS = ("relay", "nginx-tuned")
_DIRECT = "direct"

_RATE = 300
_UPSTREAM_SECONDS = 0.05
# Of calls for each front, in all rounds together; the first of each window, when connections are made, not counted.
_SECONDS = 60.0
_FIRST_CALLS = 100


def measure(run: Run) -> Results:
    """Measure it, all at the same time: what disturbs this machine for a moment disturbs each of them.

    Raises BenchFault when a call failed, or could not be sent when it was due.
    """
    seconds = _SECONDS / run.rounds + _FIRST_CALLS / _RATE
    with (
        slow_upstream(run.place, run.other_cpus, seconds=_UPSTREAM_SECONDS) as behind,
        run.fronts(behind.port, *_FRONTS) as fronts,
    ):
        targets = {_DIRECT: Target(port=behind.port, direct=True)}
        targets |= {front.name: Target(port=front.port) for front in fronts}
        seen: dict[str, list[dict[str, float]]] = {name: [] for name in targets}
        sent = dict.fromkeys(targets, 0)
        for number in range(run.rounds + 1):  # round 0 only warms up
            for name, each in run.steadiness.steady(partial(_window, run, targets, seconds, sent)).items():
                if number:
                    counted = each[_FIRST_CALLS:]
                    figures = {"p50_ms": percentile(counted, 0.5), "p99_ms": percentile(counted, 0.99)}
                    seen[name].append(figures)
                    times = f"p50 {figures['p50_ms']:6.2f} ms, p99 {figures['p99_ms']:6.2f} ms"
                    run.tell(f"latency  round {number:2} {name:16} {times}")
        for front in fronts:
            believe(front, sent[front.name])
    direct = seen[_DIRECT]
    return {
        "latency": {name: told(_with_added(rounds, direct), spread="p99_added_ms") for name, rounds in seen.items()}
    }


def _window(run: Run, targets: Mapping[str, Target], seconds: float, sent: dict[str, int]) -> dict[str, list[float]]:
    """Return how long each call took, in milliseconds. Of calls to different targets no two are due at one time."""
    with ExitStack() as stack:
        crews = {}
        for number, (name, target) in enumerate(targets.items()):
            late = number / len(targets) / _RATE
            load = open_loop(run.place, target, rate=_RATE, seconds=seconds, late=late)
            crews[name] = stack.enter_context(crew(load, 1, run.other_cpus, whom=name))
        for each in crews.values():
            each.ready()
        for each in crews.values():
            each.go()
        took = {name: each.outcomes()[0] for name, each in crews.items()}
    for name, times in took.items():
        sent[name] += len(times)
    return took


def _with_added(rounds: list[dict[str, float]], direct: list[dict[str, float]]) -> list[dict[str, float]]:
    """Add to each round what came on top of going directly, at the same time."""
    return [
        {**seen, **{figure.replace("_ms", "_added_ms"): seen[figure] - usual[figure] for figure in usual}}
        for seen, usual in zip(rounds, direct, strict=True)
    ]
