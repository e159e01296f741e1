"""Hours of the week by the clock of one place, summer and winter."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from relay.tenant.hours import Hours

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def _at(text: str) -> datetime:
    """A moment of January 2026, whose first is a Thursday, by Amsterdam's clock; UTC is an hour earlier."""
    return datetime.strptime(f"2026 Jan {text}", "%Y %b %d %H:%M").replace(tzinfo=AMSTERDAM).astimezone(UTC)


@pytest.mark.parametrize(
    ("window", "moment", "included"),
    [
        ("mon-fri 07:00-19:00", "5 07:00", True),
        ("mon-fri 07:00-19:00", "5 06:59", False),
        ("mon-fri 07:00-19:00", "9 18:59", True),
        ("mon-fri 07:00-19:00", "9 19:00", False),
        ("mon-fri 07:00-19:00", "10 12:00", False),
        ("mon-fri 07:00-19:00", "4 12:00", False),
        ("sat 22:00-06:00", "10 23:59", True),
        ("sat 22:00-06:00", "11 05:59", True),
        ("sat 22:00-06:00", "11 06:00", False),
        ("sat 22:00-06:00", "10 05:00", False),
        ("sun 22:00-06:00", "12 01:00", True),
        ("fri-mon 00:00-24:00", "11 12:00", True),
        ("fri-mon 00:00-24:00", "5 23:59", True),
        ("fri-mon 00:00-24:00", "6 00:00", False),
        ("mon-sun 00:00-24:00", "7 03:00", True),
    ],
)
def test_a_window_holds_its_days_and_times_and_ends_before_its_end(window: str, moment: str, included: bool) -> None:
    assert Hours([window], AMSTERDAM).include(_at(moment)) == included


def test_any_of_several_windows_will_do() -> None:
    hours = Hours(["mon 08:00-09:00", "tue 10:00-11:00"], AMSTERDAM)
    assert [hours.include(_at(moment)) for moment in ("5 08:30", "6 10:30", "6 08:30")] == [True, True, False]


def test_the_clock_is_that_of_the_place_in_summer_as_well() -> None:
    hours = Hours(["mon-sun 07:00-08:00"], AMSTERDAM)
    assert hours.include(datetime(2026, 1, 5, 6, 30, tzinfo=UTC))
    assert not hours.include(datetime(2026, 7, 6, 6, 30, tzinfo=UTC))
    assert hours.include(datetime(2026, 7, 6, 5, 30, tzinfo=UTC))
