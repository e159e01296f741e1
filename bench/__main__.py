"""`python -m bench`: measure, tell, and write results.json. Ends with 1 when a bar is not met."""

import shutil
import sys

import click
from rich.console import Console

from bench import kept, report
from bench.fronts import FRONTS
from bench.load import CONNECTIONS, Tls
from bench.process import BenchFault, processors

_NEEDED = ("nginx", "wrk")


@click.command()
@click.option("--quick", is_flag=True, help="Shorter windows; still nine rounds. Under two minutes.")
@click.option("--rounds", default=9, show_default=True, type=click.IntRange(1), help="Medians are over so many.")
@click.option("--seconds", default=6, show_default=True, type=click.IntRange(1), help="Of each window.")
@click.option("--tls", default=Tls.V1_3.value, show_default=True, type=click.Choice([version.value for version in Tls]))
@click.option(
    "--front", "names", multiple=True, type=click.Choice(list(FRONTS)), help="Only these; nothing is written."
)
def main(*, quick: bool, rounds: int, seconds: int, tls: str, names: tuple[str, ...]) -> None:
    """Measure the relay and its peers doing the same work, in turn, on loopback."""
    console = Console()
    if missing := [program for program in _NEEDED if shutil.which(program) is None]:
        raise click.ClickException(f"needs {' and '.join(missing)}: apt-get install nginx-light wrk")
    plan = kept.Plan(rounds=rounds, seconds=2 if quick else seconds, tls=Tls(tls))
    front_cpus, other_cpus = processors()
    console.print(
        f"kept: {plan.rounds} rounds, windows of {plan.seconds} s, {CONNECTIONS} connections, {plan.tls}; "
        f"fronts on processor {front_cpus}, upstream and load on {other_cpus}"
    )
    windows: dict[str, list[kept.Window]] = {name: [] for name in names or FRONTS}
    try:
        for name, number, window in kept.measure(plan, list(windows)):
            windows[name].append(window)
            console.print(
                f"round {number:2} {name:12} {window.cpu_us_per_call:7.1f} us a call "
                f"{window.calls_per_second:8,.0f} calls/s  busy {window.busy:.0%}"
            )
    except BenchFault as fault:
        raise click.ClickException(str(fault)) from None
    fronts = {name: kept.figures(seen, plan) for name, seen in windows.items()}
    if not names:
        report.write({"kept": fronts})
    report.show("kept", fronts, console)
    report.warn(fronts, console)
    sys.exit(0 if report.bar_met("kept", fronts, console) else 1)


main()
