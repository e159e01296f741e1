"""What a large book costs the gate: `python -m bench.registry` prints it.

By default 100,000 certificates with a million ranges, in SQLite: how long it takes to be ready, how much memory the
book takes, and how long decisions take while changes come in.
"""

import gc
import os
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from sqlalchemy import Engine, create_engine, insert

from bench.accounting import resident_kib
from bench.figures import percentile
from relay.registry.domain.identifiers import OrganisationId, UserNumber
from relay.registry.domain.parties import ContactPerson
from relay.registry.domain.rules import Allow, decide
from relay.registry.service import Registry
from relay.registry.storage import tables
from relay.registry.storage.sqlite import opened

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)
_PART = 10_000
_CHANGES_A_SECOND = 50
# Public ones, each range apart from the next: those of a certificate lie anywhere among them.
_FIRST = int(IPv4Address("24.0.0.0"))
_APART = 16
# Those that are registered while decisions are made.
_ADDED = int(IPv4Address("5.0.0.0"))


def _number(each: int) -> str:
    return f"{20_000_000_000_000 + each}"


def _print(each: int) -> str:
    return f"{each:064x}"


def _fill(engine: Engine, certificates: int, ranges: int) -> None:
    """Write so many certificates of as many organisations, and as many ranges for each as make `ranges` in all."""
    with engine.begin() as connection:
        for start in range(0, certificates, _PART):
            part = range(start, min(start + _PART, certificates))
            connection.execute(
                insert(tables.ORGANISATIONS),
                [
                    {"id": f"praktijk-{each}", "name": "Praktijk", "agb_code": f"{each:08}", "role": "care_provider"}
                    for each in part
                ],
            )
            connection.execute(
                insert(tables.CERTIFICATES),
                [
                    {
                        "fingerprint": _print(each),
                        "user_number": _number(each),
                        "organisation": f"praktijk-{each}",
                        "kind": "system",
                        "environment": "production",
                        "not_before": NOON - timedelta(days=1),
                        "not_after": NOON + timedelta(days=700),
                        "collected_at": NOON - timedelta(days=1),
                        "revoked_at": None,
                    }
                    for each in part
                ],
            )
        for start in range(0, ranges, _PART):
            connection.execute(
                insert(tables.REGISTRATIONS),
                [
                    {
                        "user_number": _number(each % certificates),
                        "first": _FIRST + each * _APART,
                        "last": _FIRST + each * _APART + 7,
                        "registered_by": _number(0),
                        "registered_at": NOON,
                    }
                    for each in range(start, min(start + _PART, ranges))
                ],
            )


def _decide_for(registry: Registry, certificates: int, ranges: int, seconds: float) -> list[float]:
    """Return how many microseconds each decision took, the waits for a change's turn included."""
    took, chosen, until = list[float](), random.Random(1), time.monotonic() + seconds
    while time.monotonic() < until:
        each = chosen.randrange(ranges)
        address, fingerprint = IPv4Address(_FIRST + each * _APART + 3), _print(each % certificates)
        began = time.perf_counter()
        decision = decide(registry.snapshot, fingerprint=fingerprint, address=address, at=NOON)
        took.append((time.perf_counter() - began) * 1e6)
        assert isinstance(decision, Allow), decision
    return took


def _change(registry: Registry, certificates: int, over: threading.Event) -> int:
    """Register addresses, so many a second; return how many."""
    made, chosen = 0, random.Random(2)
    while not over.wait(1 / _CHANGES_A_SECOND):
        each = chosen.randrange(certificates)
        person = ContactPerson(
            user_number=UserNumber(_number(0)), name="Anna", organisation=OrganisationId(f"praktijk-{each}")
        )
        registry.register(person, _number(each), str(IPv4Address(_ADDED + made)))
        made += 1
    return made


def _measure(path: Path, certificates: int, ranges: int, seconds: float) -> None:
    before, began = resident_kib([os.getpid()]), time.monotonic()
    with opened(path) as store:
        registry = Registry(store, lambda: NOON)
        gc.collect()
        gc.freeze()
        took, memory = time.monotonic() - began, (resident_kib([os.getpid()]) - before) / 1024
        print(f"{registry.snapshot!r}: ready in {took:.1f} s, {memory:.0f} MiB")
        _tell("decisions", _decide_for(registry, certificates, ranges, seconds))
        over, made = threading.Event(), list[int]()
        changing = threading.Thread(target=lambda: made.append(_change(registry, certificates, over)))
        changing.start()
        decided = _decide_for(registry, certificates, ranges, seconds)
        over.set()
        changing.join()
        _tell(f"decisions while {made[0] / seconds:.0f} changes a second came in", decided)


def _tell(what: str, took: list[float]) -> None:
    parts = ", ".join(f"p{share * 100:g} {percentile(took, share):.1f}" for share in (0.5, 0.99, 0.999))
    print(f"{len(took)} {what}: {parts} us")


@click.command()
@click.option("--certificates", default=100_000, show_default=True)
@click.option("--ranges", default=1_000_000, show_default=True)
@click.option("--seconds", default=10.0, show_default=True, help="Of decisions, with and without changes.")
def main(*, certificates: int, ranges: int, seconds: float) -> None:
    """Measure a large book."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "book.sqlite"
        with opened(path):
            pass
        _fill(create_engine(f"sqlite:///{path}"), certificates, ranges)
        _measure(path, certificates, ranges, seconds)


if __name__ == "__main__":
    main()
