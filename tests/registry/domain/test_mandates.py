"""What Support may defer, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from relay.registry.domain.errors import DeferralRefused
from relay.registry.domain.mandates import DEFERRED_AT_MOST, Deferral, check_deferral
from relay.registry.service import OFFICE_HOURS
from tests.kit.registry import PERSON, SYSTEM

TUESDAY = datetime(2026, 3, 17, 12, tzinfo=UTC)
ASKED = Deferral(user_number=SYSTEM, until=TUESDAY + timedelta(days=1), by=PERSON, at=TUESDAY)
DUTCH = ZoneInfo("Europe/Amsterdam")


def check(deferral: Deferral) -> None:
    check_deferral(deferral, office=OFFICE_HOURS)


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 3, 15, 12, tzinfo=UTC),  # a Sunday
        datetime(2026, 3, 17, 7, 59, tzinfo=DUTCH),
        datetime(2026, 7, 17, 17, 30, tzinfo=DUTCH),
    ],
)
def test_q20_support_defers_in_its_office_hours_only(at: datetime) -> None:
    with pytest.raises(DeferralRefused, match="office hours"):
        check(replace(ASKED, at=at, until=at + timedelta(hours=1)))


@pytest.mark.parametrize("at", [datetime(2026, 3, 17, 8, tzinfo=DUTCH), datetime(2026, 7, 17, 17, 29, tzinfo=DUTCH)])
def test_q20_its_hours_are_those_of_the_dutch_clock(at: datetime) -> None:
    check(replace(ASKED, at=at, until=at + timedelta(hours=1)))


@pytest.mark.parametrize(
    "until", [TUESDAY, TUESDAY - timedelta(days=1), TUESDAY + DEFERRED_AT_MOST + timedelta(seconds=1)]
)
def test_q20_a_deferral_ends_after_it_began_and_before_long(until: datetime) -> None:
    with pytest.raises(DeferralRefused, match="within 14 days"):
        check(replace(ASKED, until=until))
    check(replace(ASKED, until=TUESDAY + DEFERRED_AT_MOST))


def test_the_end_of_a_deferral_has_a_time_zone() -> None:
    with pytest.raises(DeferralRefused, match="time zone"):
        check(replace(ASKED, until=ASKED.until.replace(tzinfo=None)))
