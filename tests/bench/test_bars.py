"""Bars: met or missed by one run's figures alone, and never by what was not measured."""

from bench.bars import BARS, Bar, Judgement, judge
from bench.figures import Results
from bench.page import cells


def _judged(results: Results, work: str, against: str = "", front: str = "relay") -> Judgement:
    (found,) = (
        judgement
        for judgement in judge(results)
        if (judgement.bar.work, judgement.bar.against, judgement.bar.front) == (work, against, front)
    )
    return found


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert {judgement.met for judgement in judge({})} == {None}


def test_a_bar_is_a_ratio_of_the_same_figure() -> None:
    results = {"kept": {"relay": {"cpu_us_per_call": 69.0}, "nginx-tuned": {"cpu_us_per_call": 30.0}}}
    judgement = _judged(results, "kept", "nginx-tuned")
    assert (judgement.value, judgement.met, judgement.granted) == (2.3, True, False)
    assert not _judged({"kept": {**results["kept"], "relay": {"cpu_us_per_call": 70.0}}}, "kept", "nginx-tuned").met


def test_times_cheaper_is_the_peer_over_the_relay() -> None:
    results = {"kept": {"relay": {"cpu_us_per_call": 50.0}, "aiohttp": {"cpu_us_per_call": 200.0}}}
    judgement = _judged(results, "kept", "relay", front="aiohttp")
    assert (judgement.value, judgement.met, judgement.granted) == (4.0, True, True)
    assert cells(judgement) == ("kept: times cheaper than", "aiohttp", "4x", ">= 3x", "met", ">= 4x", "met")


def test_a_peer_that_adds_next_to_nothing_counts_as_the_floor() -> None:
    results = {"latency": {"relay": {"p99_added_ms": 0.2}, "nginx-tuned": {"p99_added_ms": -0.3}}}
    judgement = _judged(results, "latency", "nginx-tuned")
    assert (judgement.value, judgement.met) == (2.0, True)


def test_every_bar_says_at_most_or_at_least() -> None:
    assert all((bar.most is None) != (bar.least is None) for bar in BARS)


def test_an_absolute_bar_has_no_peer() -> None:
    bar = Bar(says="start, s", work="start", figure="ready_s", most=1.0, wish=0.5)
    told = Judgement(bar=bar, value=1.25, met=False, granted=False)
    assert cells(told) == ("start, s", "", "1.25", "<= 1", "**not met**", "<= 0.5", "not met")
