"""The works `one-shot-*`: one connection for each call, in TLS 1.2 and 1.3, in full and resumed."""

import re
import time
from collections.abc import Sequence

from bench.accounting import cpu_seconds
from bench.figures import Results, told
from bench.fronts.front import Front
from bench.loads.caller import Tls
from bench.loads.one_shot import CONNECTIONS, KINDS, Callers, Kind, callers
from bench.loads.wrk import plain_load
from bench.process import BenchFault, family
from bench.run import TRIES, Run, believe, in_turn
from bench.upstream import Upstream, upstream

_FRONTS = ("relay", "nginx-tuned", "haproxy", "relay-proxy-v2")
_OTHER_FRONTS = (
    "nginx-howto", "aiohttp", "fastapi-httpx", "haproxy-proxy-v2", "relay-client-certificate",
    "relay-client-certificate-shown", "haproxy-client-certificate", "haproxy-client-certificate-shown", "relay-token",
)  # fmt: skip
# What a PROXY header costs, asking for a certificate, or a token, shows as well in one kind as in all.
_ONE_KIND = Kind(tls=Tls.V1_3, resumed=False)
_IN_ONE_KIND = re.compile("-proxy-v2|-client-certificate|-token")

# Seconds: of a window, and of load before it, in which the first connections are made that others are resumed from;
# and how many calls have to have been made by then, however slow the machine is.
_WINDOW = 0.6
_QUICK_WINDOW = 0.4
_BEFORE = 0.2
_CALLS_BEFORE = 4 * CONNECTIONS


def measure(run: Run) -> Results:
    """Measure all kinds. Raises BenchFault when a connection was not of its kind, or an answer not whole."""
    names = _FRONTS if run.quick and not run.only else (*_FRONTS, *_OTHER_FRONTS)
    seconds = _QUICK_WINDOW if run.quick else _WINDOW
    seen: dict[tuple[Kind, str], list[dict[str, float]]] = {}
    sent: dict[str, int] = {}
    with (
        upstream(run.place, run.other_cpus) as behind,
        run.fronts(behind.port, *names) as fronts,
        callers(run.place, fronts, run.other_cpus) as calling,
    ):
        turns = _turns(fronts)
        for number, (front, kind) in in_turn(turns, run.rounds):

            def window(front: Front = front, kind: Kind = kind) -> dict[str, float]:
                figures, calls = _window(run, calling, behind, (front, kind), seconds)
                sent[front.name] = sent.get(front.name, 0) + calls
                return figures

            figures = run.steadiness.steady(window)
            if number:
                seen.setdefault((kind, front.name), []).append(figures)
                run.tell(f"{kind}  round {number:2} {front.name:32} {figures['cpu_us_per_call']:8.1f} us a call")
        for front in fronts:
            believe(front, sent[front.name], surplus=TRIES * len(turns) * (run.rounds + 1) * CONNECTIONS)
    return {
        str(kind): {
            name: told(rounds, spread="cpu_us_per_call") for (other, name), rounds in seen.items() if other == kind
        }
        for kind in KINDS
    }


def _turns(fronts: Sequence[Front]) -> list[tuple[Front, Kind]]:
    """Return fronts side by side within each kind: they are compared with each other, not the kinds."""
    return [
        (front, kind) for kind in KINDS for front in fronts if kind == _ONE_KIND or not _IN_ONE_KIND.search(front.name)
    ]


def _window(
    run: Run, calling: Callers, behind: Upstream, turn: tuple[Front, Kind], seconds: float
) -> tuple[dict[str, float], int]:
    """Return the figures of one window, and how many calls the load had answers to, before and after it too."""
    front, kind = turn
    with plain_load(
        run.place,
        calling.port(front, kind),
        connections=CONNECTIONS,
        cpus=run.other_cpus,
        tokened=front.tokened,
    ) as sending:
        started = calling.logged()
        time.sleep(_BEFORE)
        calling.wait_for(_CALLS_BEFORE, started)
        since = calling.logged()
        began, calls, cpu = time.monotonic(), behind.calls(), cpu_seconds(family(front.pid))
        time.sleep(seconds)
        took, calls, cpu = (
            time.monotonic() - began,
            behind.calls() - calls,
            cpu_seconds(family(front.pid)) - cpu,
        )
        calling.believe(front, kind, since)
        sent = sending.sent()
    if sent.errors or not calls:
        raise BenchFault(f"{front.name}: {kind}: {sent.errors} of {sent.calls} calls failed")
    return {"cpu_us_per_call": cpu / calls * 1e6, "calls_per_second": calls / took, "busy": cpu / took}, sent.calls
