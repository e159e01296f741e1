"""The relay's settings file, which is read again when it changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from relay.settings.load import load
from relay.settings.relay import RelaySettings
from relay.x509.watch import Stamp, stamp_of

PREFIX = "RELAY_"


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """Where settings come from: a file, overlaid by the environment."""

    path: Path

    def read(self) -> RelaySettings:
        """Return what it holds now. Raises SettingsFault."""
        return load(RelaySettings, self.path, prefix=PREFIX)

    def stamp(self) -> Stamp:
        """Return a value that differs whenever the file may have changed."""
        return stamp_of(self.path)


def changed(before: RelaySettings, now: RelaySettings) -> Sequence[str]:
    """Return the names of the branches that differ, in order."""
    return sorted(name for name in RelaySettings.model_fields if getattr(before, name) != getattr(now, name))
