"""The work `kept`: calls over connections that stay open on both sides, as many as one front's processor can do."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from bench.accounting import connections_to, cpu_seconds
from bench.fronts import FRONTS, Front
from bench.load import CONNECTIONS, Load, Tls, load
from bench.place import Place, prepared
from bench.process import BenchFault, family, processors
from bench.upstream import Upstream, upstream

Figures = Mapping[str, float | str]

# Seconds of load before and after the window that is measured: handshakes, and the end, are not part of the work.
_BEFORE = 0.7
_AROUND = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure: so many rounds, in each of them a window of so many seconds for each front."""

    rounds: int
    seconds: int
    tls: Tls


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What was seen of one front in one round. `busy` is the share of one processor that it used."""

    calls: int
    cpu_us_per_call: float
    calls_per_second: float
    busy: float
    sent: int


def measure(plan: Plan, names: Sequence[str]) -> Iterator[tuple[str, int, Window]]:
    """Yield (front, round, window) in the order in which they are measured: all fronts in turn, in each round.

    The order turns round in every other round, so that what changes on the machine meanwhile strikes all alike.
    Raises BenchFault as soon as one call failed, or one connection was not kept.
    """
    front_cpus, other_cpus = processors()
    with ExitStack() as stack:
        place = stack.enter_context(prepared())
        behind = stack.enter_context(upstream(place, other_cpus))
        fronts = [stack.enter_context(FRONTS[name](place, behind.port, front_cpus)) for name in names]
        sent = dict.fromkeys(names, 0)
        for number in range(plan.rounds + 1):
            for front in fronts if number % 2 else reversed(fronts):
                window = _window(place, front, behind, plan, other_cpus)
                sent[front.name] += window.sent
                if number:  # the first round only warms up
                    yield front.name, number, window
        for front in fronts:
            _believe(front, sent[front.name], loads=plan.rounds + 1)


def _window(place: Place, front: Front, behind: Upstream, plan: Plan, cpus: set[int]) -> Window:
    with load(place, front.port, seconds=plan.seconds + _AROUND, tls=plan.tls, cpus=cpus) as sending:
        time.sleep(_BEFORE)
        callers, onward = connections_to(front.port), connections_to(behind.port)
        began, calls, cpu = time.monotonic(), behind.calls(), cpu_seconds(family(front.pid))
        time.sleep(plan.seconds)
        seconds, calls, cpu = (
            time.monotonic() - began,
            behind.calls() - calls,
            cpu_seconds(family(front.pid)) - cpu,
        )
        if connections_to(front.port) != callers or len(callers) != CONNECTIONS:
            raise BenchFault(f"{front.name}: the callers' connections were not kept")
        if not onward <= connections_to(behind.port):
            raise BenchFault(f"{front.name}: the connections to the upstream were not kept")
        sent = _all_well(front, sending)
    if not calls or not cpu:
        raise BenchFault(f"{front.name}: {calls} calls took {cpu} s, which cannot be")
    return Window(
        calls=calls,
        cpu_us_per_call=cpu / calls * 1e6,
        calls_per_second=calls / seconds,
        busy=cpu / seconds,
        sent=sent,
    )


def _all_well(front: Front, sending: Load) -> int:
    sent = sending.sent()
    if sent.errors or not sent.calls:
        raise BenchFault(f"{front.name}: {sent.errors} of {sent.calls} calls failed")
    return sent.calls


def _believe(front: Front, sent: int, *, loads: int) -> None:
    """Compare with the front's own log: every call a 200, but for those that wrk itself cut off at its end."""
    statuses = front.statuses()
    cut = statuses.pop("499", 0)
    if (
        set(statuses) != {"200"}
        or not sent <= statuses["200"] <= sent + loads * CONNECTIONS
        or cut > loads * CONNECTIONS
    ):
        raise BenchFault(
            f"{front.name}: {sent} calls were answered, but its log has {dict(statuses)} and {cut} cut off"
        )


def figures(windows: Sequence[Window], plan: Plan) -> Figures:
    """Return the medians of a front's windows, and how far apart they were."""
    costs = [window.cpu_us_per_call for window in windows]
    return {
        "cpu_us_per_call": round(median(costs), 1),
        "cpu_us_per_call_least": round(min(costs), 1),
        "cpu_us_per_call_most": round(max(costs), 1),
        "calls_per_second": round(median(window.calls_per_second for window in windows)),
        "busy": round(median(window.busy for window in windows), 2),
        "calls": sum(window.calls for window in windows),
        "rounds": len(windows),
        "tls": plan.tls.value,
    }
