"""Which certificate is shown: a table of what is there, what is planned, what is proved and what was ordered."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from relay.upstream.rotation import Because, Choice, Generation, Order, Plan, choose

NOW = datetime(2027, 1, 31, 6, tzinfo=UTC)
DAY = timedelta(days=1)
CURRENT, NEXT = Generation.CURRENT, Generation.NEXT


@dataclass(frozen=True)
class Certificate:
    fingerprint: str
    not_before: datetime = NOW - 9 * DAY
    not_after: datetime = NOW + 9 * DAY


OLD, NEW = Certificate("old"), Certificate("new")
EXPIRED = Certificate("old", not_after=NOW - DAY)
EARLY = Certificate("new", not_before=NOW + DAY)
AT, LATER, PROBED = Plan(at=NOW, probed=False), Plan(at=NOW + DAY, probed=False), Plan(at=None, probed=True)
BOTH = Plan(at=NOW + DAY, probed=True)
BACK, OVER = Order(CURRENT, "new"), Order(NEXT, "new")
STALE = Order(CURRENT, "another")

CASES: dict[str, tuple[Certificate | None, Certificate | None, Plan, Order | None, bool, Choice]] = {
    "no next": (OLD, None, AT, None, False, Choice(CURRENT, Because.ALONE)),
    "nothing at all": (None, None, AT, None, False, Choice(CURRENT, Because.ALONE)),
    "the same in both files": (NEW, NEW, AT, BACK, True, Choice(CURRENT, Because.ALONE)),
    "its time has come": (OLD, NEW, AT, None, False, Choice(NEXT, Because.DUE)),
    "its time has not come": (OLD, NEW, LATER, None, False, Choice(CURRENT, Because.TOO_EARLY)),
    "not proved": (OLD, NEW, PROBED, None, False, Choice(CURRENT, Because.UNPROVED)),
    "proved": (OLD, NEW, PROBED, None, True, Choice(NEXT, Because.DUE)),
    "proved before its time": (OLD, NEW, BOTH, None, True, Choice(CURRENT, Because.TOO_EARLY)),
    "rolled back": (OLD, NEW, AT, BACK, True, Choice(CURRENT, Because.ROLLED_BACK)),
    "ordered before its time": (OLD, NEW, LATER, OVER, False, Choice(NEXT, Because.ORDERED)),
    "an order about another": (OLD, NEW, AT, STALE, False, Choice(NEXT, Because.DUE)),
    "not valid yet": (OLD, EARLY, AT, OVER, True, Choice(CURRENT, Because.NOT_YET_VALID)),
    "not valid yet and alone": (None, EARLY, AT, None, True, Choice(CURRENT, Because.NOT_YET_VALID)),
    "the current expired": (EXPIRED, NEW, LATER, BACK, False, Choice(NEXT, Because.UNUSABLE)),
    "the current cannot be used": (None, NEW, PROBED, None, False, Choice(NEXT, Because.UNUSABLE)),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_shown_and_why(case: str) -> None:
    current, following, plan, order, proved, expected = CASES[case]
    assert choose(current, following, plan, order=order, proved=proved, at=NOW) == expected


def test_every_reason_is_in_the_table() -> None:
    assert {case[-1].because for case in CASES.values()} == set(Because)


def test_the_moment_itself_counts() -> None:
    choices = [choose(OLD, NEW, AT, order=None, proved=False, at=NOW + step * timedelta(seconds=1)) for step in (-1, 0)]
    assert [choice.generation for choice in choices] == [CURRENT, NEXT]
