"""The work `idle`: fronts with nothing to do: how much memory they hold, and how often they wake up."""

import time

from bench.accounting import resident_kib, wakeups
from bench.figures import Results, told
from bench.fronts.front import Front
from bench.loads.caller import Requests, Target, Tls, answer_to, client_context, connect
from bench.place import PATH
from bench.process import family
from bench.run import Run
from bench.upstream import upstream

_FRONTS = ("relay", "nginx-tuned", "nginx-howto", "haproxy", "aiohttp", "fastapi-httpx")

_SETTLE = 3.0
_WINDOW = 3.0


def measure(run: Run) -> Results:
    """Measure it, all fronts at the same time: none of them does anything that could disturb the others."""
    with upstream(run.place, run.other_cpus) as behind, run.fronts(behind.port, *_FRONTS) as fronts:
        for front in fronts:
            _call(run, front)
        time.sleep(_SETTLE)
        seen: dict[str, list[dict[str, float]]] = {front.name: [] for front in fronts}
        for _ in range(run.rounds):
            before = {front.name: wakeups(family(front.pid)) for front in fronts}
            time.sleep(_WINDOW)
            for front in fronts:
                processes = family(front.pid)
                woken = (wakeups(processes) - before[front.name]) / _WINDOW
                seen[front.name].append({"rss_mib": resident_kib(processes) / 1024, "wakeups_per_second": woken})
    run.tell(f"idle  {run.rounds} rounds of {_WINDOW:g} s")
    return {"idle": {name: told(rounds, spread="rss_mib") for name, rounds in seen.items()}}


def _call(run: Run, front: Front) -> None:
    target = Target(port=front.port)
    requests = Requests(run.place, target, PATH, run.place.request.read_bytes())
    with connect(target, client_context(run.place, target, Tls.V1_3)) as connection:
        answer_to(connection, requests.next())
