"""`relay reference`: the gate and the registry to rehearse against, and a folder to begin with."""

import asyncio
import gc
import re
import shlex
from datetime import UTC, datetime
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

import click
import uvloop

from relay.cli.process import standard_output, told_to_stop
from relay.cli.settings import settings_file
from relay.compose.reference import Built, build, running
from relay.compose.rehearsal import REVOCATIONS, SYSTEM, Place, Rehearsal, new_rehearsal
from relay.compose.rehearsal import revoke as revoke_certificate
from relay.settings.load import load
from relay.settings.reference import ReferenceSettings

# What a server certificate can hold and a URL can name (RFC 1123 section 2.1).
_HOST_NAME = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z"
)


@click.group(invoke_without_command=True)
@settings_file("reference.toml", variable="REFERENCE_GATE__PORT")
@click.pass_context
def reference(ctx: click.Context, config: Path) -> None:
    """Run the reference gate and registry until SIGTERM or Ctrl-C. `relay reference new DIR` makes one to run.

    Standard output gets a line of JSON for each event, and for each call at the gate.
    """
    if ctx.invoked_subcommand is not None:
        return
    settings = load(ReferenceSettings, config, prefix="REFERENCE_")
    built = build(settings)
    if settings.rehearsal:
        click.secho(
            "REHEARSAL: addresses that are not public can be registered here.", fg="yellow", bold=True, err=True
        )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(built))


@reference.command(short_help="Make a rehearsal in DIR, ready to run.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--address", default="127.0.0.1", show_default=True, help="The IPv4 address to listen on.")
@click.option(
    "--name",
    "names",
    multiple=True,
    default=["localhost"],
    show_default=True,
    help="A host name by which callers come there; may be repeated.",
)
@click.option("--gate-port", type=click.IntRange(0, 65535), default=8444, show_default=True)
@click.option("--registry-port", type=click.IntRange(0, 65535), default=8445, show_default=True)
@click.option("--operator-port", type=click.IntRange(0, 65535), default=9091, show_default=True)
def new(
    folder: Path, address: str, names: tuple[str, ...], gate_port: int, registry_port: int, operator_port: int
) -> None:
    """Make a rehearsal in DIR: authority, certificates, a book with one fictitious organisation, settings."""
    try:
        own = IPv4Address(address)
    except AddressValueError:
        raise click.BadParameter("an IPv4 address such as 127.0.0.1", param_hint="--address") from None
    if strange := [name for name in names if not _HOST_NAME.match(name)]:
        raise click.BadParameter(f"{strange[0]!r} is not a host name", param_hint="--name")
    place = Place(
        address=own, names=names, gate_port=gate_port, registry_port=registry_port, operator_port=operator_port
    )
    _tell(new_rehearsal(folder, place, at=datetime.now(UTC)), place)


@reference.command(short_help="Revoke a certificate of the rehearsal in DIR.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.argument("certificate", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def revoke(folder: Path, certificate: Path) -> None:
    """Have the authority of the rehearsal in DIR revoke the certificate in FILE: PEM, or .p12 with its .password.

    The gate reads the new list within seconds. The book says nothing of it: `relay reference` has both.
    """
    identity = revoke_certificate(folder, certificate, at=datetime.now(UTC))
    click.echo(f"Revoked {identity.serial} of {identity.organisation}, in {folder / REVOCATIONS}.")


def _tell(made: Rehearsal, place: Place) -> None:
    """Say what can be done with it, in lines to paste."""
    password = made.contact_person.with_suffix(".password")
    url = f"https://{place.names[0]}:{place.registry_port}/v1/certificates/{SYSTEM}/addresses/{place.address}"
    click.echo(f"A rehearsal in {made.settings.parent}. Run it:\n")
    click.echo(f"  relay reference --config {shlex.quote(str(made.settings))}\n")
    click.echo("Register the address that the relay calls from, as the contact person:\n")
    click.echo(
        f"  curl -X PUT --cacert {shlex.quote(str(made.authorities))} --cert-type P12 \\\n"
        f'    --cert {shlex.quote(str(made.contact_person))}:"$(cat {shlex.quote(str(password))})" \\\n'
        f"    {url}\n"
    )
    click.echo(
        f"The relay's system certificate is {made.system}, its password beside it; it trusts {made.authorities}."
    )


async def _until_told(built: Built) -> None:
    told = told_to_stop()
    with standard_output() as out:
        async with running(built, out):
            # The book lasts: a million ranges are not looked through again and again for what could be thrown away.
            gc.collect()
            gc.freeze()
            await told.wait()
