"""`relay client`: keys for callers, shown once and stored as digests only; made, replaced, taken away."""

import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import click
from click import style

from relay.auth.api_key import NewKey, new_key
from relay.auth.basic import NewPassword, new_password
from relay.cli.revocation import revoke
from relay.cli.roll import list_clients, show
from relay.cli.settings import config
from relay.cli.taken_up import told_of_change
from relay.settings.clients_file import ClientsFault, ClientsFile, Tree, client_stanza, key_lines

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_MOST_KEYS = 2


class Moment(click.ParamType[datetime]):
    """A date, which counts to its end in UTC, or a date and time with its zone."""

    name = "DATE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment, which is yet to come."""
        text = str(value)
        try:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
                at = datetime.combine(date.fromisoformat(text) + timedelta(1), time(), UTC)
            else:
                at = datetime.fromisoformat(text)
        except (ValueError, OverflowError):
            self.fail("give a date such as 2027-01-31, or 2027-01-31T06:00:00+01:00", param, ctx)
        if at.tzinfo is None:
            self.fail("give its time zone as well: 2027-01-31T06:00:00+01:00", param, ctx)
        if at <= datetime.now(UTC):
            self.fail("has passed already", param, ctx)
        return at


@click.group()
def client() -> None:
    """Make keys for callers, replace them, take them away, and see who has which."""


client.add_command(list_clients, "list")
client.add_command(show)
client.add_command(revoke)


@client.command(short_help="Make a client with a key.")
@click.argument("name")
@click.option("--tenant", "tenants", multiple=True, help="A tenant that the client may call for; may be repeated.")
@click.option("--expires", type=Moment(), help="The key proves nobody after this date (UTC), or from this moment on.")
@click.option("--basic", is_flag=True, help="Make a user NAME with a password instead, for old WCF clients.")
@click.option(
    "--write",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Append the stanza to this settings file instead of printing it.",
)
def new(name: str, tenants: tuple[str, ...], expires: datetime | None, write: Path | None, *, basic: bool) -> None:
    """Make a key for client NAME, or a password. It is shown once; the settings get its digest only."""
    if not _NAME.match(name):
        raise click.BadParameter("lower-case letters, digits and hyphens only", param_hint="NAME")
    if basic and expires:
        raise click.BadParameter("a password has none; give it without --basic", param_hint="--expires")
    made = new_password() if basic else new_key()
    if write is None:
        click.echo(client_stanza(name, _client(name, tenants or ("TENANT",), made, expires)))
    else:
        file = ClientsFile(write)
        try:
            if name in file.names("clients"):
                raise click.ClickException(f"{write} has a client {name} already; choose another name, or `rotate` it")
            file.add(name, _client(name, _bound(file, tenants), made, expires))
        except ClientsFault as fault:
            raise click.ClickException(f"{fault}; leave --write out to see the stanza") from None
        click.echo(f"Written to {write}. {told_of_change(write)}", err=True)
    _show_once(made, user=name)


@client.command(short_help="Give a client a second key, beside the one it has.")
@click.argument("name")
@config
@click.option(
    "--expires", type=Moment(), help="The new key proves nobody after this date (UTC), or from this moment on."
)
@click.option(
    "--old-until", type=Moment(), help="The old key proves nobody after this date (UTC), or from this moment on."
)
@click.option("--print", "printed", is_flag=True, help="Print what to write into the settings, and change nothing.")
def rotate(name: str, config: Path, expires: datetime | None, old_until: datetime | None, *, printed: bool) -> None:
    """Make a second key for client NAME, shown once. Both count until the old one is revoked, or expires."""
    file, key = ClientsFile(config), new_key()
    try:
        old = [each["id"] for each in file.client(name).get("api_keys", [])]
        if not old and not printed:
            raise click.ClickException(
                f"{name} has no key that another could replace; --print shows one to give it, beside what proves it now"
            )
        if len(old) >= _MOST_KEYS:
            ways = " or ".join(f"`relay client revoke {name} {each}`" for each in old)
            raise click.ClickException(
                f"{name} has two keys already; first revoke the one that it does not use: {ways}"
            )
        if printed:
            click.echo(f"[[clients.{name}.api_keys]]\n{key_lines(_entry(key, expires))}")
        else:
            file.add_key(name, _entry(key, expires), old_until)
    except ClientsFault as fault:
        raise click.ClickException(f"{fault}; with --print this shows what to write") from None
    if not printed:
        click.echo(f"Written to {config}. {told_of_change(config)}", err=True)
    for each in old:
        until = f"until {old_until.isoformat()}" if old_until and not printed else "as well"
        click.echo(f"The old key counts {until}; end it with `relay client revoke {name} {each}`.", err=True)
    _show_once(key, user=name)


def _show_once(made: NewKey | NewPassword, *, user: str) -> None:
    told = "The key, shown this once; the caller sends it in the field X-Api-Key (or what listen.key_field says):"
    if isinstance(made, NewPassword):
        told = f"The password of user {user}, shown this once; the caller sends both as Basic, in Authorization:"
    click.echo(style(told, bold=True), err=True)
    click.echo(made.text)


def _entry(key: NewKey, expires: datetime | None) -> Tree:
    return {"id": key.id, "digest": key.digest} | ({"expires": expires} if expires else {})


def _client(name: str, tenants: tuple[str, ...], made: NewKey | NewPassword, expires: datetime | None) -> Tree:
    if isinstance(made, NewPassword):
        return {"tenants": list(tenants), "passwords": [{"user": name, "digest": made.digest}]}
    return {"tenants": list(tenants), "api_keys": [_entry(made, expires)]}


def _bound(file: ClientsFile, tenants: tuple[str, ...]) -> tuple[str, ...]:
    """Return whom the client may call for: those that were given, or the only one there is."""
    known = file.names("tenants")
    if not known:
        raise click.ClickException(f"{file.path} has no tenants yet to call for; write [tenants.NAME] first")
    if not tenants and len(known) > 1:
        raise click.ClickException(f"{file.path} has several tenants ({', '.join(known)}); say with --tenant which")
    if strange := [tenant for tenant in tenants if tenant not in known]:
        raise click.ClickException(f"{file.path} has no tenant {strange[0]} (there: {', '.join(known)})")
    return tenants or known
