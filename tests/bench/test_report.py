"""What a run leaves behind: results.json by work, front and figure, a page that is told from it, plots that are XML."""

from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import orjson

from bench import report
from bench.bars import judge
from bench.figures import Results
from bench.machine import Facts

ROOT = Path(__file__).parents[2]
FIGURES = {"cpu_us_per_call": 50.0, "cpu_us_per_call_least": 49.0, "cpu_us_per_call_most": 51.5, "busy": 1.0}
RESULTS: Results = {
    "kept": {"relay": FIGURES, "nginx-tuned": {**FIGURES, "cpu_us_per_call": 1234.0}},
    "journal": {"relay": FIGURES},
    "profile": {"kept": {"kernel": 60.0, "unclassified": 40.0, "samples": 1000}, "x": {"kernel": 100.0, "samples": 9}},
}
FACTS = Facts(
    at=datetime(2026, 5, 1, tzinfo=UTC),
    command="make bench",
    minutes=17.4,
    rounds=9,
    relay="0.1.0, commit abc",
    machine=[("kernel", "Linux 6.1")],
    versions=[("nginx", "nginx version: nginx/1.22.1")],
)


def _written(folder: Path) -> str:
    (folder / "bench").mkdir()
    (folder / "docs").mkdir()
    report.write(RESULTS, judge(RESULTS), FACTS, folder)
    return (folder / "docs" / "performance.md").read_text()


def test_results_are_by_work_front_and_figure(tmp_path: Path) -> None:
    _written(tmp_path)
    assert orjson.loads((tmp_path / "bench" / "results.json").read_bytes()) == RESULTS


def test_the_page_tells_figures_bars_machine_versions_and_commands(tmp_path: Path) -> None:
    page = _written(tmp_path)
    assert "| `nginx-tuned` | 1,234 |" in page
    assert "| kept: CPU per call | nginx-tuned | 0.0405x | <= 2.3x | met | <= 1.6x | met |" in page
    assert "| latency added, p50, ms |  | not measured | <= 1 |" in page
    assert "Linux 6.1" in page
    assert "nginx/1.22.1" in page
    assert "come from one run of `make bench`" in page


def test_the_page_tells_where_the_time_goes_and_what_is_not_known_of_it(tmp_path: Path) -> None:
    page = _written(tmp_path)
    assert "| share of the relay's processor time, % | `kept` | `x` |\n|---|---:|---:|\n| kernel | 60 | 100 |" in page
    assert "| unclassified | 40 | 0 |\n| samples | 1,000 | 9 |" in page


def test_without_a_profile_the_page_has_no_such_chapter(tmp_path: Path) -> None:
    results = {work: fronts for work, fronts in RESULTS.items() if work != "profile"}
    (tmp_path / "bench").mkdir()
    (tmp_path / "docs").mkdir()
    report.write(results, judge(results), FACTS, tmp_path)
    assert "Where the time goes" not in (tmp_path / "docs" / "performance.md").read_text()


def test_every_plot_that_the_page_shows_is_there(tmp_path: Path) -> None:
    page = _written(tmp_path)
    plots = sorted((tmp_path / "docs" / "performance").iterdir())
    assert [plot.name for plot in plots] == ["journal.svg", "kept.svg"]
    for plot in plots:
        assert f"(performance/{plot.name})" in page
        assert ET.parse(plot).getroot().tag.endswith("svg")


def test_the_results_kept_here_have_the_shape_that_readers_count_on() -> None:
    results = orjson.loads((ROOT / "bench" / "results.json").read_bytes())
    values = [value for fronts in results.values() for figures in fronts.values() for value in figures.values()]
    assert values
    assert all(isinstance(value, int | float) for value in values)
