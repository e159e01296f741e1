"""Opening a book: new, old, foreign, out of reach."""

import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import URL, create_engine

from relay.registry.domain.errors import BookUnavailable
from relay.registry.domain.events import OrganisationAdded
from relay.registry.domain.mandates import Service
from relay.registry.domain.parties import Role
from relay.registry.storage.sqlite import opened
from relay.registry.storage.tables import METADATA
from tests.kit.registry import NOON, organisation


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "book.sqlite"


# A comma that is not within parentheses, or the end of a line.
_BETWEEN = re.compile(r"\n|,\s+(?![^()]*\))")


def schema(path: Path) -> dict[str, set[str]]:
    """Return the definitions in a file by table or index; the order of a table's constraints means nothing."""
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"
    with closing(sqlite3.connect(path)) as connection:
        return {
            # A table that was made anew by a migration has its name in quotes, an added column stands on the last line.
            name: {part.strip().rstrip(",").replace('"', "") for part in _BETWEEN.split(sql)}
            for name, sql in connection.execute(query)
        }


def refusal(path: Path) -> str:
    with pytest.raises(BookUnavailable) as caught, opened(path):
        pass
    return caught.value.detail


def test_the_migrations_lead_to_exactly_the_tables_that_the_store_uses(path: Path, tmp_path: Path) -> None:
    with opened(path):
        pass
    engine = create_engine(URL.create("sqlite", database=str(tmp_path / "tables.sqlite")))
    METADATA.create_all(engine)
    engine.dispose()
    assert schema(path) == schema(tmp_path / "tables.sqlite")


def test_a_filled_book_of_every_earlier_version_is_brought_up_to_date(path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", "relay.registry.storage:migrations")
    engine = create_engine(URL.create("sqlite", database=str(path)))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with closing(sqlite3.connect(path)) as earlier:
        earlier.executescript("""
            INSERT INTO organisations VALUES ('praktijk-voorbeeld', 'Voorbeeld', '99000001');
            INSERT INTO contact_persons VALUES ('10009999000001', 'Anna', 'praktijk-voorbeeld');
            INSERT INTO certificates VALUES ('0a', '20009999000001', 'praktijk-voorbeeld', 'system', 'test',
                '2026-01-01 00:00:00.000000', '2028-01-01 00:00:00.000000', NULL);
            UPDATE certificates SET fingerprint = printf('%064d', 7);
            UPDATE book SET version = 7;
        """)
    with opened(path) as store:
        [known] = store.organisations()
        assert (known.name, known.agb_code, known.role) == ("Voorbeeld", "99000001", Role.CARE_PROVIDER)
        assert store.contact_persons(known.id)
        book = store.load()
        [certificate] = book.certificates
        assert (book.version, certificate.collected_at) == (7, certificate.not_before)
        assert {(each.user_number, each.service) for each in book.authorisations} == {
            (certificate.user_number, service) for service in Service
        }


def test_a_book_that_refers_to_what_is_not_there_is_told(path: Path) -> None:
    with opened(path):
        pass
    with closing(sqlite3.connect(path)) as writer, writer:
        writer.execute("INSERT INTO contact_persons VALUES ('10009999000001', 'Anna', 'praktijk-weg', NULL, 'nl')")
    assert "refers to what it does not have" in refusal(path)


def test_a_book_is_readable_to_its_owner_alone(path: Path) -> None:
    with opened(path) as store:
        store.record(OrganisationAdded(organisation=organisation()), at=NOON)
        modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {0o600}


def test_the_path_of_a_book_may_hold_any_character(tmp_path: Path) -> None:
    with opened(tmp_path / "a book?mode=ro#1%41.sqlite"):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["a book?mode=ro#1%41.sqlite"]


def test_readers_do_not_wait_for_a_writer(path: Path) -> None:
    with opened(path) as store, closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        assert store.load().version == 0


def test_the_repr_names_the_file(path: Path) -> None:
    with opened(path) as store:
        assert repr(store) == f"<SqlStore sqlite:///{path}>"


def test_a_folder_that_does_not_exist_is_told(path: Path) -> None:
    assert "No such file or directory): name a file in a folder that exists" in refusal(path / "book.sqlite")


def test_a_file_that_is_no_database_is_told_and_stays_as_it_is(path: Path) -> None:
    path.write_text("the shopping list, which is longer than a header of SQLite and is no database at all " * 3)
    before = path.read_bytes()
    assert "file is not a database" in refusal(path)
    assert path.read_bytes() == before


def test_another_programs_database_is_told_and_stays_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE organisations (name TEXT)")
    before = schema(path)
    assert "table organisations already exists" in refusal(path)
    assert schema(path) == before


def test_a_book_of_a_newer_relay_is_told(path: Path) -> None:
    with opened(path):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer relay" in refusal(path)


def test_a_book_that_is_gone_is_told_without_the_statement_and_its_values(path: Path) -> None:
    with opened(path) as store:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DROP TABLE organisations")
        with pytest.raises(BookUnavailable) as caught:
            store.record(OrganisationAdded(organisation=organisation()), at=NOON)
    assert caught.value.detail == "the registry's book cannot be used: no such table: organisations"
