"""Receipts of keys over time: forgotten after a day and not before, and never lost with whoever kept them."""

import pytest

from relay.gateway.ledger import Claim, Standing, Verdict
from relay.gateway.receipts import Receipts

AT = 1_800_000_000.0
DAY = 24 * 3600.0


def _claim(key: bytes = b"k", call: bytes = b"c", body: bytes = b"b") -> Claim:
    return Claim(key, call, body)


def _standing(receipts: Receipts, key: bytes = b"k", at: float = AT) -> Standing:
    return receipts.claim(_claim(key), 1, at).standing


def test_a_key_is_remembered_for_as_long_as_is_set_from_its_first_use() -> None:
    receipts = Receipts(most=9, keep=DAY)
    receipts.claim(_claim(), 1, AT)
    receipts.settle(b"k", 1, Standing.ANSWERED, 200, AT + 5)
    assert receipts.claim(_claim(), 1, AT + DAY - 1) == Verdict(Standing.ANSWERED, 200, AT + 5)
    assert _standing(receipts, at=AT + DAY) is Standing.FREE


def test_what_is_forgotten_makes_room_the_oldest_first() -> None:
    receipts = Receipts(most=2, keep=DAY)
    for second, key in enumerate((b"1", b"2")):
        receipts.claim(_claim(key), 1, AT + second)
    assert _standing(receipts, b"3", AT + 2) is Standing.FULL
    assert _standing(receipts, b"3", AT + DAY) is Standing.FREE
    assert _standing(receipts, b"4", AT + DAY) is Standing.FULL
    assert len(receipts) == 2


def test_an_owner_that_dies_leaves_its_calls_unknown_and_no_others() -> None:
    receipts = Receipts(most=9, keep=DAY)
    for key, owner in ((b"1", 1), (b"2", 1), (b"3", 2)):
        receipts.claim(_claim(key), owner, AT)
    receipts.settle(b"1", 1, Standing.ANSWERED, 200, AT)
    receipts.orphan(1, AT + 1)
    assert [_standing(receipts, key) for key in (b"1", b"2", b"3")] == [
        Standing.ANSWERED,
        Standing.UNKNOWN,
        Standing.IN_PROGRESS,
    ]


def test_nobody_settles_anothers_call() -> None:
    receipts = Receipts(most=9, keep=DAY)
    receipts.claim(_claim(), 1, AT)
    receipts.settle(b"k", 2, Standing.FREE, 0, AT)
    assert _standing(receipts) is Standing.IN_PROGRESS


def _restarted(lines: list[bytes], at: float = AT + 10) -> Receipts:
    receipts = Receipts(most=9, keep=DAY)
    receipts.read(lines, at)
    return receipts


def test_each_change_is_a_line_and_the_lines_are_all_of_it() -> None:
    lines: list[bytes] = []
    receipts = Receipts(most=9, keep=DAY, write=lambda line: not lines.append(line))  # type: ignore[func-returns-value]
    for key in (b"1", b"2", b"3", b"4"):
        receipts.claim(_claim(key, body=b"" if key == b"4" else b"b"), 1, AT)
    receipts.settle(b"1", 1, Standing.ANSWERED, 422, AT + 1)
    receipts.settle(b"2", 1, Standing.FREE, 0, AT + 1)
    receipts.settle(b"3", 1, Standing.UNKNOWN, 0, AT + 1)
    for told in (lines, list(receipts.lines()), list(_restarted(lines).lines())):
        again = _restarted(told)
        assert again.claim(_claim(b"1"), 1, AT) == Verdict(Standing.ANSWERED, 422, AT + 1)
        assert _standing(again, b"2") is Standing.FREE
        assert _standing(again, b"3") is Standing.UNKNOWN
        assert _standing(again, b"4") is Standing.UNKNOWN, "it was in progress, and nobody knows how it ended"
        assert again.claim(_claim(b"4", body=b"other"), 1, AT).standing is Standing.UNKNOWN
        assert again.claim(_claim(b"1", call=b"other"), 1, AT).standing is Standing.REUSED


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_torn_line_counts_for_nothing_and_costs_no_other(cut: int) -> None:
    receipts = Receipts(most=9, keep=DAY)
    for key in (b"1", b"2", b"3"):
        receipts.claim(_claim(key), 1, AT)
    one, two, three = receipts.lines()
    again = _restarted([one, two[:-cut], b"\n", b"nonsense\n", b"\xff\n", b"settled zz free 0 0 .\n", three])
    assert _standing(again, b"1") is Standing.UNKNOWN
    assert _standing(again, b"3") is Standing.UNKNOWN
    assert len(again) == (3 if cut == 1 else 2)


def test_what_is_too_old_at_the_restart_is_forgotten() -> None:
    receipts = Receipts(most=9, keep=DAY)
    receipts.claim(_claim(), 1, AT)
    assert len(_restarted(list(receipts.lines()), AT + DAY)) == 0


def test_what_cannot_be_written_is_not_promised() -> None:
    receipts = Receipts(most=9, keep=DAY, write=lambda line: False)
    assert _standing(receipts) is Standing.AWAY
    assert len(receipts) == 0
