"""The keys that clients sign with: read from the settings and the files that these name."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from relay.auth.signature_keys import HMAC, KeyUnusable, SharedSecret, SignatureKey, read_public_key
from relay.settings.client import Client
from relay.settings.client import SignatureKey as Settings

# Octets of a file with a key. More is another file.
_LONGEST: Final = 16 * 1024


class KeyFiles:
    """What stands in the files of keys, as it was read once; elsewhere than where it was read, nothing else is."""

    def __init__(self, octets: Mapping[Path, bytes] | None = None) -> None:
        """Take what was read in another process, or read each file when it is asked for."""
        self._reads = octets is None
        self.octets: dict[Path, bytes] = dict(octets or {})

    def __repr__(self) -> str:
        return f"<KeyFiles {', '.join(map(str, self.octets))}>"

    def read(self, path: Path) -> bytes:
        """Return what is in a file. Raises KeyUnusable."""
        if self._reads and path not in self.octets:
            self.octets[path] = _read(path)
        return self.octets[path]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            octets = file.read(_LONGEST + 1)
    except OSError as error:
        raise KeyUnusable(f"cannot be read: {error.strerror or error}") from None
    if len(octets) > _LONGEST:
        raise KeyUnusable("is no file with a key: it is too long")
    return octets


def key_paths(clients: Iterable[Client]) -> Iterator[Path]:
    """Yield the files that hold keys of these clients."""
    for client in clients:
        for key in client.signature_keys:
            if path := key.secret_file or key.public_key_file:
                yield path


def signature_keys(
    clients: Mapping[str, Client], files: KeyFiles, faults: list[tuple[str, str]]
) -> Iterator[tuple[str, str, SignatureKey]]:
    """Yield keyid, client and key; and add to `faults` each that cannot be used."""
    taken: dict[str, str] = {}
    for name, client in clients.items():
        for number, each in enumerate(client.signature_keys):
            place = f"clients.{name}.signature_keys.{number}"
            if other := taken.get(each.id):
                faults.append((f"{place}.id", f"{each.id} is also a key of client {other!r}; give each its own"))
            taken[each.id] = name
            try:
                yield each.id, name, _key(each, files)
            except KeyUnusable as fault:
                faults.append((f"{place}.{_place(each)}", _told(each, fault)))


def _key(settings: Settings, files: KeyFiles) -> SignatureKey:
    path = settings.secret_file or settings.public_key_file
    octets = (settings.public_key or "").encode() if path is None else files.read(path)
    return SharedSecret.read(octets) if settings.algorithm == HMAC else read_public_key(octets, settings.algorithm)


def _place(settings: Settings) -> str:
    if settings.public_key is not None:
        return "public_key"
    return "secret_file" if settings.secret_file else "public_key_file"


def _told(settings: Settings, fault: KeyUnusable) -> str:
    path = settings.secret_file or settings.public_key_file
    return fault.detail if path is None else f"{path} {fault.detail}"
