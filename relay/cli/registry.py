"""`relay registry`: the whole book as one file, to keep, to look at, or to move to another database."""

from datetime import UTC, datetime
from pathlib import Path

import click

from relay.cli.settings import settings_file
from relay.compose.book import opened_book
from relay.errors import SettingsFault
from relay.keeping import write_whole
from relay.registry.storage.portable import PortableFault, exported, read
from relay.settings.load import load
from relay.settings.reference import ReferenceSettings

_config = settings_file("reference.toml", variable="REFERENCE_BOOK")
_file = click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))


@click.group()
def registry() -> None:
    """Take the registry's book out into one JSON file, or into a new book. It holds names of people."""


@registry.command("export", short_help="Write the whole book into FILE.")
@_file
@_config
def export(file: Path, config: Path) -> None:
    """Write the whole book into FILE, for its owner alone; also while `relay reference` runs on it."""
    with opened_book(load(ReferenceSettings, config, prefix="REFERENCE_")) as (store, _):
        octets = exported(store)
    try:
        write_whole(file, octets)
    except OSError as error:
        raise SettingsFault([(str(file), f"cannot be written: {error.strerror or error}")]) from None
    click.echo(f"The book is in {file}.")


@registry.command("import", short_help="Make a new book what FILE says.")
@_file
@_config
def import_(file: Path, config: Path) -> None:
    """Make a new book what FILE says, all of it or nothing. A book in which something has happened stays as it is."""
    try:
        events = read(file.read_bytes())
    except OSError as error:
        raise SettingsFault([(str(file), f"cannot be read: {error.strerror or error}")]) from None
    except PortableFault as fault:
        raise SettingsFault([(f"{file}: {place}", why) for place, why in fault.faults]) from None
    with opened_book(load(ReferenceSettings, config, prefix="REFERENCE_")) as (store, _):
        version = store.begin(events, at=datetime.now(UTC))
    click.echo(f"The book is at version {version}.")
