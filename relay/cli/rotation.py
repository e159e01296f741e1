"""`relay certificate rollback` and `cutover`: have the running relay show the other certificate of a way out."""

import http.client
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from relay.cli.settings import config, relay_settings
from relay.compose.relay.ways import kept_of, next_kept_of, ways_of
from relay.observe.metrics import NEXT_IN_FORCE
from relay.settings.relay import Operator, RelaySettings
from relay.settings.words import Family
from relay.upstream.certificate import CertificateFault
from relay.upstream.orders import OrdersFault, OrdersFile, orders_of
from relay.upstream.passport import Passport
from relay.upstream.rotation import Generation, Order

# Seconds that the relay gets to do it. It looks every second.
_PATIENCE: Final = 5.0


@click.command(short_help="Go back to the certificate that was in use before.")
@click.argument("way")
@config
def rollback(way: str, config: Path) -> None:
    """Have the relay go back to the certificate that WAY (my-practice, or my-practice/iwlz) had before.

    It counts until another next certificate comes, also through restarts, and on this machine: with several, give the
    order on each.
    """
    settings = relay_settings(config)
    tenant, family, following = _found(settings, way)
    _opened(settings, tenant, family, following=False)
    _order(settings, way, Order(Generation.CURRENT, following.fingerprint))


@click.command(short_help="Have the next certificate take over now.")
@click.argument("way")
@config
def cutover(way: str, config: Path) -> None:
    """Have the next certificate of WAY (my-practice, or my-practice/iwlz) take over now, whatever it waits for."""
    settings = relay_settings(config)
    _, _, following = _found(settings, way)
    if following.not_before > datetime.now(UTC):
        raise click.ClickException(
            f"the next certificate is not valid before {following.not_before:%Y-%m-%d %H:%M} UTC"
        )
    _order(settings, way, Order(Generation.NEXT, following.fingerprint))


def _found(settings: RelaySettings, way: str) -> tuple[str, Family | None, Passport]:
    """Return whose way it is, and its next certificate."""
    ways = ways_of(settings)
    if way not in ways:
        raise click.ClickException(f"there is no way {way!r} (there: {', '.join(ways)})")
    tenant, family = ways[way]
    if settings.tenants[tenant].ways[family].next is None:
        raise click.ClickException(f"{way} has one certificate only: there is no certificate.next in the settings")
    return tenant, family, _opened(settings, tenant, family, following=True)


def _opened(settings: RelaySettings, tenant: str, family: Family | None, *, following: bool) -> Passport:
    kept = (next_kept_of if following else kept_of)(settings, tenant, family)
    try:
        return kept.passport(datetime.now(UTC))
    except CertificateFault as fault:
        raise click.ClickException(f"tenants.{tenant}.{fault.key}: {fault.detail}") from None


def _order(settings: RelaySettings, way: str, order: Order) -> None:
    try:
        OrdersFile(orders_of(settings.state)).add(way, order)
    except OrdersFault as fault:
        raise click.ClickException(fault.detail) from None
    click.echo(f"Ordered in {orders_of(settings.state)}: {way} shows its {order.use} certificate.")
    if _done(settings.operator, way, order.use):
        click.echo("The relay does.")
    else:
        click.echo("No relay said so within 5 seconds: its log tells, or it is not running here; the order stands.")


def _done(operator: Operator, way: str, use: Generation) -> bool:
    """Say whether the relay that runs with these settings shows that certificate, as its metrics tell."""
    if not operator.port:
        return False
    row = f'way="{way}"}} {1 if use is Generation.NEXT else 0}.0'
    give_up = time.monotonic() + _PATIENCE
    while time.monotonic() < give_up:
        rows = _scraped(operator).splitlines()
        if any(each.startswith(NEXT_IN_FORCE.name) and each.endswith(row) for each in rows):
            return True
        time.sleep(0.2)
    return False


def _scraped(operator: Operator) -> str:
    address = "127.0.0.1" if operator.address.is_unspecified else str(operator.address)
    try:
        with closing(http.client.HTTPConnection(address, operator.port, timeout=3)) as connection:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return ""
