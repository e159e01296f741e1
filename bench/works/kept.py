"""The work `kept`: calls over connections that stay open on both sides, as many as one front's processor can do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.accounting import connections_to, cpu_seconds, resident_kib
from bench.figures import Results, told
from bench.fronts.front import Front
from bench.loads.caller import Tls
from bench.loads.wrk import CONNECTIONS, Load, Sent, load
from bench.place import ANSWER_SIZE
from bench.process import BenchFault, family
from bench.run import TRIES, Run, believe, in_turn
from bench.upstream import Upstream, upstream

_FRONTS = (
    "relay",
    "nginx-tuned",
    "nginx-howto",
    "haproxy",
    "aiohttp",
    "fastapi-httpx",
    "relay-workers-2",
    "relay-token",
)
_OTHER_FRONTS = ("relay-source",)

# Seconds of a window; of load before it, for the handshakes are not part of the work; and until all are connected.
_WINDOW = 1.2
_QUICK_WINDOW = 0.5
_BEFORE = 0.2
_CONNECTED = 5.0


def measure(run: Run) -> Results:
    """Measure it. Raises BenchFault as soon as one call failed, or one connection was not kept."""
    seconds = _QUICK_WINDOW if run.quick else _WINDOW
    names = _FRONTS if run.quick and not run.only else (*_FRONTS, *_OTHER_FRONTS)
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in run.names(*names)}
    sent = dict.fromkeys(seen, 0)
    with upstream(run.place, run.other_cpus) as behind, run.fronts(behind.port, *names) as fronts:
        for number, front in in_turn(fronts, run.rounds):

            def window(front: Front = front) -> dict[str, float]:
                figures, calls = _window(run, front, behind, seconds)
                sent[front.name] += calls
                return figures

            figures = run.steadiness.steady(window)
            if number:
                seen[front.name].append(figures)
                run.tell(f"kept  round {number:2} {front.name:16} {figures['cpu_us_per_call']:8.1f} us a call")
        for front in fronts:
            believe(front, sent[front.name], surplus=TRIES * (run.rounds + 1) * _connections(front))
    return {"kept": {name: told(rounds, spread="cpu_us_per_call") for name, rounds in seen.items()}}


def _window(run: Run, front: Front, behind: Upstream, seconds: float) -> tuple[dict[str, float], int]:
    """Return the figures of one window, and how many calls the load had answers to, before and after it too."""
    with _loaded(run, front) as sending:
        callers, onward = connections_to(front.port), connections_to(behind.port)
        began, calls, cpu = time.monotonic(), behind.calls(), cpu_seconds(family(front.pid))
        time.sleep(seconds)
        took, calls, cpu = (
            time.monotonic() - began,
            behind.calls() - calls,
            cpu_seconds(family(front.pid)) - cpu,
        )
        resident = resident_kib(family(front.pid))
        if connections_to(front.port) != callers:
            raise BenchFault(f"{front.name}: the callers' connections were not kept")
        # One that idled too long may be closed meanwhile; where none is kept, hardly any of them is left.
        if front.keeps and len(onward & connections_to(behind.port)) < len(onward) / 2:
            raise BenchFault(f"{front.name}: the connections to the upstream were not kept")
        sent = sending.sent()
    _all_well(front, sent)
    if not calls or not cpu:
        raise BenchFault(f"{front.name}: {calls} calls took {cpu} s, which cannot be")
    figures = {
        "cpu_us_per_call": cpu / calls * 1e6,
        "calls_per_second": calls / took,
        "busy": cpu / took,
        "rss_mib": resident / 1024,
    }
    return figures, sent.calls


@contextmanager
def _loaded(run: Run, front: Front) -> Iterator[Load]:
    """Put the front under load, with every caller connected."""
    connections = _connections(front)
    with load(
        run.place,
        front.port,
        connections=connections,
        tls=Tls.V1_3,
        cpus=run.other_cpus,
        tokened=front.tokened,
    ) as sending:
        give_up = time.monotonic() + _CONNECTED
        while len(connections_to(front.port)) != connections:
            if time.monotonic() > give_up:
                raise BenchFault(f"{front.name}: not all callers got connected")
            time.sleep(0.02)
        time.sleep(_BEFORE)
        yield sending


def _connections(front: Front) -> int:
    # A turn of a worker's loop has as much to do then, whether it is alone or not.
    return CONNECTIONS * front.workers


def _all_well(front: Front, sent: Sent) -> None:
    if sent.errors or not sent.calls:
        raise BenchFault(f"{front.name}: {sent.errors} of {sent.calls} calls failed")
    if sent.octets < sent.calls * ANSWER_SIZE:
        raise BenchFault(f"{front.name}: {sent.calls} answers had {sent.octets} octets in all, which is too little")
