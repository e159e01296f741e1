"""Figures: medians over rounds, percentiles that were really seen, no digits that mean nothing."""

from bench.figures import percentile, rounded, told


def test_a_percentile_is_a_value_that_was_seen() -> None:
    values = [float(number) for number in range(1, 101)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile([7.0], 0.99) == 7


def test_a_front_is_told_by_its_medians_and_by_how_far_its_rounds_were_apart() -> None:
    rounds = [{"cpu": 3.0, "busy": 0.9}, {"cpu": 1.0, "busy": 1.0}, {"cpu": 8.0, "busy": 0.8}]
    assert told(rounds, spread="cpu") == {"cpu": 3.0, "busy": 0.9, "cpu_least": 1.0, "cpu_most": 8.0, "rounds": 3}


def test_large_figures_have_no_fractions() -> None:
    assert [rounded(value) for value in (0.12345, 12.345, 1234.5678)] == [0.123, 12.3, 1235]
