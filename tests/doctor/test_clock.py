"""The clock against somebody else's Date."""

from datetime import UTC, datetime, timedelta

import pytest

from relay.doctor.clock import clock, date_of
from relay.doctor.finding import State

TOLD = datetime(2026, 11, 25, 15, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "state", "words"),
    [
        (0, State.GOOD, "agrees"),
        (-30, State.GOOD, "30 seconds behind"),
        (31, State.WARNING, "31 seconds ahead of"),
        (-300, State.WARNING, "5 minutes behind"),
        (301, State.FAILED, "5 minutes ahead of"),
    ],
)
def test_a_skew_is_told_by_how_much_it_matters(seconds: int, state: State, words: str) -> None:
    found, what = clock(TOLD, TOLD + timedelta(seconds=seconds), by="gate")
    assert found is state
    assert words in what


def test_a_date_is_read_and_anything_else_is_none() -> None:
    assert date_of("Wed, 25 Nov 2026 15:02:00 GMT") == TOLD
    assert [date_of(text) for text in (None, "", "yesterday", "25 Nov")] == [None] * 4
