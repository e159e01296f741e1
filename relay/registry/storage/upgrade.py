"""The migrations, on whichever database."""

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from relay.registry.domain.errors import BookUnavailable


def upgrade(connection: Connection, named: str) -> None:
    """Bring the schema up to date in the connection's transaction. Raises BookUnavailable with the remedy."""
    config = Config()
    config.set_main_option("script_location", "relay.registry.storage:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise BookUnavailable(f"{named} was written by a newer relay, or is not a registry's book: {error}") from error
