"""The work `start`: from the start of its first process until a front has answered its first call with a 200."""

import time

from bench.figures import Results, told
from bench.fronts.front import Front
from bench.loads.caller import Requests, Target, Tls, answer_to, client_context, connect
from bench.place import PATH
from bench.run import Run, believe, in_turn
from bench.upstream import upstream

_FRONTS = ("relay", "nginx-tuned", "nginx-howto", "haproxy", "aiohttp", "fastapi-httpx")


def measure(run: Run) -> Results:
    """Measure it; round 0 warms the page cache and writes bytecode."""
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in run.names(*_FRONTS)}
    with upstream(run.place, run.other_cpus) as behind:
        for number, name in in_turn(list(seen), run.rounds):
            with run.front(behind.port, name) as front:
                ready = _ready(run, front)
                believe(front, 1)
            if number:
                seen[name].append({"ready_s": ready})
                run.tell(f"start  round {number:2} {name:16} {ready:8.3f} s")
    return {"start": {name: told(rounds, spread="ready_s") for name, rounds in seen.items()}}


def _ready(run: Run, front: Front) -> float:
    target = Target(port=front.port)
    requests = Requests(run.place, target, PATH, run.place.request.read_bytes())
    with connect(target, client_context(run.place, target, Tls.V1_3)) as connection:
        answer_to(connection, requests.next())
        return time.monotonic() - front.began
