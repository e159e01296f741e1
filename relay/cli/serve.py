"""`relay serve`: run the relay until it is told to stop."""

import asyncio
import gc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from relay.cli.process import standard_output, told_to_stop
from relay.cli.settings import config, relay_settings
from relay.compose.relay import Built, build, running
from relay.settings.relay import RelaySettings


@click.command()
@config
def serve(config: Path) -> None:
    """Run the relay. SIGTERM or Ctrl-C drains it: no new calls, those in progress end, exit 0.

    Standard output gets a line of JSON for each exchange and each event.
    """
    settings = relay_settings(config)
    built = build(settings, datetime.now(UTC))
    with asyncio.Runner(loop_factory=_loop(settings)) as runner:
        runner.run(_until_told(built))


def _loop(settings: RelaySettings) -> Callable[[], asyncio.AbstractEventLoop]:
    if settings.loop == "asyncio":
        click.echo("warning: loop = asyncio costs more processor time for each call; prefer uvloop", err=True)
        return asyncio.new_event_loop
    import uvloop  # where it cannot be installed, `loop = "asyncio"` must still work

    return uvloop.new_event_loop


async def _until_told(built: Built) -> None:
    told = told_to_stop()
    with standard_output() as out:
        async with running(built, out):
            _settle_memory()
            await told.wait()


def _settle_memory() -> None:
    """Take what was made at the start out of garbage collection, and collect less often.

    A call leaves little behind that only the collector finds; looking for it would be paid by each call.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
