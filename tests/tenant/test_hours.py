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


@pytest.mark.parametrize(
    ("window", "moment", "included"),
    [
        # In UTC, in the night in which summer begins: after 01:59 comes 03:00.
        ("sun 02:00-03:00", "29 Mar 00:59", False),
        ("sun 02:00-03:00", "29 Mar 01:00", False),
        ("sun 01:00-02:00", "29 Mar 00:59", True),
        ("sun 03:00-04:00", "29 Mar 01:00", True),
        ("sat 22:00-03:00", "29 Mar 00:59", True),
        ("sat 22:00-03:00", "29 Mar 01:00", False),
        ("sun 00:00-24:00", "28 Mar 22:59", False),
        ("sun 00:00-24:00", "28 Mar 23:00", True),
        ("sun 00:00-24:00", "29 Mar 21:59", True),
        ("sun 00:00-24:00", "29 Mar 22:00", False),
        # And in which it ends: 02:00 to 02:59 come twice, and count both times.
        ("sun 02:00-03:00", "24 Oct 23:59", False),
        ("sun 02:00-03:00", "25 Oct 00:00", True),
        ("sun 02:00-03:00", "25 Oct 01:59", True),
        ("sun 02:00-03:00", "25 Oct 02:00", False),
        ("sat 22:00-02:30", "25 Oct 01:29", True),
        ("sat 22:00-02:30", "25 Oct 01:30", False),
        ("sun 00:00-24:00", "24 Oct 22:00", True),
        ("sun 00:00-24:00", "25 Oct 22:59", True),
        ("sun 00:00-24:00", "25 Oct 23:00", False),
    ],
)
def test_in_the_nights_of_a_switch_it_is_the_clock_on_the_wall(window: str, moment: str, included: bool) -> None:
    at = datetime.strptime(f"2026 {moment}", "%Y %d %b %H:%M").replace(tzinfo=UTC)
    assert Hours([window], AMSTERDAM).include(at) == included


def test_the_clock_is_that_of_the_place_in_summer_as_well() -> None:
    hours = Hours(["mon-sun 07:00-08:00"], AMSTERDAM)
    assert hours.include(datetime(2026, 1, 5, 6, 30, tzinfo=UTC))
    assert not hours.include(datetime(2026, 7, 6, 6, 30, tzinfo=UTC))
    assert hours.include(datetime(2026, 7, 6, 5, 30, tzinfo=UTC))
