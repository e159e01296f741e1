"""`relay check`: build everything, tell what was found, listen on nothing."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from relay.cli.settings import config, relay_settings
from relay.compose.relay import Built, BuiltClientCertificates, BuiltTenant, build
from relay.registry.domain.special import special_within
from relay.settings.relay import Tenant
from relay.upstream.egress import Egress


@click.command()
@config
def check(config: Path) -> None:
    """Open the certificates, read the server certificate, bind the egress addresses; then say what is there.

    Ends with 0 when `relay serve` would start, and with 1 and every fault when it would not. Only whether the ports
    are free is not looked at: a running relay has them.
    """
    settings = relay_settings(config)
    built = build(settings, datetime.now(UTC))
    console = Console(highlight=False, soft_wrap=True)
    _listener(console, built)
    for tenant in built.tenants.values():
        _tenant(console, tenant, settings.tenants[tenant.tenant.name])
    if not settings.clients:
        console.print("[yellow]No clients: every call will be refused. `relay client new NAME` makes one.[/]")
    if settings.loop == "asyncio":
        console.print("[yellow]loop = asyncio costs more processor time for each call; use uvloop where it runs.[/]")
    console.print("[green]`relay serve` would start.[/]")


def _listener(console: Console, built: Built) -> None:
    listen = built.settings.listen
    console.print(f"Listens on {listen.address}:{listen.port} as {', '.join(built.hosts.names)}")
    if built.client_certificates is not None:
        _client_certificates(console, built.client_certificates)
    workers, processors = built.settings.workers, len(os.sched_getaffinity(0))
    if workers > processors:
        console.print(
            f"[yellow]workers = {workers}, but this machine gives {processors} processors: more wins nothing.[/]"
        )


def _client_certificates(console: Console, built: BuiltClientCertificates) -> None:
    trust = built.trust
    console.print(
        f"Asks callers for a certificate: {len(built.pinned)} pinned, {len(built.subjects)} by subject of "
        f"{len(trust.authorities)} authorities, which have revoked {len(trust.revocations.revoked)}"
    )
    for doubt in trust.doubts(datetime.now(UTC)):
        console.print(f"  [yellow]{doubt}[/]")


def _egress(console: Console, egress: Egress, tenant: str) -> None:
    console.print(f"  calls leave from {egress.source}, and VECOZO sees {egress}: register that address")
    if special := special_within(egress.seen_as, egress.seen_as):
        kind = special[1].value.replace("_", " ")
        console.print(
            f"  [yellow]{egress} is a {kind} address, which VECOZO never sees: "
            f"give the public one as tenants.{tenant}.egress.public_address[/]"
        )
    if not egress.here:
        console.print(f"  [yellow]{egress.source} is not an address of this machine: calls leave from another[/]")


def _tenant(console: Console, built: BuiltTenant, settings: Tenant) -> None:
    console.print(
        f"\n[bold]{built.tenant.name}[/] ({settings.environment.value}): certificate {built.passport.serial}, "
        f"valid until {built.passport.not_after:%d %B %Y}"
    )
    for egress in built.egresses:
        _egress(console, egress, built.tenant.name)
    if built.tenant.paused:
        console.print("  [yellow]paused, so no call is sent:[/]", Text(built.tenant.paused))
    if not settings.card.contacts:
        key = f"tenants.{built.tenant.name}.card.contacts"
        console.print(f"  nobody to write to when something is wrong: give the contact persons as {key}")
    for doubt in built.passport.doubts:
        console.print(f"  [yellow]{doubt}[/]")
    table = Table("route", "path", "upstream", "family", "", box=None, pad_edge=False, padding=(0, 3, 0, 2))
    for route in built.tenant.routes:
        note = "" if route.verified else "[yellow]unverified: seen in client code only[/]"
        table.add_row(route.name, route.prefix.decode(), f"{route.host}:{route.port}", route.family.value, note)
    console.print(table)
