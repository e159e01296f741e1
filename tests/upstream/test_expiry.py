"""The end of a certificate is announced at each mark, once."""

from datetime import UTC, datetime, timedelta

import pytest

from relay.upstream.expiry import BY_MAIL, IN_LOG, Once, mark

END = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "expected"),
    [(61, None), (60, 60), (59, 60), (31, 60), (30, 30), (14, 14), (8, 14), (7, 7), (2, 7), (1, 1), (0, 0), (-9, 0)],
)
def test_the_last_mark_that_was_reached_counts(days: int, expected: int | None) -> None:
    assert mark(END, END - timedelta(days=days), IN_LOG) == expected


def test_mails_begin_at_ninety_days() -> None:
    assert mark(END, END - timedelta(days=90), BY_MAIL) == 90
    assert mark(END, END - timedelta(days=90, seconds=1), BY_MAIL) is None


def test_each_mark_is_told_once_and_a_restart_in_between_tells_the_present_one() -> None:
    once = Once(IN_LOG)
    told = [once.reached("a", END, END - timedelta(hours=hours)) for hours in range(24 * 62, -30, -1)]
    assert [each for each in told if each is not None] == [60, 30, 14, 7, 1, 0]
    assert Once(IN_LOG).reached("a", END, END - timedelta(days=10)) == 14


def test_a_renewed_certificate_begins_anew() -> None:
    once, at = Once(IN_LOG), END - timedelta(days=5)
    assert once.reached("old", END, at) == 7
    assert once.reached("new", END + timedelta(days=8), at) == 14
    assert once.reached("old", END, at) is None
