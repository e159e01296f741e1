"""The relay's settings file, which is read again when it changes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

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
    """Return the keys whose values differ, in order: `tenants.linde.card.paused`; `tenants.eik` for a new one."""
    return sorted(_changed(before, now, ()))


def _changed(before: object, now: object, at: tuple[str, ...]) -> Iterator[str]:
    if before == now:
        return
    was, there = _branches(before), _branches(now)
    if was is None or there is None:
        yield ".".join(at)
        return
    for name in was.keys() | there.keys():
        yield from _changed(was.get(name), there.get(name), (*at, name))


def _branches(value: object) -> Mapping[str, object] | None:
    """Return what has keys of its own below it; None for a value."""
    if isinstance(value, BaseModel):
        return dict(value)
    return value if isinstance(value, Mapping) else None
