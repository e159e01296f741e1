"""Counting callers: what is over a cap is told, and what left leaves nothing behind."""

from relay.front.caps import Caps, Full


def test_the_caller_over_the_cap_in_all_is_told_so_and_not_counted() -> None:
    caps = Caps(2, 9)
    assert [caps.enter(), caps.enter(), caps.enter()] == [None, None, Full.ALL]
    assert caps.in_all == 2
    caps.leave(None)
    assert caps.enter() is None


def test_without_a_cap_one_address_has_as_many_as_all() -> None:
    caps = Caps(3, None)
    assert [(caps.enter(), caps.known("192.0.2.1")) for _ in range(3)] == [(None, None)] * 3
    assert caps.enter() is Full.ALL


def test_one_address_over_its_cap_leaves_room_for_others() -> None:
    caps = Caps(9, 1)
    assert [caps.known("192.0.2.1"), caps.known("192.0.2.1"), caps.known("192.0.2.2")] == [None, Full.ADDRESS, None]


def test_addresses_that_left_are_forgotten() -> None:
    caps = Caps(9, 2)
    for _ in range(2):
        assert (caps.enter(), caps.known("192.0.2.1")) == (None, None)
    for _ in range(2):
        caps.leave("192.0.2.1")
    assert repr(caps) == "<Caps: 0 of 9 from 0 addresses>"
