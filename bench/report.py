"""What is told of a run: a table on the terminal, and results.json beside this file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson
from rich.console import Console
from rich.table import Table

from bench.kept import Figures

RESULTS: Final = Path(__file__).parent / "results.json"

# work -> (figure, the front to compare with, how many times that the relay may take at most)
BARS: Final = {"kept": ("cpu_us_per_call", "nginx-tuned", 4.0)}

# A front that uses less of its processor than this was waiting for the load.
_BUSY: Final = 0.9

Results = Mapping[str, Mapping[str, Figures]]


def write(results: Results, path: Path = RESULTS) -> None:
    """Write `{work: {front: {figure: value}}}`; works that were not part of this run stay as they were."""
    known = orjson.loads(path.read_bytes()) if path.exists() else {}
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    path.write_bytes(orjson.dumps({**known, **results}, option=options))


def show(work: str, fronts: Mapping[str, Figures], console: Console) -> None:
    """Print a table: a line for each figure, a column for each front."""
    table = Table(title=work, title_justify="left")
    table.add_column("figure")
    for name in fronts:
        table.add_column(name, justify="right")
    for figure in next(iter(fronts.values())):
        table.add_row(
            figure,
            *(
                f"{front[figure]:,}" if not isinstance(front[figure], str) else str(front[figure])
                for front in fronts.values()
            ),
        )
    console.print(table)


def warn(fronts: Mapping[str, Figures], console: Console) -> None:
    """Say so when a front was kept waiting: with fewer calls at a time, each of them costs it more."""
    idle = [name for name, figures in fronts.items() if float(figures["busy"]) < _BUSY]
    if idle:
        console.print(f"{', '.join(idle)} had time left: on a machine with nothing else to do, its calls cost less")


def bar_met(work: str, fronts: Mapping[str, Figures], console: Console) -> bool:
    """Say how the relay stands against the bar of a work, where both were measured."""
    figure, peer, most = BARS[work]
    if not {"relay", peer} <= fronts.keys():
        return True
    ratio = float(fronts["relay"][figure]) / float(fronts[peer][figure])
    met = ratio <= most
    console.print(
        f"{work}: relay / {peer} = {ratio:.2f} in {figure}; the bar is {most:g}: {'met' if met else 'NOT met'}"
    )
    return met
