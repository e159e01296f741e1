"""The work `latency`: 300 calls a second to an upstream that takes 50 ms; what a front adds to going there directly."""

from statistics import median

from bench.figures import Results, percentile, told
from bench.loads.caller import Target
from bench.loads.crew import crew
from bench.loads.open_loop import open_loop
from bench.run import Run, believe, in_turn
from bench.upstream import slow_upstream

_FRONTS = ("relay", "nginx-tuned")
_DIRECT = "direct"

_RATE = 300
_UPSTREAM_SECONDS = 0.05
# Of calls for each front, in all rounds together; the first of each window, when connections are made, not counted.
_SECONDS = 60.0
_FIRST_CALLS = 100


def measure(run: Run) -> Results:
    """Measure it. Raises BenchFault when a call failed, or could not be sent when it was due."""
    seen: dict[str, list[dict[str, float]]] = {_DIRECT: []}
    sent: dict[str, int] = {}
    seconds = _SECONDS / run.rounds + _FIRST_CALLS / _RATE
    with (
        slow_upstream(run.place, run.other_cpus, seconds=_UPSTREAM_SECONDS) as behind,
        run.fronts(behind.port, *_FRONTS) as fronts,
    ):
        targets = {_DIRECT: Target(port=behind.port, direct=True)}
        targets |= {front.name: Target(port=front.port) for front in fronts}
        for number, name in in_turn(list(targets), run.rounds):

            def window(name: str = name) -> list[float]:
                took = _window(run, name, targets[name], seconds)
                sent[name] = sent.get(name, 0) + len(took)
                return took

            took = run.steadiness.steady(window)
            if number:
                counted = took[_FIRST_CALLS:]
                figures = {"p50_ms": percentile(counted, 0.5), "p99_ms": percentile(counted, 0.99)}
                seen.setdefault(name, []).append(figures)
                times = f"p50 {figures['p50_ms']:6.2f} ms, p99 {figures['p99_ms']:6.2f} ms"
                run.tell(f"latency  round {number:2} {name:16} {times}")
        for front in fronts:
            believe(front, sent[front.name])
    direct = seen[_DIRECT]
    return {
        "latency": {name: told(_with_added(rounds, direct), spread="p99_added_ms") for name, rounds in seen.items()}
    }


def _window(run: Run, name: str, target: Target, seconds: float) -> list[float]:
    with crew(open_loop(run.place, target, rate=_RATE, seconds=seconds), 1, run.other_cpus, whom=name) as callers:
        callers.ready()
        callers.go()
        (took,) = callers.outcomes()
        return took


def _with_added(rounds: list[dict[str, float]], direct: list[dict[str, float]]) -> list[dict[str, float]]:
    """Add to each round what came on top of going directly, of which the median over all rounds is taken."""
    usual = {figure: median(seen[figure] for seen in direct) for figure in direct[0]}
    return [
        {**seen, **{figure.replace("_ms", "_added_ms"): seen[figure] - usual[figure] for figure in usual}}
        for seen in rounds
    ]
