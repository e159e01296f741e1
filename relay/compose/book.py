"""Where the registry's book is: a file, or a database that several share."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from yarl import URL

from relay.errors import SettingsFault
from relay.registry.domain.errors import BookUnavailable
from relay.registry.ports import News, Store
from relay.registry.storage import postgres, sqlite
from relay.settings.reference import Database, ReferenceSettings
from relay.settings.secret import SecretFault

_PORT: Final = 5432


@contextmanager
def opened_book(settings: ReferenceSettings) -> Iterator[tuple[Store, News]]:
    """Open the book that the settings name, with who says that others wrote into it.

    Raises SettingsFault when it cannot be had, and for every BookUnavailable that leaves the block.
    """
    key = "book" if settings.database is None else "database.url"
    try:
        match settings.database, settings.book:
            case Database() as told, _:
                database = _database(told)
                with postgres.opened(database) as store:
                    yield store, postgres.News(database)
            case _, Path() as path:
                with sqlite.opened(path) as store:
                    yield store, sqlite.News()
    except BookUnavailable as fault:
        raise SettingsFault([(key, fault.detail)]) from None


def _database(told: Database) -> postgres.Database:
    url = URL(told.url)
    host = url.host or ""
    try:
        password = told.secret()
    except SecretFault as fault:
        raise SettingsFault([("database.password_file", fault.detail)]) from None
    return postgres.Database(
        host=host,
        port=url.port or _PORT,
        name=url.path.removeprefix("/"),
        user=url.user or "",
        password=password,
        trust=None if told.trust is None else str(told.trust),
        local=_on_this_machine(host),
    )


def _on_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
