"""A book in PostgreSQL: followed at once, away and back, killed in the middle. The suite for stores runs on it too."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from relay.observe.log import make_logger
from relay.registry.domain.errors import BookUnavailable
from relay.registry.domain.rules import Allow, Because, decide
from relay.registry.following import Following
from relay.registry.keeper import snapshot_of
from relay.registry.service import Registry
from relay.registry.storage import postgres, sqlite
from relay.registry.storage.postgres import Database, News
from relay.registry.storage.tables import METADATA
from tests.kit import authority as kit
from tests.kit import postgres as cluster_kit
from tests.kit.postgres import PASSWORD, Postgres
from tests.kit.registry import NOON, SYSTEM, contact_person, organisation, print_of, system_certificate

pytestmark = pytest.mark.slow

ANNA = contact_person()
ADDRESS = "198.100.20.7"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with cluster_kit.postgres(tmp_path_factory.mktemp("postgres")) as here:
        yield here


def filled(service: Registry) -> Registry:
    service.add_organisation(organisation())
    service.add_contact_person(ANNA)
    service.add_certificate(system_certificate())
    return service


def passes(service: Registry, address: str = ADDRESS) -> bool:
    decision = decide(service.snapshot, fingerprint=print_of(1), address=IPv4Address(address), at=NOON)
    return decision == Allow(Because.REGISTERED)


def until(true: object, seconds: float = 20) -> None:
    give_up = time.monotonic() + seconds
    while not true():  # type: ignore[operator]  # a function
        assert time.monotonic() < give_up
        time.sleep(0.005)


def test_the_migrations_lead_to_exactly_the_tables_that_the_store_uses(cluster: Postgres) -> None:
    database = cluster.database()
    with postgres.opened(database):
        pass
    url = f"postgresql+psycopg://{database.user}:{PASSWORD}@{database.host}:{database.port}/{database.name}"
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_a_change_reaches_another_gate_within_a_tenth_of_a_second(cluster: Postgres) -> None:
    database, took = cluster.database(), list[float]()
    with postgres.opened(database) as here, postgres.opened(database) as there:
        writer = filled(Registry(here, lambda: NOON))
        reader = Registry(there, lambda: NOON)
        with Following(reader.follow, News(database), make_logger(BytesIO())):
            until(lambda: reader.snapshot == writer.snapshot)
            for last in range(50):
                writer.register(ANNA, SYSTEM, f"198.100.20.{last}")
                began = time.monotonic()
                until(lambda last=last: passes(reader, f"198.100.20.{last}"))
                took.append(time.monotonic() - began)
        assert reader.snapshot == writer.snapshot
    assert sorted(took)[-5] < 0.1  # the machine may have had something else to do once or twice


def test_nobodys_word_is_needed_for_what_is_looked_for_now_and_then(tmp_path: Path) -> None:
    with sqlite.opened(tmp_path / "book.sqlite") as here, sqlite.opened(tmp_path / "book.sqlite") as there:
        writer = filled(Registry(here, lambda: NOON))
        reader = Registry(there, lambda: NOON)
        with Following(reader.follow, sqlite.News(), make_logger(BytesIO())):
            writer.register(ANNA, SYSTEM, ADDRESS)
            until(lambda: passes(reader))


def test_while_the_database_is_away_the_gate_decides_on_what_it_knows(cluster: Postgres) -> None:
    database, log = cluster.database(), BytesIO()
    with postgres.opened(database) as store:
        service = filled(Registry(store, lambda: NOON))
        service.register(ANNA, SYSTEM, ADDRESS)
        with Following(service.follow, News(database), make_logger(log)) as following:
            cluster.stop()
            with pytest.raises(BookUnavailable) as caught:
                service.register(ANNA, SYSTEM, "198.100.20.8")
            assert PASSWORD not in caught.value.detail
            until(lambda: following.age() > 2.5)
            assert passes(service)
            assert b"book_away" in log.getvalue()
            cluster.start()
            until(lambda: following.age() < 2)
            assert b"book_back" in log.getvalue()
            assert service.register(ANNA, SYSTEM, "198.100.20.8").fresh
        assert Registry(store, lambda: NOON).snapshot == service.snapshot
        assert [str(each.range) for each in service.registrations(ANNA, SYSTEM)] == [ADDRESS, "198.100.20.8"]


@pytest.mark.parametrize("change", [{"password": "fout"}, {"name": "nergens"}, {"port": 1}])
def test_a_database_that_cannot_be_had_is_told_without_its_password(
    cluster: Postgres, change: dict[str, object]
) -> None:
    database: Database = replace(cluster.database(), **change)  # type: ignore[arg-type]  # as the cases have it
    with (
        pytest.raises(BookUnavailable, match="cannot be opened as a registry's book") as caught,
        postgres.opened(database),
    ):
        pass
    assert PASSWORD not in caught.value.detail + repr(database) + str(database)
    assert "fout" not in caught.value.detail
    assert "\n" not in caught.value.detail


def test_a_server_that_proves_who_it_is_is_taken_and_any_other_is_not(cluster: Postgres, tmp_path: Path) -> None:
    trust, foreign = tmp_path / "trust.pem", tmp_path / "foreign.pem"
    trust.write_bytes(kit.authority().trust_pem())
    foreign.write_bytes(kit.foreign_authority().trust_pem())
    named = replace(cluster.database(), host="localhost", trust=str(trust))
    with postgres.opened(named) as store:
        assert store.load().version == 0
    news = News(named)
    assert news.wait(0.01)
    news.close()
    for other in (replace(named, trust=str(foreign)), replace(named, host="127.0.0.2", local=False)):
        with pytest.raises(BookUnavailable, match="certificate"), postgres.opened(other):
            pass


# Registers address after address, and says each that was acknowledged.
_REGISTERING = """
import sys
from tests.kit.registry import NOON, SYSTEM, contact_person
from tests.registry.storage.test_postgres import opened_again
from relay.registry.service import Registry

with opened_again(sys.argv[1:]) as store:
    service = Registry(store, lambda: NOON)
    number = len(service.registrations(contact_person(), SYSTEM))
    while True:
        service.register(contact_person(), SYSTEM, f"198.100.{number // 250}.{number % 250}")
        print(number, flush=True)
        number += 1
"""


def opened_again(told: list[str]):  # type: ignore[no-untyped-def]  # a context manager of a store
    """Open a book as the process that is killed does."""
    if told[0] == "sqlite":
        return sqlite.opened(Path(told[1]))
    return postgres.opened(
        Database(host="127.0.0.1", port=int(told[1]), name=told[2], user=told[3], password=PASSWORD, local=True)
    )


@pytest.mark.parametrize("where", ["sqlite", "postgres"])
def test_of_a_process_that_is_killed_no_acknowledged_change_is_lost_and_none_half_done(
    cluster: Postgres, tmp_path: Path, where: str
) -> None:
    told = ["sqlite", str(tmp_path / "book.sqlite")]
    if where == "postgres":
        database = cluster.database()
        told = ["postgres", str(database.port), database.name, database.user]
    with opened_again(told) as store:
        begun = filled(Registry(store, lambda: NOON)).snapshot
    moments, acknowledged = random.Random(1), 0
    for _ in range(50):
        process = subprocess.Popen(
            [sys.executable, "-c", _REGISTERING, *told], stdout=subprocess.PIPE, start_new_session=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        acknowledged += 1
        time.sleep(moments.uniform(0, 0.03))
        os.killpg(process.pid, signal.SIGKILL)
        acknowledged += len(process.communicate()[0].split())
        with opened_again(told) as store:
            book, followed = store.load(), begun
            for version, event in store.since(begun.version):
                followed = followed.with_change(event, version=version)
            assert followed == snapshot_of(book)
            kept = len(store.registrations(SYSTEM))
        assert acknowledged <= kept <= acknowledged + 1
        acknowledged = kept
    assert acknowledged >= 50
