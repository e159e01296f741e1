"""`relay check`: build everything, tell what was found, listen on nothing."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from relay.cli.process import WIDE
from relay.cli.settings import config, relay_settings
from relay.compose.relay import Built, BuiltTenant, BuiltWay, build
from relay.compose.relay.ways import Loaded
from relay.errors import SettingsFault
from relay.registry.domain.special import special_within
from relay.settings.relay import RelaySettings, Tenant
from relay.settings.words import Family
from relay.upstream.egress import Egress
from relay.upstream.expiry import IN_LOG, mark
from relay.upstream.guard import State

# Callers have to be given the next key, which takes them as long as it takes people.
_SOON = timedelta(days=30)


@click.command()
@config
def check(config: Path) -> None:
    """Open the certificates, read the server certificate, bind the egress addresses; then say what is there.

    Ends with 0 when all is in order, and with 1 and every fault when it is not: also a system certificate that cannot
    be used, with which `relay serve` starts as long as another can. Only whether the ports are free is not looked at: a
    running relay has them.
    """
    settings = relay_settings(config)
    built = build(settings, datetime.now(UTC))
    if closed := built.closed:
        raise SettingsFault(closed)
    console = Console(highlight=False, soft_wrap=True, width=WIDE)
    _listener(console, built)
    for tenant in built.tenants.values():
        ways = [way for way in built.ways.values() if way.tenant == tenant.tenant.name]
        _tenant(console, tenant, ways, settings.tenants[tenant.tenant.name])
    _guards(console, built)
    _mail(console, built)
    _keys(console, settings)
    if not settings.clients:
        console.print("[yellow]No clients: every call will be refused. `relay client new NAME` makes one.[/]")
    if settings.loop == "asyncio":
        console.print("[yellow]loop = asyncio costs more processor time for each call; use uvloop where it runs.[/]")
    console.print("[green]`relay serve` would start.[/]")


def _listener(console: Console, built: Built) -> None:
    listen = built.settings.listen
    console.print(f"Listens on {listen.address}:{listen.port} as {', '.join(built.hosts.names)}")
    if built.callers.certified:
        _client_certificates(console, built)
    _directories(console, built)
    workers, processors = built.settings.workers, len(os.sched_getaffinity(0))
    if workers > processors:
        console.print(
            f"[yellow]workers = {workers}, but this machine gives {processors} processors: more wins nothing.[/]"
        )


def _guards(console: Console, built: Built) -> None:
    """Tell what is held or stopped: by the relay that runs, or as the last one left it."""
    book = built.guardroom.book()
    for (way, egress), guard in book.guards.items():
        if guard.state is not State.PASSING:
            console.print(f"[yellow]Calls of {way} from {egress} are held: VECOZO refused {guard.refused} in a row.[/]")
    for way, route in book.stops:
        console.print(f"[yellow]Calls of {way} on {route} are stopped for a quota: `relay guard lift`.[/]")


def _mail(console: Console, built: Built) -> None:
    if built.mail is None:
        console.print("Mails nobody: give \\[mail] in the settings to have letters sent by themselves.")
        return
    how = "over TLS" if built.mail.context else "without TLS, on this machine"
    console.print(
        f"Mails the people on the cards through {built.mail} {how}, from {built.mail.sender}: `relay doctor` tries it"
    )
    for name, tenant in built.settings.tenants.items():
        if not any(contact.mail for contact in tenant.card.contacts):
            key = f"tenants.{name}.card.contacts"
            console.print(f"  [yellow]no contact person of {name} can be mailed: give their mail in {key}[/]")


def _client_certificates(console: Console, built: Built) -> None:
    trust, callers = built.trust.trust, built.callers
    console.print(
        f"Asks callers for a certificate: {len(callers.pinned)} pinned, {len(callers.subjects)} by subject of "
        f"{len(trust.authorities)} authorities, which have revoked {len(trust.revocations.revoked)}"
    )
    for doubt in trust.revocations.doubts(datetime.now(UTC)):
        console.print(f"  [yellow]{doubt}[/]")


def _keys(console: Console, settings: RelaySettings) -> None:
    """Tell which keys of callers have expired, and which soon will."""
    now = datetime.now(UTC)
    for name, client in settings.clients.items():
        for key in client.api_keys:
            if key.expires is not None and key.expires < now + _SOON:
                how = "has expired, on" if key.expires <= now else "expires on"
                when = f"{key.expires.astimezone(UTC):%d %B %Y, %H:%M} UTC"  # a date alone would count a day longer
                console.print(
                    f"[yellow]Key {key.id} of {name} {how} {when}: `relay client rotate {name}` makes the next one.[/]"
                )


def _directories(console: Console, built: Built) -> None:
    """Tell whose tokens count, and for whom. Whether a directory answers is not tried: a relay starts without it."""
    for each in built.directories:
        name = each.issuer.name
        console.print(
            f"Takes tokens of {name}, issued as {' or '.join(each.issuer.applications)}, for "
            f"{' or '.join(sorted(each.issuer.audiences))}; its keys are at {each.source.host}"
        )
        granted = [
            (client, grant)
            for client, settings in built.settings.clients.items()
            for grant in settings.tokens
            if grant.directory == name
        ]
        for client, grant in granted:
            demanded = (f"role {grant.role}" if grant.role else "", f"scope {grant.scope}" if grant.scope else "")
            demands = " and ".join(filter(None, demanded)) or "no role, by explicit grant"
            over = "" if grant.until is None else f", until {grant.until.isoformat()}"
            console.print(f"  application {grant.application} is {client}, with {demands}{over}")
        if not granted:
            console.print("  [yellow]no client has a token of it: give \\[\\[clients.NAME.tokens]] in the settings[/]")


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


def _tenant(console: Console, built: BuiltTenant, ways: list[BuiltWay], settings: Tenant) -> None:
    console.print()
    for way in ways:
        _way(console, way)
    for egress in built.egresses:
        _egress(console, egress, built.tenant.name)
    if built.tenant.paused:
        console.print("  [yellow]paused, so no call is sent:[/]", Text(built.tenant.paused))
    if not settings.card.contacts:
        key = f"tenants.{built.tenant.name}.card.contacts"
        console.print(f"  nobody to write to when something is wrong: give the contact persons as {key}")
    heads = ("route", "path", "upstream", "family", "way", "")
    table = Table(*heads, box=None, pad_edge=False, padding=(0, 3, 0, 2))
    for route in built.tenant.routes:
        note = "" if route.verified else "[yellow]unverified: seen in client code only[/]"
        place = f"{route.host}:{route.port}"
        table.add_row(route.name, route.prefix.decode(), place, route.family.value, route.way, note)
    console.print(table)
    families = {route.family for route in built.tenant.routes if route.way == built.tenant.name}
    if Family.IWLZ in families and len(families) > 1:
        console.print(
            f"  [yellow]VECOZO gives iWlz a certificate of its own: give it as tenants.{built.tenant.name}"
            ".certificates.iwlz, or have no iwlz routes used[/]"
        )


def _way(console: Console, way: BuiltWay) -> None:
    if way.passport is None:
        return
    console.print(
        f"[bold]{way.name}[/] ({way.environment.value}): certificate {way.passport.serial}, "
        f"valid until {way.passport.not_after:%d %B %Y}"
    )
    if mark(way.passport.not_after, way.at, IN_LOG) is not None:
        days = (way.passport.not_after - way.at).days
        console.print(f"  [yellow]it expires in {days} days: renew it at VECOZO (user number and PIN are needed)[/]")
    for doubt in way.passport.doubts:
        console.print(f"  [yellow]{doubt}[/]")
    for doubt in way.passport.revocations.doubts(way.at):
        console.print(f"  [yellow]{doubt}[/]", highlight=False)
    for other in way.passport.passed_over:
        console.print(f"  passed over in its file: {other}", markup=False)
    if way.question is not None:
        console.print(f"  while its calls are held, {way.question.what} tries whether they pass", markup=False)
    if way.next is not None:
        _next(console, way, way.next)


def _next(console: Console, way: BuiltWay, following: Loaded) -> None:
    plan = way.plan
    at = f"at {plan.at:%d %B %Y %H:%M %Z}" if plan.at else ""
    probe = f"once {way.question.what} succeeds under it" if way.question else ""
    when = " and ".join(filter(None, (at, probe)))
    if following.passport is None:
        console.print(f"  [yellow]next certificate: {following.kept.keeper} is not there yet; it takes over {when}[/]")
        return
    console.print(
        f"  next certificate: {following.passport.serial}, valid until {following.passport.not_after:%d %B %Y}; "
        f"it takes over {when}"
    )
    console.print(f"  shows the {way.choice.generation} one: {way.choice.because}")
