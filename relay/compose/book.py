"""Where the registry's book is: a file, or a database that several share."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from yarl import URL

from relay.errors import SettingsFault
from relay.registry.domain.errors import BookUnavailable
from relay.registry.ports import News, Store
from relay.registry.storage import postgres, sqlite
from relay.settings.reference import Database, ReferenceSettings
from relay.settings.secret import SecretFault, read_secret

_PORT: Final = 5432


@contextmanager
def opened_book(settings: ReferenceSettings) -> Iterator[tuple[Store, News]]:
    """Open the book that the settings name, with who says that others wrote into it. Raises SettingsFault."""
    with ExitStack() as stack:
        news: News = sqlite.News()
        try:
            if settings.database is not None:
                database = _database(settings.database)
                store, news = stack.enter_context(postgres.opened(database)), postgres.News(database)
            else:
                store = stack.enter_context(sqlite.opened(settings.book or Path()))
        except BookUnavailable as fault:
            raise SettingsFault([("book" if settings.database is None else "database.url", fault.detail)]) from None
        yield store, news


def _database(settings: Database) -> postgres.Database:
    url = URL(settings.url)
    password = settings.password.get_secret_value() if settings.password else None
    try:
        if settings.password_file is not None:
            password = read_secret(settings.password_file)
    except SecretFault as fault:
        raise SettingsFault([("database.password_file", fault.detail)]) from None
    host = url.host or ""
    return postgres.Database(
        host=host,
        port=url.port or _PORT,
        name=url.path.removeprefix("/"),
        user=url.user or "",
        password=password,
        trust=None if settings.trust is None else str(settings.trust),
        local=_on_this_machine(host),
    )


def _on_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
