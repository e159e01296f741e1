"""The work `profile`: where the relay's processor time goes, on kept connections and with one for each call."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from bench.figures import Results
from bench.fronts.front import Front
from bench.loads.caller import Tls
from bench.loads.one_shot import CONNECTIONS, Kind, callers
from bench.loads.wrk import CONNECTIONS as KEPT
from bench.loads.wrk import load, plain_load
from bench.perf import PerfUnusable, samples
from bench.process import BenchFault, family
from bench.run import Run
from bench.shares import shares
from bench.upstream import upstream

_WORKS: Final[Mapping[str, Kind | None]] = {
    "kept": None,
    **{str(kind): kind for kind in (Kind(tls=Tls.V1_3, resumed=False), Kind(tls=Tls.V1_2, resumed=True))},
}

# Seconds: of looking, and of load before it.
_WINDOW: Final = 6.0
_QUICK_WINDOW: Final = 3.0
_BEFORE: Final = 0.5


def measure(run: Run) -> Results:
    """Return shares of each kind of work; nothing, and a line that says why, where perf cannot be used."""
    found: dict[str, dict[str, float]] = {}
    with upstream(run.place, run.other_cpus) as behind, run.front(behind.port, "relay") as front:
        for work, kind in _WORKS.items():
            with _loaded(run, front, kind):
                time.sleep(_BEFORE)
                try:
                    seen = samples(family(front.pid), _QUICK_WINDOW if run.quick else _WINDOW, run.place.folder)
                except PerfUnusable as reason:
                    run.tell(f"no profile: {reason}")
                    return {}
            found[work] = shares(seen)
            run.tell(f"profile  {work}: {seen.total()} samples")
    return {"profile": found}


@contextmanager
def _loaded(run: Run, front: Front, kind: Kind | None) -> Iterator[None]:
    """Put the front under load for as long as the block lasts. Raises BenchFault when a call failed."""
    if kind is None:
        with load(run.place, front.port, connections=KEPT, tls=Tls.V1_3, cpus=run.other_cpus) as sending:
            yield
            sent = sending.sent()
    else:
        with (
            callers(run.place, [front], run.other_cpus) as calling,
            plain_load(run.place, calling.port(front, kind), connections=CONNECTIONS, cpus=run.other_cpus) as sending,
        ):
            time.sleep(_BEFORE)
            since = calling.logged()
            yield
            calling.believe(front, kind, since)
            sent = sending.sent()
    if sent.errors or not sent.calls:
        raise BenchFault(f"{front.name}: {sent.errors} of {sent.calls} calls failed")
