"""The book in one SQLite file: opened, made private, brought up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from relay.registry.domain.errors import BookUnavailable
from relay.registry.storage.store import SqlStore

# WAL: the gate's reads never wait for a contact person's write. FULL: an answered change survives a power failure.
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "busy_timeout = 5000")


@contextmanager
def opened(path: Path) -> Iterator[SqlStore]:
    """Open the book at `path`, made new when there is none, its schema brought up to date; closed at the end.

    Raises `BookUnavailable` with the remedy when the file cannot be had or is not a book of ours.
    """
    engine = create_engine(URL.create("sqlite", database=str(path)))
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    try:
        _make_private(path)
        migrate(engine, path)
        yield SqlStore(engine)
    finally:
        engine.dispose()


def migrate(engine: Engine, path: Path) -> None:
    """Bring the schema up to date in one transaction: it is the newest afterwards, or as it was."""
    config = Config()
    config.set_main_option("script_location", "relay.registry.storage:migrations")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise BookUnavailable(f"{path} was written by a newer relay, or is not a registry's book: {error}") from error
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or type(error).__name__
        fault = f"{path} cannot be opened as a registry's book ({cause})"
        raise BookUnavailable(f"{fault}: name another file, and a new book is made there") from error


def _make_private(path: Path) -> None:
    """Make the file when there is none, readable to its owner alone: it holds names of people."""
    try:
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        fault = f"{path} cannot be written ({error.strerror or error})"
        raise BookUnavailable(f"{fault}: name a file in a folder that exists and is ours to write in") from error


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # Python's sqlite3 begins before the first INSERT only: neither a migration nor two reads would be one transaction.
    connection.exec_driver_sql("BEGIN")
