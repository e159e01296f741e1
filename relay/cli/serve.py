"""`relay serve`: run the relay until it is told to stop."""

import asyncio
import gc
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click

from relay.cli.process import allow_open_files, on_hangup, outlive_hangups, standard_output, told_to_stop
from relay.cli.settings import config, relay_settings
from relay.compose.relay import Built, build, presiding, running, worker
from relay.compose.relay.settings import SettingsFile
from relay.crew.line import Line
from relay.crew.nursery import nursery
from relay.front.acceptor import listening_socket
from relay.settings.relay import RelaySettings


@click.command()
@config
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that carry calls; goes before the settings.")
def serve(config: Path, workers: int | None) -> None:
    """Run the relay. SIGTERM or Ctrl-C drains it: no new calls, those in progress end, exit 0.

    SIGHUP has it look at its certificate files at once; it does so by itself every second. Standard output gets a line
    of JSON for each exchange and each event.
    """
    outlive_hangups()
    settings = relay_settings(config)
    if workers is not None:
        settings = settings.model_copy(update={"workers": workers})
    built = build(settings, datetime.now(UTC), SettingsFile(config))
    loop = _loop(settings)
    _allow_open_files(settings.listen.max_connections)
    with standard_output() as out:
        if settings.workers == 1:
            with asyncio.Runner(loop_factory=loop) as runner:
                runner.run(_alone(built, out))
        elif not _with_workers(built, out, loop):
            raise click.ClickException("no more workers can be had: the process that forks them is gone")


async def _alone(built: Built, out: BinaryIO) -> None:
    told = told_to_stop()
    async with running(built, out) as place:
        on_hangup(place.look)
        _settle_memory()
        await told.wait()


def _with_workers(built: Built, out: BinaryIO, loop: Callable[[], asyncio.AbstractEventLoop]) -> bool:
    """Run a parent and its workers; return whether it ended because it was told to."""
    listen = built.settings.listen
    with listening_socket(str(listen.address), listen.port) as listening:
        _settle_memory()  # before the fork, so that what is never written is there once for all of them
        # Nothing may run yet that a fork would cut in half: no loop, no thread.
        with nursery(worker(built, listening, out, loop)) as line, asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(_preside(built, out, listening, line))


async def _preside(built: Built, out: BinaryIO, listening: socket.socket, line: Line) -> bool:
    told = told_to_stop()
    async with presiding(built, out, listening=listening, nursery=line) as (place, broken):
        on_hangup(place.look)
        waits = [asyncio.create_task(event.wait()) for event in (told, broken)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
    return told.is_set()


def _loop(settings: RelaySettings) -> Callable[[], asyncio.AbstractEventLoop]:
    if settings.loop == "asyncio":
        click.echo("warning: loop = asyncio costs more processor time for each call; prefer uvloop", err=True)
        return asyncio.new_event_loop
    import uvloop  # where it cannot be installed, `loop = "asyncio"` must still work

    return uvloop.new_event_loop


def _allow_open_files(callers: int) -> None:
    most = allow_open_files(callers)
    if most is not None:
        click.echo(
            f"warning: listen.max_connections = {callers}, and so many callers with their upstreams take more than the "
            f"{most} open files that a process may have here; raise that limit (LimitNOFILE=, --ulimit nofile=), or "
            "lower the setting",
            err=True,
        )


def _settle_memory() -> None:
    """Take what was made at the start out of garbage collection, and collect less often.

    A call leaves little behind that only the collector finds; looking for it would be paid by each call.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
