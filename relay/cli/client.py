"""`relay client`: keys for callers, shown once and stored as digests only."""

import re
import tomllib
from pathlib import Path

import click
from click import style

from relay.auth.api_key import NewKey, new_key

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")


@click.group()
def client() -> None:
    """Make keys for callers."""


@client.command()
@click.argument("name")
@click.option("--tenant", "tenants", multiple=True, help="A tenant that the client may call for; may be repeated.")
@click.option(
    "--write",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Append the stanza to this settings file instead of printing it.",
)
def new(name: str, tenants: tuple[str, ...], write: Path | None) -> None:
    """Make a key for client NAME. The key is shown once; the settings get its digest only."""
    if not _NAME.match(name):
        raise click.BadParameter("lower-case letters, digits and hyphens only", param_hint="NAME")
    key = new_key()
    if write is None:
        click.echo(_stanza(name, tenants or ("TENANT",), key))
    else:
        _append(write, name, tenants, key)
        click.echo(f"Written to {write}: a relay that runs takes it up when it is started again.", err=True)
    click.echo(style("The key, shown this once; the caller sends it in the field X-Api-Key:", bold=True), err=True)
    click.echo(key.text)


def _stanza(name: str, tenants: tuple[str, ...], key: NewKey) -> str:
    bound = ", ".join(f'"{tenant}"' for tenant in tenants)
    return (
        f"[clients.{name}]\ntenants = [{bound}]\n\n"
        f'[[clients.{name}.api_keys]]\nid = "{key.id}"\ndigest = "{key.digest}"\n'
    )


def _append(file: Path, name: str, tenants: tuple[str, ...], key: NewKey) -> None:
    try:
        text = file.read_text(encoding="utf-8")
        settings = tomllib.loads(text)
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} is not text in UTF-8") from None
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{file} cannot be read as settings: {error}") from None
    if name in _names(file, settings, "clients"):
        raise click.ClickException(f"{file} has a client {name} already; choose another name")
    tenants = _bound(file, tenants, _names(file, settings, "tenants"))
    addition = ("" if text.endswith("\n") else "\n") + "\n" + _stanza(name, tenants, key)
    try:
        tomllib.loads(text + addition)
    except ValueError:
        raise click.ClickException(
            f"{file} has its clients in one inline table; write them as [clients.NAME]"
        ) from None
    try:
        with file.open("a", encoding="utf-8") as settings_file:
            settings_file.write(addition)
    except OSError as error:
        raise click.ClickException(
            f"{file} cannot be written: {error.strerror}; leave --write out to see the stanza"
        ) from None


def _names(file: Path, settings: dict[str, object], branch: str) -> tuple[str, ...]:
    """Return the names that stand under `clients` or `tenants`."""
    there = settings.get(branch, {})
    if not isinstance(there, dict):
        raise click.ClickException(f"{file}: {branch} should be a table; `relay check` tells all that is wrong")
    return tuple(there)


def _bound(file: Path, tenants: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """Return whom the client may call for: those that were given, or the only one there is."""
    if not known:
        raise click.ClickException(f"{file} has no tenants yet to call for; write [tenants.NAME] first")
    if not tenants and len(known) > 1:
        raise click.ClickException(f"{file} has several tenants ({', '.join(known)}); say with --tenant which")
    if strange := [tenant for tenant in tenants if tenant not in known]:
        raise click.ClickException(f"{file} has no tenant {strange[0]} (there: {', '.join(known)})")
    return tenants or known
