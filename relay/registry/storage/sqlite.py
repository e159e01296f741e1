"""The book in one SQLite file: opened, made private, brought up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from relay.registry.domain.errors import BookUnavailable
from relay.registry.storage.store import SqlStore, cause_of
from relay.registry.storage.upgrade import upgrade

# WAL: the gate's reads never wait for a contact person's write. FULL: an answered change survives a power failure.
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000")
_KEYS_COUNT = "foreign_keys = ON"


class News:
    """Another process may write into the same file: nobody tells, so it is looked at now and then."""

    def __init__(self) -> None:
        self._over: Final = Event()

    def __repr__(self) -> str:
        return "<News of a file>"

    def wait(self, seconds: float) -> bool:
        """Return after so many seconds, or when it is closed: False, for nobody tells."""
        self._over.wait(seconds)
        return False

    def close(self) -> None:
        """Wait no longer."""
        self._over.set()


@contextmanager
def opened(path: Path) -> Iterator[SqlStore]:
    """Open the book at `path`, made new when there is none, its schema brought up to date; closed at the end.

    Raises `BookUnavailable` with the remedy when the file cannot be had or is not a book of ours.
    """
    _make_private(path)
    migrate(path)
    engine = _engine(path, *_PRAGMAS, _KEYS_COUNT)
    try:
        yield SqlStore(engine)
    finally:
        engine.dispose()


def migrate(path: Path) -> None:
    """Bring the schema up to date in one transaction: it is the newest afterwards, or as it was.

    SQLite changes a table by making another in its place. What refers to it must not notice meanwhile, so foreign keys
    are looked at when all is done.
    """
    engine = _engine(path, *_PRAGMAS)
    try:
        _upgrade(engine, path)
    finally:
        engine.dispose()


def _upgrade(engine: Engine, path: Path) -> None:
    try:
        with engine.begin() as connection:
            upgrade(connection, str(path))
            if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                raise BookUnavailable(
                    f"{path} refers to what it does not have: put a copy of an earlier day in its place"
                )
    except SQLAlchemyError as error:
        fault = f"{path} cannot be opened as a registry's book ({cause_of(error)})"
        raise BookUnavailable(f"{fault}: name another file, and a new book is made there") from error


def _make_private(path: Path) -> None:
    """Make the file when there is none, readable to its owner alone: it holds names of people."""
    try:
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        fault = f"{path} cannot be written ({error.strerror or error})"
        raise BookUnavailable(f"{fault}: name a file in a folder that exists and is ours to write in") from error


def _engine(path: Path, *pragmas: str) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)))

    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    # Python's sqlite3 begins before the first INSERT only: neither a migration nor two reads would be one transaction.
    connection.exec_driver_sql("BEGIN")
