"""The work `journal`: what the log line and the metrics of one call cost together, in this process, to a real file."""

import os
import time
from datetime import UTC, datetime

from bench.figures import Results, told
from bench.run import Run
from relay.errors import Sent
from relay.observe.exchange import Exchange, Journals, Source
from relay.observe.log import ExchangeLog
from relay.observe.metrics import Metrics

_CALLS = 20_000


def measure(run: Run) -> Results:
    """Measure it, on the fronts' processor."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, run.front_cpus)
    try:
        rounds = [{"cpu_us_per_call": _cost(run)} for _ in range(run.rounds + 1)][1:]
    finally:
        os.sched_setaffinity(0, before)
    run.tell(f"journal  {run.rounds} rounds of {_CALLS} calls")
    return {"journal": {"relay": told(rounds, spread="cpu_us_per_call")}}


def _cost(run: Run) -> float:
    exchanges = [_exchange(number) for number in range(_CALLS)]
    with (run.place.folder / "journal.log").open("wb", buffering=0) as out:
        journals = Journals((Metrics(), ExchangeLog(out)))
        began = time.process_time_ns()
        for exchange in exchanges:
            journals.note(exchange)
        return (time.process_time_ns() - began) / _CALLS / 1000


def _exchange(number: int) -> Exchange:
    """Return a call as the gateway leaves it: each has its own id, moment and durations."""
    return Exchange(
        id=os.urandom(16).hex(),
        at=datetime.now(UTC),
        peer="203.0.113.7",
        method="POST",
        client="dynamics",
        way="api_key",
        tenant="linde",
        environment="acceptance",
        route="cov",
        status=200,
        upstream_status=200,
        source=Source.UPSTREAM,
        sent=Sent.YES,
        seconds=0.04 + number % 1000 * 1e-5,
        upstream_seconds=0.039 + number % 1000 * 1e-5,
        bytes_in=2048,
        bytes_out=2300,
        egress="203.0.113.10",
        certificate="5F3A9C0D11E2B47788AA",
        upstream="198.51.100.20",
        reused=True,
    )
