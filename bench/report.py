"""What is told of a run: tables on the terminal, results.json, docs/performance.md and its plots."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import orjson
from rich.console import Console
from rich.table import Table

from bench.bars import Judgement
from bench.figures import Figures, Results
from bench.machine import Facts
from bench.page import cells, page, plots

_REPOSITORY: Final = Path(__file__).parent.parent

# A front that uses less of its processor than this was waiting for the load.
_BUSY: Final = 0.9


def write(results: Results, judgements: Sequence[Judgement], facts: Facts, root: Path = _REPOSITORY) -> None:
    """Write `{work: {front: {figure: value}}}`, the page and its plots, in place of those of the last run."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    (root / "bench" / "results.json").write_bytes(orjson.dumps(results, option=options))
    docs = root / "docs"
    (docs / "performance.md").write_text(page(results, judgements, facts))
    folder = docs / "performance"
    folder.mkdir(exist_ok=True)
    for name, plot in plots(results).items():
        (folder / name).write_text(plot)


def show(results: Results, judgements: Sequence[Judgement], console: Console) -> None:
    """Print a table for each work, and how the bars stand."""
    for work, fronts in results.items():
        console.print(_table(work, fronts))
        if idle := [name for name, figures in fronts.items() if float(figures.get("busy", 1)) < _BUSY]:
            console.print(f"{', '.join(idle)} had time left: what waits for its load has colder caches")
    console.print(_bars(judgements))


def _table(work: str, fronts: Mapping[str, Figures]) -> Table:
    """A line for each figure, a column for each front."""
    table = Table("figure", title=work, title_justify="left")
    for name in fronts:
        table.add_column(name, justify="right")
    for figure in dict.fromkeys(figure for figures in fronts.values() for figure in figures):
        table.add_row(figure, *(f"{figures.get(figure, '')}" for figures in fronts.values()))
    return table


def _bars(judgements: Sequence[Judgement]) -> Table:
    table = Table("bar", "against", "measured", "bar", "", "wish", "", title="bars", title_justify="left")
    for judgement in judgements:
        if judgement.value is not None:
            table.add_row(*(cell.replace("**", "") for cell in cells(judgement)))
    return table
