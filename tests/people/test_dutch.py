"""Dates as Dutch readers write them, in the time of their clocks."""

from datetime import UTC, datetime

import pytest

from relay.people.dutch import day, listed, moment


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (datetime(2026, 11, 25, 15, 2, tzinfo=UTC), "woensdag 25 november 2026 om 16:02 uur"),
        (datetime(2026, 7, 1, 22, 30, tzinfo=UTC), "donderdag 2 juli 2026 om 00:30 uur"),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "zondag 29 maart 2026 om 01:59 uur"),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "zondag 29 maart 2026 om 03:00 uur"),
        (datetime(2026, 10, 25, 0, 59, tzinfo=UTC), "zondag 25 oktober 2026 om 02:59 uur"),
        (datetime(2026, 10, 25, 1, 0, tzinfo=UTC), "zondag 25 oktober 2026 om 02:00 uur"),
    ],
)
def test_a_moment_is_told_in_dutch_time_through_summer_and_winter(at: datetime, told: str) -> None:
    assert moment(at) == told


def test_a_day_is_the_dutch_one() -> None:
    assert day(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)) == "1 januari 2027"


def test_a_list_is_told_in_one_breath() -> None:
    assert [listed(list(words)) for words in ("a", "ab", "abc")] == ["a", "a en b", "a, b en c"]
