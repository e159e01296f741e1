"""What a large book costs the gate: `python -m bench.registry` prints it.

By default 100,000 certificates with a million ranges, in SQLite or in an empty PostgreSQL database (`--database
postgresql://user@localhost:5432/name`, its password in PGPASSWORD): how long it takes to be ready, how much memory the
book takes, how long decisions take while changes come in, and how soon another gate knows of one.
"""

import gc
import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from sqlalchemy import Engine, create_engine, insert
from yarl import URL

from bench.accounting import resident_kib
from bench.figures import percentile
from relay.observe.log import make_logger
from relay.registry.domain.identifiers import OrganisationId, UserNumber
from relay.registry.domain.parties import ContactPerson
from relay.registry.domain.rules import Allow, decide
from relay.registry.following import Following
from relay.registry.ports import News, Store
from relay.registry.service import Registry
from relay.registry.storage import postgres, sqlite, tables

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)
_PART = 10_000
_FOLLOWED = 200
# Decisions between two moments at which other threads can have their turn.
_CALLS = 10
_CHANGES_A_SECOND = 50
# Public ones, each range apart from the next: those of a certificate lie anywhere among them.
_FIRST = int(IPv4Address("24.0.0.0"))
_APART = 16
# Those that are registered while decisions are made.
_ADDED = int(IPv4Address("5.0.0.0"))


@dataclass(frozen=True, kw_only=True)
class Book:
    """Where a book is: how it is opened, who says that others wrote into it, and its address for who fills it.

    `told`: others are told at once, and not found out now and then.
    """

    told: bool
    opened: Callable[[], AbstractContextManager[Store]]
    news: Callable[[], News]
    url: str


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
        if len(took) % _CALLS == 0:
            time.sleep(0)  # a gate reads and writes between its calls, and lets other threads go on meanwhile
    return took


def _change(registry: Registry, certificates: int, over: threading.Event) -> int:
    """Register addresses, so many a second; return how many."""
    made, chosen, began = 0, random.Random(2), time.monotonic()
    while not over.wait(max(0.0, began + made / _CHANGES_A_SECOND - time.monotonic())):
        each = chosen.randrange(certificates)
        registry.register(_person(each), _number(each), str(IPv4Address(_ADDED + made)))
        made += 1
    return made


def _person(each: int) -> ContactPerson:
    return ContactPerson(
        user_number=UserNumber(_number(0)), name="Anna", organisation=OrganisationId(f"praktijk-{each}")
    )


def _measure(book: Book, certificates: int, ranges: int, seconds: float) -> None:
    before, began = resident_kib([os.getpid()]), time.monotonic()
    with book.opened() as store:
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
        if not book.told:
            return
        with book.opened() as theirs:
            other = Registry(theirs, lambda: NOON)
            with Following(other.follow, book.news(), make_logger(BytesIO())):
                _tell("changes, until another gate knows of each", _followed(registry, other))


def _followed(registry: Registry, other: Registry) -> list[float]:
    """Return how many microseconds after the answer each of some changes is in the other's book."""
    took, person = list[float](), _person(0)
    for each in range(_FOLLOWED):
        registry.register(person, _number(0), str(IPv4Address(_ADDED + 0x100000 + each)))
        began = time.perf_counter()
        while other.snapshot.version < registry.snapshot.version:
            time.sleep(0.0005)
        took.append((time.perf_counter() - began) * 1e6)
    return took


def _tell(what: str, took: list[float]) -> None:
    parts = ", ".join(f"p{share * 100:g} {percentile(took, share):.1f}" for share in (0.5, 0.99, 0.999))
    print(f"{len(took)} {what}: {parts} us")


@click.command()
@click.option("--certificates", default=100_000, show_default=True)
@click.option("--ranges", default=1_000_000, show_default=True)
@click.option("--seconds", default=10.0, show_default=True, help="Of decisions, with and without changes.")
@click.option("--database", metavar="URL", help="An empty PostgreSQL database on this machine, in place of a file.")
def main(*, certificates: int, ranges: int, seconds: float, database: str | None) -> None:
    """Measure a large book."""
    with TemporaryDirectory() as folder:
        book = _file(Path(folder) / "book.sqlite") if database is None else _database(database)
        with book.opened():
            pass
        _fill(create_engine(book.url), certificates, ranges)
        _measure(book, certificates, ranges, seconds)


def _file(path: Path) -> Book:
    return Book(told=False, opened=lambda: sqlite.opened(path), news=sqlite.News, url=f"sqlite:///{path}")


def _database(text: str) -> Book:
    url = URL(text)
    there = postgres.Database(
        host=url.host or "",
        port=url.port or 5432,
        name=url.path.removeprefix("/"),
        user=url.user or "",
        password=os.environ.get("PGPASSWORD"),
        local=True,
    )
    plain = str(url.with_scheme("postgresql+psycopg").with_password(there.password))
    return Book(told=True, opened=lambda: postgres.opened(there), news=lambda: postgres.News(there), url=plain)


if __name__ == "__main__":
    main()
