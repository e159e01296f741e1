"""The line between two processes: messages stay whole and in order, octets of any size come across, ends are told."""

import os
from collections.abc import Iterator
from contextlib import suppress

import pytest

from relay.crew.line import Line, pair


@pytest.fixture
def ends() -> Iterator[tuple[Line, Line]]:
    one, other = pair()
    one.setblocking(False)
    other.setblocking(False)
    lines = Line(one), Line(other)
    yield lines
    for line in lines:
        line.close()


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_messages_come_one_by_one_and_in_order(ends: tuple[Line, Line]) -> None:
    ours, theirs = ends
    assert ours.send("begin")
    assert ours.send("drain", "2.5")
    first, second = theirs.take(), theirs.take()
    assert first is not None
    assert second is not None
    assert (first.words, second.words) == (("begin",), ("drain", "2.5"))
    with pytest.raises(BlockingIOError):
        theirs.take()


def test_octets_of_any_size_come_across_and_leave_nothing_open(ends: tuple[Line, Line]) -> None:
    ours, theirs = ends
    before, octets = _open_files(), os.urandom(3 << 20)
    assert ours.send_octets("report", "7", octets=octets)
    message = theirs.take()
    assert message is not None
    assert message.words == ("report", "7")
    assert message.octets() == octets
    assert _open_files() == before


def test_what_was_sent_before_the_end_still_comes(ends: tuple[Line, Line]) -> None:
    ours, theirs = ends
    ours.send("ended", "True")
    ours.close()
    message = theirs.take()
    assert message is not None
    assert message.words == ("ended", "True")
    assert theirs.take() is None
    assert not theirs.send("report")


def test_who_takes_nothing_makes_nobody_wait(ends: tuple[Line, Line]) -> None:
    ours, _ = ends
    sent = 0
    with suppress(AssertionError):
        while sent < 100_000:
            assert ours.send("report")
            sent += 1
    assert 0 < sent < 100_000
