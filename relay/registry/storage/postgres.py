"""The book in a PostgreSQL database, which several gates and registries can share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from relay.registry.domain.errors import BookUnavailable
from relay.registry.storage.store import SqlStore, cause_of
from relay.registry.storage.upgrade import upgrade

_CHANNEL: Final = "relay_book"
# Of the lock under which one of several that start at once brings the schema up to date: any number, always the same.
_UPGRADING: Final = 7_309_453
# Seconds. A database that does not answer is away, and known to be before a caller gives up.
_CONNECT: Final = 5
_STATEMENT: Final = "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=30s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where a book is: host, port, the database's name and whose it is.

    `trust` is a PEM file of the authorities of its certificate, None for those that the web trusts. A server on the
    same machine, `local`, needs no certificate, and has to show one where there is `trust`.
    """

    host: str
    port: int
    name: str
    user: str
    password: str | None = field(default=None, repr=False)
    trust: str | None = None
    local: bool = False

    def __str__(self) -> str:
        return f"postgresql://{self.user}@{self.host}:{self.port}/{self.name}"

    def options(self) -> dict[str, str]:
        """Return what the driver is told beside the address."""
        tls = {"sslmode": "verify-full", "sslrootcert": self.trust or "system"}
        if self.local and self.trust is None:
            tls = {"sslmode": "prefer"}
        alive = {
            "keepalives_idle": "10",
            "keepalives_interval": "5",
            "keepalives_count": "3",
            "tcp_user_timeout": "15000",
        }
        return tls | alive | {"connect_timeout": str(_CONNECT), "application_name": "relay registry"}


@contextmanager
def opened(database: Database) -> Iterator[SqlStore]:
    """Open the book in a database, its schema brought up to date; closed at the end.

    Raises `BookUnavailable` with the remedy when the database cannot be had or has no book of ours.
    """
    engine = _engine(database)
    try:
        _upgrade(engine, database)
        # One moment for all that is read of a book; a write needs no more than the lock that it takes first.
        whole = engine.execution_options(isolation_level="REPEATABLE READ")
        yield SqlStore(engine, whole=whole, announce=_announce)
    finally:
        engine.dispose()


class News:
    """Hears, on a connection of its own, that somebody has written."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database
        self._connection: psycopg.Connection | None = None

    def __repr__(self) -> str:
        return f"<News of {self._database}>"

    def wait(self, seconds: float) -> bool:
        """Return whether somebody has written, at once when it is so, else after so many seconds.

        Raises BookUnavailable.
        """
        try:
            if self._connection is None:
                self._connection = self._listening()
                return True  # before it listened, anybody may have
            return any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))
        except psycopg.Error as error:
            self.close()
            raise BookUnavailable(
                f"the registry's book cannot be listened to: {' '.join(str(error).split())}"
            ) from error

    def close(self) -> None:
        """Hear nothing any more; the next `wait` begins anew."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _listening(self) -> psycopg.Connection:
        conninfo = make_conninfo(
            host=self._database.host,
            port=self._database.port,
            dbname=self._database.name,
            user=self._database.user,
            password=self._database.password,
            **self._database.options(),
        )
        connection = psycopg.connect(conninfo, autocommit=True)
        connection.execute(f"LISTEN {_CHANNEL}")
        return connection


def _engine(database: Database) -> Engine:
    url = URL.create(
        "postgresql+psycopg",
        username=database.user,
        password=database.password,
        host=database.host,
        port=database.port,
        database=database.name,
        query=database.options() | {"options": _STATEMENT},
    )
    # A connection that broke while nobody used it is replaced, and not found out by somebody's change.
    return create_engine(url, pool_pre_ping=True, pool_size=4, max_overflow=8)


def _upgrade(engine: Engine, database: Database) -> None:
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADING})
            upgrade(connection, str(database))
    except SQLAlchemyError as error:
        fault = f"{database} cannot be opened as a registry's book ({cause_of(error)})"
        raise BookUnavailable(f"{fault}: see that it is there, and that this user may make tables in it") from error


def _announce(connection: Connection, version: int) -> None:
    connection.execute(text("SELECT pg_notify(:channel, :version)"), {"channel": _CHANNEL, "version": str(version)})
