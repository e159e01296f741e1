"""`relay health`: for containers and service managers, without a shell or curl."""

import http.client
import sys
from contextlib import closing
from pathlib import Path

import click

from relay.cli.settings import config, relay_settings


@click.command()
@config
@click.option("--ready", is_flag=True, help="Ask whether it takes calls, not only whether it lives.")
def health(config: Path, *, ready: bool) -> None:
    """Ask the operator's port of the relay that runs with these settings. Ends with 0 when all is well."""
    operator = relay_settings(config).operator
    address = "127.0.0.1" if operator.address.is_unspecified else str(operator.address)
    try:
        with closing(http.client.HTTPConnection(address, operator.port, timeout=3)) as connection:
            connection.request("GET", "/readyz" if ready else "/healthz")
            answer = connection.getresponse()
            text = answer.read().decode().strip()
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or "what answers is no HTTP"
        click.echo(f"no relay answers on {address}:{operator.port}: {why}", err=True)
        sys.exit(1)
    click.echo(text)
    sys.exit(0 if answer.status == 200 else 1)
