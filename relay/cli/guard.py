"""`relay guard`: what a relay holds or has stopped, and letting calls out again: at the relay, or in its file."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from relay.cli.process import WIDE
from relay.cli.settings import config, relay_settings
from relay.compose.relay.build import tenant_of
from relay.compose.relay.guards import guardroom_alone, hatch_of, shown
from relay.compose.relay.ways import ways_of
from relay.observe.history import History
from relay.ops.hatch import asked
from relay.settings.relay import RelaySettings


@click.group()
def guard() -> None:
    """See what is held or stopped, and let calls out again."""


@guard.command(short_help="Tell whether calls pass, and what is stopped.")
@config
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def show(config: Path, *, as_json: bool) -> None:
    """Tell for each certificate and egress address whether calls pass, and which routes are stopped for a quota."""
    settings = relay_settings(config)
    told = _asked(settings, {"do": "show"})
    running = told is not None
    if told is None:
        told = shown(guardroom_alone(settings, datetime.now(UTC)).book(), History())
    if as_json:
        click.echo(json.dumps(told | {"running": running}, indent=2))
        return
    console = Console(highlight=False, soft_wrap=True, width=WIDE)
    if not running:
        console.print("No relay runs with this state; this is how it was left.")
    console.print(_table(told["guards"], ("way", "egress", "state", "refused", "since", "probe_due", "last_good")))
    if told["stops"]:
        console.print("\nStopped for a quota, until `relay guard lift`:")
        console.print(_table(told["stops"], ("way", "route", "since")))
    if told["refusals"]:
        console.print("\nRefused last:")
        console.print(_table(told["refusals"], ("way", "egress", "at", "cause", "answer")))


@guard.command(short_help="Let calls of a certificate out again.")
@config
@click.argument("way")
@click.option("--route", help="Lift the stop of this route alone.")
@click.option("--after-vecozos-word", is_flag=True, help="Say that VECOZO has lifted its block; asked for otherwise.")
def lift(config: Path, way: str, route: str | None, *, after_vecozos_word: bool) -> None:
    """Let calls under the certificate of WAY (my-practice, or my-practice/iwlz) out again.

    After a 429 VECOZO blocks the account: calls that go out before it lifted that make things worse.
    """
    settings = relay_settings(config)
    if way not in (ways := ways_of(settings)):
        raise click.ClickException(f"there is no way {way!r} (there: {', '.join(ways)})")
    if not after_vecozos_word:
        click.confirm(f"Has VECOZO said that calls of {way} may go out again?", abort=True)
    told = _asked(settings, {"do": "lift", "way": way, "route": route})
    if told is None:
        count = guardroom_alone(settings, datetime.now(UTC)).lift(way, route, at=datetime.now(UTC).timestamp())
        told = {"lifted": count}
        click.echo("No relay runs with this state; the file is changed.")
    # Looked at last: what is stopped may have another name in the settings by now.
    if not told["lifted"] and route is not None and route not in (routes := _routes(settings, way)):
        raise click.ClickException(f"{way} has no route {route!r} (there: {', '.join(routes)})")
    click.echo(f"{told['lifted']} lifted." if told["lifted"] else "Nothing was held or stopped there.")


def _routes(settings: RelaySettings, way: str) -> list[str]:
    """Return the names of the routes that this way is for."""
    name = ways_of(settings)[way][0]
    return [route.name for route in tenant_of(name, settings.tenants[name]).routes if route.way == way]


def _asked(settings: RelaySettings, question: dict[str, object]) -> dict[str, object] | None:
    path = hatch_of(settings.state)
    try:
        return asked(path, question)
    except PermissionError:
        raise click.ClickException(f"{path} is for the relay's own user and root: run this as one of them") from None
    except (OSError, ValueError) as fault:
        raise click.ClickException(f"the relay at {path} gave no answer: {fault}") from None


def _table(rows: object, columns: tuple[str, ...]) -> Table:
    table = Table(*columns, box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for row in rows if isinstance(rows, list) else ():
        # As text: what VECOZO said must not be taken for markup.
        table.add_row(*(Text("" if row[column] is None else str(row[column])) for column in columns))
    return table
