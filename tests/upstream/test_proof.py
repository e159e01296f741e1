"""What puts an egress out, what does not, and what brings it back."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.errors import EgressOut, SourceAddressMissing
from relay.upstream.proof import Footing, Proof, State, Why, Word, chosen, none_left, packed, unpacked

SOURCE, PUBLIC = IPv4Address("10.0.0.4"), IPv4Address("203.0.113.10")
OTHER, THIRD = IPv4Address("203.0.113.77"), IPv4Address("203.0.113.78")
LASTS = 180.0
GATE = 0
NEW = Proof(source=SOURCE, seen_as=PUBLIC, lasts=LASTS)


def words(at: float, told: Mapping[int, IPv4Address]) -> dict[int, Word]:
    """What witnesses said; number 0 is the gate."""
    return {
        number: Word(witness=f"w{number}", address=address, at=at, gate=number == GATE)
        for number, address in told.items()
    }


def after(proof: Proof, told: Mapping[int, IPv4Address], at: float = 0.0) -> Proof:
    return proof.heard(words(at, told), at=at)


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({}, State.UNKNOWN),
        ({1: PUBLIC}, State.PROVEN),
        ({GATE: PUBLIC}, State.PROVEN),
        ({1: OTHER}, State.UNKNOWN),
        ({GATE: OTHER}, State.OUT),
        ({1: OTHER, 2: OTHER}, State.OUT),
        ({1: OTHER, 2: THIRD}, State.OUT),
        ({1: OTHER, 2: PUBLIC}, State.UNKNOWN),
        ({1: OTHER, GATE: PUBLIC}, State.PROVEN),
        ({1: OTHER, 2: OTHER, GATE: PUBLIC}, State.OUT),
        ({1: PUBLIC, 2: PUBLIC, GATE: OTHER}, State.OUT),
    ],
)
def test_the_gate_or_two_others_put_an_egress_out_and_one_other_does_not(
    told: dict[int, IPv4Address], state: State
) -> None:
    assert after(NEW, told).state is state


def test_without_its_local_address_it_is_out_whatever_the_world_saw() -> None:
    proof = after(NEW, {GATE: PUBLIC}).looked(here=False, at=1)
    assert (proof.state, proof.why) == (State.OUT, Why.ADDRESS_MISSING)


def test_an_address_that_came_back_has_to_be_proven_anew() -> None:
    gone = after(NEW, {GATE: PUBLIC}).looked(here=False, at=1)
    back = gone.looked(here=True, at=2)
    assert (back.state, back.why) == (State.UNKNOWN, None)
    assert after(back, {GATE: PUBLIC}, at=3).state is State.PROVEN


def test_a_difference_stands_when_the_address_went_and_came_back() -> None:
    gone = after(NEW, {GATE: OTHER}).looked(here=False, at=1)
    assert gone.why is Why.ADDRESS_MISSING
    assert gone.looked(here=True, at=2).why is Why.ADDRESS_DIFFERS


def test_silence_unproves_in_time_and_keeps_out_what_is_out() -> None:
    proven = after(NEW, {1: PUBLIC})
    assert after(proven, {}, at=LASTS).state is State.PROVEN
    assert after(proven, {}, at=LASTS + 1).state is State.UNKNOWN
    assert proven.looked(here=True, at=LASTS + 1).state is State.UNKNOWN
    out = after(NEW, {GATE: OTHER})
    assert after(out, {}, at=100 * LASTS).state is State.OUT


def test_only_those_who_put_it_out_can_take_it_back() -> None:
    by_gate = after(NEW, {GATE: OTHER})
    assert after(by_gate, {1: PUBLIC, 2: PUBLIC}, at=2 * LASTS).state is State.OUT
    assert after(by_gate, {GATE: PUBLIC}, at=2 * LASTS).state is State.PROVEN
    by_two = after(NEW, {1: OTHER, 2: OTHER})
    assert after(by_two, {3: PUBLIC}, at=2 * LASTS).state is State.OUT
    taken_back = after(by_two, {1: PUBLIC}, at=2 * LASTS)
    assert taken_back.state is State.UNKNOWN
    # Out no more, so what the other one said grows old as well.
    assert after(taken_back, {}, at=2 * LASTS + 1).state is State.PROVEN


def test_two_witnesses_who_differ_long_after_one_another_are_not_two() -> None:
    assert after(after(NEW, {1: OTHER}), {2: OTHER}, at=LASTS + 1).state is State.UNKNOWN


@dataclass(frozen=True)
class Look:
    here: bool

    def on(self, proof: Proof, at: float) -> Proof:
        return proof.looked(here=self.here, at=at)


@dataclass(frozen=True)
class Round:
    told: tuple[tuple[int, IPv4Address], ...]

    def on(self, proof: Proof, at: float) -> Proof:
        return after(proof, dict(self.told), at)


ROUNDS = st.dictionaries(st.integers(0, 3), st.sampled_from([PUBLIC, OTHER, THIRD])).map(
    lambda told: Round(tuple(told.items()))
)
STEPS = st.lists(st.tuples(ROUNDS | st.booleans().map(Look), st.sampled_from([1.0, 60.0, 179.0, 181.0, 5000.0])))
Steps = list[tuple[Look | Round, float]]


def walked(steps: Steps) -> tuple[Proof, float]:
    def step(reached: tuple[Proof, float], event: tuple[Look | Round, float]) -> tuple[Proof, float]:
        at = reached[1] + event[1]
        return event[0].on(reached[0], at), at

    return reduce(step, steps, (NEW, 0.0))


@given(STEPS, st.floats(0, 10_000))
def test_silence_never_changes_what_may_be_used(steps: Steps, later: float) -> None:
    proof, at = walked(steps)
    for _ in range(3):
        at += later
        silent = proof.heard({}, at=at)
        assert silent.footing(refuse=True).usable == proof.footing(refuse=True).usable
        proof = silent


@given(STEPS)
def test_an_absent_address_is_never_used_and_a_present_one_is_only_refused_on_somebodys_word(steps: Steps) -> None:
    proof, at = walked(steps)
    for refuse in (True, False):
        gone = proof.looked(here=False, at=at).footing(refuse=refuse)
        assert (gone.state, gone.usable, gone.why) == (State.OUT, False, Why.ADDRESS_MISSING)
    if proof.here and proof.state is State.OUT:
        against = proof.against
        assert len(against) >= 2 or any(word.gate for word in against)
        assert proof.footing(refuse=False).usable
        assert not proof.footing(refuse=True).usable


@given(STEPS)
def test_proven_means_that_somebody_saw_the_address_not_long_ago(steps: Steps) -> None:
    proof, at = walked(steps)
    if proof.state is State.PROVEN:
        assert proof.here
        assert any(word.address == PUBLIC and at - word.at <= LASTS for word in proof.words.values())


@given(STEPS, st.dictionaries(st.integers(0, 3), st.just(PUBLIC), min_size=4, max_size=4))
def test_when_all_see_the_right_address_it_is_proven_whatever_was(steps: Steps, told: dict[int, IPv4Address]) -> None:
    proof, at = walked(steps)
    assert after(proof.looked(here=True, at=at), told, at + 1).state is State.PROVEN


def test_the_detail_says_who_saw_what() -> None:
    footing = after(NEW, {1: OTHER, 2: THIRD, 3: PUBLIC}).footing(refuse=True)
    assert footing.detail == (
        "calls from 10.0.0.4 should be seen as 203.0.113.10, and are seen as 203.0.113.77 by w1 and 203.0.113.78 by w2"
    )
    assert NEW.looked(here=False, at=0).footing(refuse=True).detail == "10.0.0.4 is not an address of this machine"


PROVEN, UNKNOWN = Footing(State.PROVEN), Footing(State.UNKNOWN)
MISSING = Footing(State.OUT, usable=False, why=Why.ADDRESS_MISSING, detail="gone")
DIFFERS = Footing(State.OUT, usable=False, why=Why.ADDRESS_DIFFERS, detail="seen elsewhere")
WARNED = Footing(State.OUT, usable=True, why=Why.ADDRESS_DIFFERS, detail="seen elsewhere")


@pytest.mark.parametrize(
    ("footings", "place"),
    [
        ([UNKNOWN, PROVEN], 0),
        ([MISSING, UNKNOWN], 1),
        ([WARNED, UNKNOWN], 1),
        ([WARNED, MISSING], 0),
        ([MISSING, WARNED], 1),
        ([MISSING, DIFFERS], None),
    ],
)
def test_calls_leave_from_the_first_that_is_not_out_or_else_from_one_that_is_only_warned_of(
    footings: list[Footing], place: int | None
) -> None:
    assert chosen(footings) == place


def test_a_call_that_may_not_leave_is_told_what_is_wrong_with_each() -> None:
    fault = none_left([MISSING, DIFFERS]).fault()
    assert isinstance(fault, SourceAddressMissing)
    assert fault.detail == "gone; seen elsewhere"
    assert isinstance(none_left([DIFFERS, MISSING]).fault(), EgressOut)


def test_footings_survive_the_line_between_processes() -> None:
    footings = (PROVEN, UNKNOWN, MISSING, DIFFERS, WARNED)
    assert unpacked(packed(footings)) == footings
