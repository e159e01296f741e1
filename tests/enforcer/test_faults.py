"""Faults wait for calls, in order and for so many, and no others."""

import pytest
from pydantic import ValidationError

from relay.enforcer.faults import MEANS, MOST_WAITING, Fault, Faults, Kind, TooMany
from relay.enforcer.places import Family


def test_each_call_uses_one_up_and_the_last_is_told() -> None:
    faults = Faults()
    faults.order(Fault(kind=Kind.QUOTA, times=2))
    met = [faults.meet(Family.COV) for _ in range(3)]
    assert [None if each is None else each.last for each in met] == [False, True, None]


def test_a_fault_of_some_routes_is_met_there_alone() -> None:
    faults = Faults()
    faults.order(Fault(kind=Kind.STATUS, routes=Family.CLAIMS))
    assert faults.meet(Family.COV) is None
    assert faults.meet(None) is None
    assert faults.meet(Family.CLAIMS) is not None


def test_faults_are_met_in_the_order_in_which_they_were_ordered() -> None:
    faults = Faults()
    for kind in (Kind.SLOW, Kind.CLOSE):
        faults.order(Fault(kind=kind))
    met = [faults.meet(Family.COV) for _ in range(2)]
    assert [None if each is None else each.fault.kind for each in met] == [Kind.SLOW, Kind.CLOSE]


def test_what_waits_can_be_told_and_taken_back() -> None:
    faults = Faults()
    fault = Fault(kind=Kind.STATUS, times=3)
    faults.order(fault)
    faults.meet(Family.COV)
    assert faults.waiting() == ((fault, 2),)
    faults.take_back()
    assert faults.meet(Family.COV) is None


def test_no_more_wait_than_can_be_kept_in_mind() -> None:
    faults = Faults()
    for _ in range(MOST_WAITING):
        faults.order(Fault(kind=Kind.STATUS))
    with pytest.raises(TooMany):
        faults.order(Fault(kind=Kind.STATUS))


@pytest.mark.parametrize(
    "order",
    [
        "{}",
        '{"kind": "flood"}',
        '{"kind": "status", "times": 0}',
        '{"kind": "status", "times": 1001}',
        '{"kind": "status", "status": 200}',
        '{"kind": "slow", "seconds": 301}',
        '{"kind": "slow", "seconds": 0}',
        '{"kind": "phrase", "phrase": "Not\\r\\nAllowed"}',
        '{"kind": "phrase", "phrase": "Not Allowed\\n"}',
        '{"kind": "close", "octets": -1}',
        '{"kind": "close", "bytes": 1}',
        '{"kind": "status", "routes": "elsewhere"}',
    ],
)
def test_what_is_no_fault_is_not_ordered(order: str) -> None:
    with pytest.raises(ValidationError):
        Fault.model_validate_json(order)


def test_every_kind_says_what_it_does() -> None:
    assert set(MEANS) == set(Kind)
