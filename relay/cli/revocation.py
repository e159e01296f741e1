"""`relay client revoke`: take a key, or a client, out of the settings; and wait until every relay obeys."""

import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
from pydantic import ValidationError

from relay.cli.roll import NoRelay, asked, url_of
from relay.cli.settings import config, relay_settings
from relay.cli.taken_up import fault_in
from relay.errors import SettingsFault
from relay.settings.client import PROOFS, Client
from relay.settings.clients_file import ClientsFault, ClientsFile, Tree

_LOOK_EVERY: Final = 0.2


def _node(ctx: click.Context, param: click.Parameter, urls: tuple[str, ...]) -> tuple[str, ...]:
    for url in urls:
        parts = urlsplit(url)
        try:
            right = parts.scheme == "http" and bool(parts.hostname and parts.port) and parts.path in ("", "/")
        except ValueError:
            right = False
        if not right:
            raise click.BadParameter("is http://host:port of an operator's port", ctx, param)
    return tuple(url.rstrip("/") for url in urls)


@click.command(short_help="Take a key from a client, or the client out.")
@click.argument("name")
@click.argument("key_id", required=False)
@config
@click.option("--wait", is_flag=True, help="Return once every worker of the relay obeys, and of those named by --at.")
@click.option(
    "--at", "nodes", multiple=True, metavar="URL", callback=_node, help="The operator's port of another relay."
)
@click.option(
    "--within", type=click.FloatRange(0, 3600), default=30, show_default=True, help="Seconds to wait at most."
)
def revoke(name: str, key_id: str | None, config: Path, nodes: tuple[str, ...], within: float, *, wait: bool) -> None:
    """Take key KEY_ID from client NAME; without KEY_ID, or where nothing else proves it, take the client out whole.

    The next call under it is refused, also on connections that are there. Calls in progress end as they would have.
    With --wait a second run of the same is no mistake: it waits on.
    """
    file = ClientsFile(config)
    own = () if not wait else _own(config)
    if wait and not own and not nodes:
        raise click.ClickException("operator.port is any free one: say with --at where the relay is asked")
    try:
        _revoke(file, name, key_id, again=wait)
    except ClientsFault as fault:
        what = f"the key with id {key_id} from clients.{name}.api_keys" if key_id else f"clients.{name}"
        raise click.ClickException(f"{fault}; take {what} out where the settings come from") from None
    if wrong := fault_in(config):
        raise click.ClickException(f"it is out of {config}, but no relay takes that file up as it stands: {wrong}")
    if wait:
        _wait([*own, *nodes], name, key_id, within)
    else:
        click.echo("A relay that runs takes it up within seconds.")


def _own(config: Path) -> tuple[str, ...]:
    try:
        url = url_of(relay_settings(config).operator)
    except SettingsFault as fault:
        key, what = fault.faults[0]
        raise click.ClickException(f"{config} is not in order, so no relay would take it up: {key}: {what}") from None
    return (url,) if url else ()


def _revoke(file: ClientsFile, name: str, key_id: str | None, *, again: bool) -> None:
    if again and name not in file.names("clients"):
        click.echo(f"{file.path} has no client {name}.")
        return
    client = file.client(name)
    ids = [key["id"] for key in client.get("api_keys", [])]
    if key_id is None:
        file.remove(name)
        click.echo(f"Revoked: all that proved {name}. Left: nothing; the client is out of {file.path}.")
    elif key_id not in ids:
        told = f"{name} has no key {key_id} (there: {', '.join(ids) or 'none'})"
        if not again:
            raise click.ClickException(told)
        click.echo(f"{told}.")
    elif left := _left(client, key_id):
        file.remove_key(name, key_id)
        click.echo(f"Revoked: key {key_id} of {name}. Left: {', '.join(left)}.")
    else:
        file.remove(name)
        click.echo(
            f"Revoked: key {key_id} of {name}. Left: nothing that proves it, so the client is out of {file.path}; "
            f"`relay client new {name}` makes it anew."
        )


def _left(client: Tree, key_id: str) -> list[str]:
    """Return what still proves the client without that key; nothing where it then proves itself no more."""
    keys = [key for key in client["api_keys"] if key["id"] != key_id]
    rest = {name: value for name, value in client.items() if name != "api_keys"} | ({"api_keys": keys} if keys else {})
    try:
        Client.model_validate(rest)
    except ValidationError as error:
        # Of a fault that has nothing to do with it, `relay check` tells; this one is of the client as a whole.
        if any(not fault["loc"] for fault in error.errors(include_input=False, include_url=False)):
            return []
    others = [field for field in PROOFS.values() if field != "api_keys" and rest.get(field)]
    return [*(f"key {key['id']}" for key in keys), *others]


def _wait(nodes: list[str], name: str, key_id: str | None, within: float) -> None:
    give_up = time.monotonic() + within
    lagging = dict.fromkeys(nodes, "")
    while lagging:
        lagging = {url: why for url in lagging if (why := _why_not(url, name, key_id))}
        if lagging and time.monotonic() > give_up:
            told = "; ".join(f"{url}: {why}" for url, why in lagging.items())
            raise click.ClickException(f"not obeyed within {within:g} seconds by {told}")
        if lagging:
            time.sleep(_LOOK_EVERY)
    click.echo(f"Obeyed by every worker of {', '.join(nodes)}.")


def _why_not(url: str, name: str, key_id: str | None) -> str:
    """Return why a relay may still let the key pass; empty when it cannot."""
    try:
        page = asked(url)
    except NoRelay as why:
        return f"gives no answer ({why})"
    if _known(page["clients"].get(name), key_id):
        return "still knows it; does it have the changed settings, and does its log say clients_refused?"
    if page.get("everywhere") is not True:
        return f"{page.get('obeying')} of its {page.get('processes')} workers obey"
    return ""


def _known(client: dict[str, Any] | None, key_id: str | None) -> bool:
    return client is not None and (key_id is None or any(key["id"] == key_id for key in client["keys"]))
