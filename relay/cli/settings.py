"""The option by which every verb of the relay finds its settings."""

from pathlib import Path

import click

from relay.settings.load import load
from relay.settings.relay import RelaySettings

config = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("relay.toml"),
    show_default=True,
    help="The settings file; environment variables such as RELAY_LISTEN__PORT go before it.",
)


def relay_settings(path: Path) -> RelaySettings:
    """Return the relay's settings. Raises SettingsFault."""
    return load(RelaySettings, path, prefix="RELAY_")
