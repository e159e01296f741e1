"""What is due: each thing once to each, of one matter once a day, and again when it is the matter again."""

from datetime import UTC, datetime

import pytest

from relay.mail.diary import QUIET, Concern, Diary, DiaryUnreadable, Well
from relay.people.matter import Facts, Matter
from relay.settings.card import Card
from relay.settings.words import Environment

FACTS = Facts(at=datetime(2026, 11, 25, tzinfo=UTC), environment=Environment.TEST, egress="203.0.113.10")
ANNA, BRAM = "anna@delinde.example", "bram@delinde.example"
HELD, EXPIRING = Matter.ADDRESS_OR_BLOCKED, Matter.CERTIFICATE_EXPIRING


def _concern(token: str = "held", *, matter: Matter = HELD, place: str = "linde", tenant: str = "linde") -> Concern:
    return Concern(tenant=tenant, matter=matter, place=place, token=token, card=Card(), facts=FACTS)


def test_what_was_told_is_not_due_again_however_long_it_lasts() -> None:
    diary = Diary()
    assert diary.is_due(_concern(), ANNA, 0)
    diary.tell(_concern(), ANNA, 0)
    assert not diary.is_due(_concern(), ANNA, 300 * QUIET)
    assert diary.is_due(_concern(), BRAM, 0)


def test_another_occurrence_waits_for_the_end_of_a_day() -> None:
    diary = Diary()
    diary.tell(_concern("abc:90", matter=EXPIRING), ANNA, 0)
    assert not diary.is_due(_concern("abc:60", matter=EXPIRING), ANNA, QUIET - 1)
    assert diary.is_due(_concern("abc:60", matter=EXPIRING), ANNA, QUIET)


def test_another_place_is_the_same_matter_and_another_tenant_or_matter_is_not() -> None:
    diary = Diary()
    diary.tell(_concern(), ANNA, 0)
    assert not diary.is_due(_concern(place="linde/iwlz"), ANNA, 1)
    assert diary.is_due(_concern(tenant="berk"), ANNA, 1)
    assert diary.is_due(_concern("x", matter=EXPIRING), ANNA, 1)


def test_what_is_well_and_then_the_matter_again_is_told_again_after_a_day() -> None:
    diary = Diary()
    diary.tell(_concern(), ANNA, 0)
    assert diary.forget(Well(tenant="linde", matter=HELD, place="linde"))
    assert not diary.forget(Well(tenant="linde", matter=HELD, place="linde"))
    assert not diary.is_due(_concern(), ANNA, QUIET - 1)
    assert diary.is_due(_concern(), ANNA, QUIET)


def test_a_clock_that_was_set_back_keeps_nobody_waiting() -> None:
    diary = Diary()
    diary.tell(_concern("abc:90", matter=EXPIRING), ANNA, 900 * QUIET)
    assert diary.is_due(_concern("abc:60", matter=EXPIRING), ANNA, 0)


def test_it_survives_as_octets() -> None:
    diary = Diary()
    diary.tell(_concern(), ANNA, 12.5)
    diary.tell(_concern("abc:7", matter=EXPIRING), BRAM, 13.5)
    assert Diary.read(diary.octets()) == diary


@pytest.mark.parametrize("octets", [b"", b"[]", b"{}", b'{"version": 2}', b'{"version": 1, "told": [[1]], "last": []}'])
def test_what_is_no_diary_is_not_read(octets: bytes) -> None:
    with pytest.raises(DiaryUnreadable):
        Diary.read(octets)


def test_a_clock_that_is_set_back_a_little_has_nobody_told_twice_in_a_day() -> None:
    diary = Diary()
    diary.tell(_concern("abc:90", matter=EXPIRING), ANNA, 9 * QUIET)
    assert not diary.is_due(_concern("abc:60", matter=EXPIRING), ANNA, 9 * QUIET - 60)
