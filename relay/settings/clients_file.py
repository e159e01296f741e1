"""Change the clients in a settings file in place: comments and layout stay, and it is written whole or not at all."""

import copy
import fcntl
import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, InlineTable, Table

from relay.keeping import write_whole

# What a Kubernetes volume swaps beneath its links: nothing that is written there stays.
_SWAPPED: Final = "..data"

# A tree of TOML, as `tomllib` gives it and as `tomlkit` does.
Tree = dict[str, Any]


class ClientsFault(Exception):
    """Why the file cannot be read, changed or written; nothing has changed."""


class ClientsFile:
    """A settings file whose clients are changed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"<ClientsFile {self.path}>"

    def read(self) -> Tree:
        """Return what it holds. Raises ClientsFault."""
        return self._parsed(self._text())

    def names(self, branch: str) -> tuple[str, ...]:
        """Return the names that stand under `clients` or `tenants`. Raises ClientsFault."""
        return tuple(_table(self.path, self.read(), branch))

    def client(self, name: str) -> Tree:
        """Return what it says of a client. Raises ClientsFault."""
        clients = _table(self.path, self.read(), "clients")
        if name not in clients:
            raise ClientsFault(f"{self.path} has no client {name} (there: {', '.join(clients) or 'none'})")
        client = clients[name]
        if not isinstance(client, dict) or not _are_keys(client.get("api_keys", [])):
            raise ClientsFault(f"{self.path}: client {name} is not as it should be; `relay check` tells what is wrong")
        return client

    def add(self, name: str, client: Tree) -> None:
        """Add a client. Raises ClientsFault."""

        def plainly(tree: Tree) -> None:
            tree.setdefault("clients", {})[name] = client

        def appended(text: str) -> str:
            gap = "\n" if text.endswith("\n") else "\n\n"
            return f"{text}{gap}{client_stanza(name, client)}"

        self._change(plainly, appended)

    def add_key(self, name: str, key: Tree, old_until: datetime | None) -> None:
        """Give a client one more key, and have those that it has expire. Raises ClientsFault."""

        def plainly(tree: Tree) -> None:
            client = tree["clients"][name]
            for old in client.get("api_keys", []) if old_until else ():
                old["expires"] = old_until
            client["api_keys"] = [*client.get("api_keys", []), key]

        def nicely(tree: Tree) -> None:
            client = tree["clients"][name]
            keys = client.get("api_keys")
            for old in (keys or []) if old_until else ():
                old["expires"] = old_until
            if keys is None and not isinstance(client, InlineTable):
                keys = client["api_keys"] = tomlkit.aot()
            if isinstance(keys, AoT):
                keys.append(_filled(tomlkit.table(), key))
            elif keys is None:
                client["api_keys"] = [key]
            else:
                keys.append(_filled(tomlkit.inline_table(), key))

        self._change(plainly, lambda text: _edited(text, nicely))

    def remove_key(self, name: str, identifier: str) -> None:
        """Take one key from a client. Raises ClientsFault."""

        def remove(tree: Tree) -> None:
            client = tree["clients"][name]
            keys = client["api_keys"]
            number = next(number for number, key in enumerate(keys) if key["id"] == identifier)
            if len(keys) > 1:
                del keys[number]
            else:
                del client["api_keys"]

        self._change(remove, lambda text: _edited(text, remove))

    def remove(self, name: str) -> None:
        """Take a client out. Raises ClientsFault."""

        def remove(tree: Tree) -> None:
            del tree["clients"][name]
            if not tree["clients"]:
                del tree["clients"]

        self._change(remove, lambda text: _edited(text, remove))

    # -- inside ----------------------------------------------------------------------------------------------

    def _change(self, plainly: Callable[[Tree], None], changed: Callable[[str], str]) -> None:
        """Write the text as `changed`, if it then says what the values say that were changed `plainly`."""
        with self._alone():
            text = self._text()
            wanted = copy.deepcopy(self._parsed(text))
            plainly(wanted)
            try:
                new = changed(text)
                right = tomllib.loads(new) == wanted
            except (TOMLKitError, LookupError, TypeError, ValueError):
                right = False
            if not right:
                raise ClientsFault(
                    f"{self.path} has its clients in a form that cannot be changed here; write each as [clients.NAME]"
                )
            self._write(new)

    def _text(self) -> str:
        try:
            with self.path.open(encoding="utf-8", newline="") as file:  # line ends as they are
                return file.read()
        except UnicodeDecodeError:
            raise ClientsFault(f"{self.path} is not text in UTF-8") from None
        except OSError as error:
            raise ClientsFault(f"{self.path} cannot be read as settings: {error.strerror}") from None

    def _parsed(self, text: str) -> Tree:
        try:
            return tomllib.loads(text)
        except ValueError as error:
            raise ClientsFault(f"{self.path} cannot be read as settings: {error}") from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let nobody else change it here meanwhile: who comes second changes what the first has left."""
        try:
            folder = os.open(self._real.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    @property
    def _real(self) -> Path:
        """Where links lead: the link itself stays."""
        return Path(os.path.realpath(self.path))

    def _write(self, text: str) -> None:
        real = self._real
        if (real.parent.parent / _SWAPPED).is_symlink():
            raise ClientsFault(
                f"{self.path} cannot be written: Kubernetes mounts it; change the ConfigMap or Secret that it is of"
            )
        try:
            status = real.stat()
            if os.geteuid() not in (0, status.st_uid):
                raise PermissionError(0, "it is another user's, and has to stay so")
            write_whole(real, text.encode(), like=status)
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> ClientsFault:
        return ClientsFault(f"{self.path} cannot be written: {error.strerror}")


def _edited(text: str, edit: Callable[[Tree], None]) -> str:
    document = tomlkit.parse(text)
    edit(document)
    return tomlkit.dumps(document)


def _filled(table: Any, values: Tree) -> Any:  # either kind of table of the library's
    for name, value in values.items():
        table[name] = value
    if isinstance(table, Table):
        table.add(tomlkit.nl())
    return table


def _table(path: Path, settings: Tree, branch: str) -> Tree:
    there = settings.get(branch, {})
    if not isinstance(there, dict):
        raise ClientsFault(f"{path}: {branch} should be a table; `relay check` tells all that is wrong")
    return there


def _are_keys(keys: object) -> bool:
    return isinstance(keys, list) and all(isinstance(key, dict) and isinstance(key.get("id"), str) for key in keys)


def client_stanza(name: str, client: Tree) -> str:
    """Return a client as it is written in a settings file."""
    bound = ", ".join(f'"{tenant}"' for tenant in client["tenants"])
    keys = "".join(f"\n[[clients.{name}.api_keys]]\n{key_lines(key)}" for key in client.get("api_keys", ()))
    passwords = "".join(
        f'\n[[clients.{name}.passwords]]\nuser = "{each["user"]}"\ndigest = "{each["digest"]}"\n'
        for each in client.get("passwords", ())
    )
    return f"[clients.{name}]\ntenants = [{bound}]\n{keys}{passwords}"


def key_lines(key: Tree) -> str:
    """Return the lines of one key."""
    expires = f"expires = {key['expires'].isoformat()}\n" if "expires" in key else ""
    return f'id = "{key["id"]}"\ndigest = "{key["digest"]}"\n{expires}'
