"""What a registry said of an address: its no stands until taken back, its yes lapses, and neither proves a road."""

from dataclasses import replace

import pytest

from relay.errors import AddressNotRegistered
from relay.upstream.proof import Footing, State, Why, chosen, none_left, packed, unpacked
from relay.upstream.registration import Registration

NEW = Registration(way="linde", address="203.0.113.10", lasts=3.0)
PROVEN, UNKNOWN = Footing(State.PROVEN), Footing(State.UNKNOWN)
DIFFERS = Footing(State.OUT, usable=False, why=Why.ADDRESS_DIFFERS, detail="seen elsewhere")


def _after(*words: bool | None, every: float = 1.0) -> State:
    registration = NEW
    for number, word in enumerate(words):
        registration = registration.heard(word, at=number * every)
    return registration.state


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ([], State.UNKNOWN),
        ([None, None], State.UNKNOWN),
        ([True], State.PROVEN),
        ([False], State.OUT),
        ([True, None, None, None], State.PROVEN),
        ([True, None, None, None, None], State.UNKNOWN),
        ([False] + [None] * 50, State.OUT),
        ([False, None, True], State.PROVEN),
        ([True, False], State.OUT),
    ],
)
def test_the_last_word_counts_and_silence_changes_nothing(words: list[bool | None], state: State) -> None:
    assert _after(*words) is state


@pytest.mark.parametrize("egress", [PROVEN, UNKNOWN, DIFFERS], ids=lambda each: each.state)
@pytest.mark.parametrize("said", [True, None])
def test_an_address_that_is_registered_is_proven_no_more_for_that(egress: Footing, said: bool | None) -> None:
    assert NEW.heard(said, at=0).judged(egress, refuse=True) == replace(egress, registered=said)


@pytest.mark.parametrize("refuse", [True, False])
@pytest.mark.parametrize("egress", [PROVEN, UNKNOWN], ids=lambda each: each.state)
def test_one_that_is_not_puts_the_egress_out_for_this_certificate(egress: Footing, refuse: bool) -> None:
    footing = NEW.heard(False, at=0).judged(egress, refuse=refuse)
    assert (footing.state, footing.usable, footing.why) == (State.OUT, not refuse, Why.ADDRESS_NOT_REGISTERED)
    fault = footing.fault()
    assert isinstance(fault, AddressNotRegistered)
    assert fault.detail == "the registry does not have 203.0.113.10 for the certificate of linde"
    assert unpacked(packed([footing])) == (replace(footing, registered=None),)


def test_what_is_wrong_with_the_egress_itself_is_told_first() -> None:
    assert NEW.heard(False, at=0).judged(DIFFERS, refuse=True) == replace(DIFFERS, registered=False)


def test_calls_leave_from_the_one_that_is_registered() -> None:
    out = NEW.heard(False, at=0).judged(PROVEN, refuse=True)
    warned = NEW.heard(False, at=0).judged(PROVEN, refuse=False)
    assert chosen([out, UNKNOWN]) == 1
    assert chosen([out, warned]) == 1
    assert chosen([out, out]) is None
    assert isinstance(none_left([out, DIFFERS]).fault(), AddressNotRegistered)
