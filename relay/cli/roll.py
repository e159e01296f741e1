"""`relay client list` and `show`: who may call and by what, and when each was last used, as a running relay tells."""

import http.client
import json
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.table import Table

from relay.cli.process import WIDE
from relay.cli.settings import config, relay_settings
from relay.compose.relay.roll import known_clients
from relay.settings.relay import Operator, RelaySettings

_PATIENCE = 3.0
_NEVER_SEEN = "not since it was started"


class NoRelay(Exception):
    """Why no relay tells who may call."""


def url_of(operator: Operator) -> str | None:
    """Return where the relay of these settings is asked; None where the port is any free one."""
    address = "127.0.0.1" if operator.address.is_unspecified else str(operator.address)
    return f"http://{address}:{operator.port}" if operator.port else None


def asked(url: str) -> dict[str, Any]:
    """Return the page `/clients` of an operator's port, at http://host:port. Raises NoRelay."""
    parts = urlsplit(url)
    try:
        with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE)) as connection:
            connection.request("GET", "/clients")
            answer = connection.getresponse()
            page = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NoRelay(getattr(error, "strerror", None) or "what answers is no relay that tells") from None
    if answer.status != 200 or not isinstance(page, dict) or not isinstance(page.get("clients"), dict):
        raise NoRelay("what answers is no relay that tells")
    return page


@click.command()
@config
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def list_clients(config: Path, *, as_json: bool) -> None:
    """Tell every client: its tenants, its ways to prove itself, its keys."""
    told = _told(relay_settings(config))
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    table = Table("client", "tenants", "ways", "keys", "last used", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for name, client in told["clients"].items():
        last = max(filter(None, client["ways"].values()), default="")
        ids = ", ".join(key["id"] for key in client["keys"])
        table.add_row(name, ", ".join(client["tenants"]), ", ".join(client["ways"]), ids, last)
    _print(told, table)


@click.command(short_help="Tell one client's keys and ways.")
@click.argument("name")
@config
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def show(name: str, config: Path, *, as_json: bool) -> None:
    """Tell of client NAME when each key expires, and when each key and way was last used."""
    told = _told(relay_settings(config))
    if name not in told["clients"]:
        raise click.ClickException(f"{config} has no client {name} (there: {', '.join(told['clients']) or 'none'})")
    client = told["clients"][name]
    if as_json:
        click.echo(json.dumps({"running": told["running"], "name": name} | client, indent=2))
        return
    table = Table("way", "key", "expires", "last used", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    unknown = _NEVER_SEEN if told["running"] else ""
    for key in client["keys"]:
        table.add_row("api_key", key["id"], key["expires"] or "never", key["last_used"] or unknown)
    for way, last in client["ways"].items():
        if way != "api_key" or not client["keys"]:
            table.add_row(way, "", "", last or unknown)
    _print(told, table, f"{name} calls for {', '.join(client['tenants'])}")


def _print(told: dict[str, Any], table: Table, *lines: str) -> None:
    console = Console(highlight=False, soft_wrap=True, width=WIDE, markup=False)
    for line in lines:
        console.print(line)
    console.print(table)
    if why := told["running_why"]:
        console.print(f"When each was last used, only a running relay knows: {why}.")
    elif told["in_force"] is False:
        console.print("The relay that runs does not go by these clients (yet): its log tells why, if it stays so.")


def _told(settings: RelaySettings) -> dict[str, Any]:
    """Return the clients of the settings, with what a relay knows that runs with them."""
    told: dict[str, Any] = {
        "running": False,
        "running_why": "",
        "in_force": None,
        "clients": known_clients(settings.clients, {}),
    }
    url = url_of(settings.operator)
    try:
        if url is None:
            raise NoRelay("operator.port is any free one, so that none can be asked")
        running = asked(url)["clients"]
    except NoRelay as why:
        return told | {"running_why": f"{url or 'here'} gives no answer ({why})" if url else str(why)}
    told["in_force"] = _proofs(running) == _proofs(told["clients"])
    for name, client in told["clients"].items():
        there = running.get(name, {"keys": [], "ways": {}})
        used = {key["id"]: key["last_used"] for key in there["keys"]}
        client["keys"] = [key | {"last_used": used.get(key["id"])} for key in client["keys"]]
        client["ways"] = client["ways"] | {way: last for way, last in there["ways"].items() if way in client["ways"]}
    return told | {"running": True}


def _proofs(clients: dict[str, Any]) -> dict[str, Any]:
    return {
        name: (client["tenants"], [(key["id"], key["expires"]) for key in client["keys"]])
        for name, client in clients.items()
    }
