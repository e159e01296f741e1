"""The option by which every verb finds its settings."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from relay.compose.relay.settings import SettingsFile
from relay.settings.relay import RelaySettings

Verb = TypeVar("Verb", bound=Callable[..., object])


def settings_file(usual: str, *, variable: str) -> Callable[[Verb], Verb]:
    """Return the option `--config`; `variable` is an example of those that overlay the file."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        default=Path(usual),
        show_default=True,
        help=f"The settings file; environment variables such as {variable} go before it.",
    )


config = settings_file("relay.toml", variable="RELAY_LISTEN__PORT")


def relay_settings(path: Path) -> RelaySettings:
    """Return the relay's settings. Raises SettingsFault."""
    return SettingsFile(path).read()
