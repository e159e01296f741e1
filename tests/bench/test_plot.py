"""Plots: bars are as long as their figures, and none is shorter than nothing."""

from xml.etree import ElementTree as ET

from bench.loads.one_shot import KINDS
from bench.plot import Row, bars


def test_bars_are_as_long_as_their_figures_and_never_shorter_than_nothing() -> None:
    rows = [
        Row(name=name, value=value, least=value, most=value) for name, value in {"a": 10.0, "b": 5.0, "c": -1}.items()
    ]
    plot = ET.fromstring(bars("t & t", rows))
    _, *widths = (float(rect.attrib["width"]) for rect in plot.iter("{http://www.w3.org/2000/svg}rect"))
    assert widths == [480, 240, 0]


def test_the_kinds_of_one_shot_calls_have_the_names_that_readers_count_on() -> None:
    assert {str(kind) for kind in KINDS} == {
        "one-shot-tls12-full", "one-shot-tls12-resumed", "one-shot-tls13-full", "one-shot-tls13-resumed",
    }  # fmt: skip
