"""`relay demo`: see the whole story on this machine, then make a call yourself."""

import asyncio
import sys
import tempfile
from pathlib import Path

import click
import uvloop
from rich.console import Console

from relay.cli.process import told_to_stop
from relay.demo.stage import Stage, set_stage
from relay.demo.story import Told, tell
from relay.demo.visitor import visiting
from relay.errors import SettingsFault


@click.command()
@click.option("--once", is_flag=True, help="End after the story; exit 1 if any step differs.")
def demo(*, once: bool) -> None:
    """Run relay, gate and registry with throw-away certificates and tell what happens, until Ctrl-C."""
    console = Console(highlight=False, soft_wrap=True)
    with _throw_away_folder() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        went_well = runner.run(_demonstrate(console, Path(folder) / "demo", once=once))
    sys.exit(0 if went_well else 1)


def _throw_away_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="relay-demo-", ignore_cleanup_errors=True)
    except OSError as error:
        fault = f"no temporary folder can be made ({error.strerror}); set TMPDIR to a folder that can be written"
        raise SettingsFault([("TMPDIR", fault)]) from None


async def _demonstrate(console: Console, folder: Path, *, once: bool) -> bool:
    told = told_to_stop()
    async with set_stage(folder) as stage:
        went_well = await _tell(console, stage)
        if went_well and not once:
            _invite(console, stage)
            await told.wait()
    return went_well


async def _tell(console: Console, stage: Stage) -> bool:
    async with visiting(stage) as visitor:
        number = 0
        async for told in tell(visitor):
            number += 1
            _print(console, number, told)
            if told.differs:
                console.print(f"\n[bold red]This step differs:[/] {told.differs}", markup=True)
                return False
    console.print("\n[green]That is the whole story.[/]")
    return True


def _print(console: Console, number: int, told: Told) -> None:
    console.print(f"\n[bold]{number}. {told.title}[/]")
    colour = "red" if told.seen.startswith("4") else "green"
    console.print(f"   [{colour}]{told.seen}[/]")
    if told.explained:
        console.print(f"   {told.explained}")
    for line in told.lines:
        console.print(f"   {line}", style="dim", markup=False)


def _invite(console: Console, stage: Stage) -> None:
    console.print("\n[bold]Your own call[/] (in another terminal; everything is gone after Ctrl-C here):\n")
    console.print(stage.call_line, markup=False)
    console.print("\n[bold]Remove the address[/], call again, and see the 403; PUT in place of DELETE registers it:\n")
    console.print(stage.register_line("DELETE"), markup=False)
    console.print(f"\nMetrics: {stage.relay_metrics} and {stage.gate_metrics}\nSettings and logs: {stage.folder}")
