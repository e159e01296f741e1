"""Figures as values: medians, percentiles, and how a front's rounds become what is told of it. Pure."""

import math
from collections.abc import Mapping, Sequence
from statistics import median

# figure -> value, of one front; front -> figures, of one work; work -> fronts, of a run.
Figures = Mapping[str, float | str]
Work = Mapping[str, Figures]
Results = Mapping[str, Work]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of the values that at least this share of them (0 to 1) does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def told(rounds: Sequence[Mapping[str, float]], *, spread: str) -> dict[str, float | str]:
    """Return each figure's median over the rounds, and the least and the most of the figure `spread`."""
    figures: dict[str, float | str] = {name: rounded(median(seen[name] for seen in rounds)) for name in rounds[0]}
    figures[f"{spread}_least"] = rounded(min(seen[spread] for seen in rounds))
    figures[f"{spread}_most"] = rounded(max(seen[spread] for seen in rounds))
    figures["rounds"] = len(rounds)
    return figures


def rounded(value: float) -> float:
    """Return a value with no more digits than it can have meant: three after the point, or four in all."""
    return round(value, 3) if abs(value) < 10 else round(value, 1) if abs(value) < 1000 else round(value)
