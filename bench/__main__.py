"""`python -m bench`: measure, tell, and write what was found. Ends with 1 when a bar is missed."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from bench import report
from bench.bars import judge
from bench.figures import Results
from bench.fronts import FRONTS
from bench.machine import ROUNDS, facts
from bench.place import prepared
from bench.process import BenchFault, allow_many_files, processors
from bench.run import Run, Steadiness
from bench.works import claims, idle, in_flight, journal, kept, latency, one_shot, profile, resumption, start, ways

_NEEDED: Final = ("nginx", "haproxy", "wrk")

WORKS: Final[Mapping[str, Callable[[Run], Results]]] = {
    "kept": kept.measure,
    "one-shot": one_shot.measure,
    "resumption": resumption.measure,
    "claims": claims.measure,
    "in-flight": in_flight.measure,
    "latency": latency.measure,
    "start": start.measure,
    "idle": idle.measure,
    "journal": journal.measure,
    "ways": ways.measure,
    "profile": profile.measure,
}
_QUICK: Final = ("kept", "one-shot")
# Seconds, in all, for windows that others disturbed.
_REPEATED: Final = 45.0
_REPEATED_QUICK: Final = 10.0


@click.command()
@click.option("--quick", is_flag=True, help="Kept and one-shot only, in short windows. Nothing is written.")
@click.option("--rounds", default=ROUNDS, show_default=True, type=click.IntRange(1), help="Medians are over so many.")
@click.option("--work", "works", multiple=True, type=click.Choice(list(WORKS)), help="Only these; nothing is written.")
@click.option("--front", "only", multiple=True, type=click.Choice(list(FRONTS)), help="Only these; nothing is written.")
@click.option(
    "--before",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A Python with another relay, to be measured beside this one; nothing is written.",
)
def main(*, quick: bool, rounds: int, works: tuple[str, ...], only: tuple[str, ...], before: Path | None) -> None:
    """Measure the relay and its peers doing the same work, in turn, on loopback."""
    # Where nobody's terminal says how wide it is, wide enough for the tables.
    console = Console() if sys.stdout.isatty() else Console(width=140)
    if missing := [program for program in _NEEDED if shutil.which(program) is None]:
        raise click.ClickException(f"needs {' and '.join(missing)}: apt-get install nginx-light haproxy wrk")
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that it ends what it started
    try:
        results = _measure(
            console,
            works or (_QUICK if quick else tuple(WORKS)),
            quick=quick,
            rounds=rounds,
            only=only,
            before=before and before.absolute(),
        )
    except BenchFault as fault:
        raise click.ClickException(str(fault)) from None
    took = time.monotonic() - began
    judgements = judge(results)
    if not (quick or works or only or before):
        report.write(results, judgements, facts(rounds=rounds, minutes=took / 60))
    report.show(results, judgements, console)
    console.print(f"took {took:.0f} s")
    sys.exit(0 if all(judgement.met is not False for judgement in judgements) else 1)


def _measure(
    console: Console, works: tuple[str, ...], *, quick: bool, rounds: int, only: tuple[str, ...], before: Path | None
) -> Results:
    front_cpus, other_cpus = processors()
    allow_many_files()
    os.sched_setaffinity(0, other_cpus)
    console.print(f"{rounds} rounds; fronts on processor {front_cpus}, upstream and load on {other_cpus}")
    began = time.monotonic()
    results: dict[str, Mapping[str, Mapping[str, float | str]]] = {}
    with prepared() as place:
        run = Run(
            place=place,
            front_cpus=front_cpus,
            other_cpus=other_cpus,
            rounds=rounds,
            quick=quick,
            only=frozenset(only),
            before=before,
            steadiness=Steadiness(_REPEATED_QUICK if quick else _REPEATED),
            tell=lambda line: console.print(
                f"{time.monotonic() - began:6.0f}  {line}", highlight=False, soft_wrap=True
            ),
        )
        for work in works:
            results |= WORKS[work](run)
    return results


if __name__ == "__main__":
    main()
