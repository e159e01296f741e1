"""`relay check`: build everything, tell what was found, listen on nothing."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from relay.cli.settings import config, relay_settings
from relay.compose.relay import Built, BuiltTenant, build
from relay.settings.words import Environment
from relay.tenant.vecozo import SERVICES


@click.command()
@config
def check(config: Path) -> None:
    """Open the certificates, read the server certificate, bind the egress addresses; then say what is there.

    Ends with 0 when `relay serve` would start, and with 1 and every fault when it would not.
    """
    settings = relay_settings(config)
    built = build(settings, datetime.now(UTC))
    console = Console(highlight=False)
    _listener(console, built)
    for tenant in built.tenants.values():
        _tenant(console, tenant, settings.tenants[tenant.tenant.name].environment)
    if not settings.clients:
        console.print("[yellow]No clients: every call will be refused. `relay client new NAME` makes one.[/]")
    if settings.loop == "asyncio":
        console.print("[yellow]loop = asyncio takes six times the memory per call; use uvloop where it runs.[/]")
    console.print("[green]Everything is in order.[/] `relay serve` would start.")


def _listener(console: Console, built: Built) -> None:
    listen = built.settings.listen
    console.print(f"Listens on {listen.address}:{listen.port} as {str(built.hosts)[7:-1]}")


def _tenant(console: Console, built: BuiltTenant, environment: Environment) -> None:
    unverified = {service.name for service in SERVICES if not service.verified}
    console.print(
        f"\n[bold]{built.tenant.name}[/] ({environment.value}): certificate {built.passport.serial}, "
        f"valid until {built.passport.not_after:%d %B %Y}"
    )
    console.print(f"  calls leave from {built.egress.source}, and VECOZO sees {built.egress}: register that address")
    table = Table("route", "path", "upstream", "family", "", box=None, pad_edge=False, padding=(0, 3, 0, 2))
    for route in built.tenant.routes:
        note = "[yellow]unverified: seen in client code only[/]" if route.name in unverified else ""
        table.add_row(route.name, route.prefix.decode(), f"{route.host}:{route.port}", route.family.value, note)
    console.print(table)
