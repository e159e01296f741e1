"""Who calls, by X-Forwarded-For: the nearest address that is no balancer's, whatever the caller made up before it."""

import pytest

from relay.errors import MalformedRequest
from relay.front.forwarded import caller_told
from relay.message.fields import Fields

BALANCERS = {"10.0.0.1", "10.0.0.2"}


def _told(*values: str) -> str:
    fields = Fields([(b"X-Forwarded-For", value.encode()) for value in values])
    return caller_told(fields, peer="10.0.0.1", balances=BALANCERS.__contains__)


@pytest.mark.parametrize(
    ("values", "caller"),
    [
        ([], "10.0.0.1"),
        (["203.0.113.7"], "203.0.113.7"),
        (["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        (["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        (["198.51.100.1, 203.0.113.7, 10.0.0.2 ,\t10.0.0.1"], "203.0.113.7"),
        (["10.0.0.2, 203.0.113.7"], "203.0.113.7"),
        (["no address at all, 203.0.113.7"], "203.0.113.7"),
        ([",, 203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7:41234"], "203.0.113.7"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        (["2001:DB8::7"], "2001:db8::7"),
        (["[2001:db8::7]:41234"], "2001:db8::7"),
        (["[2001:db8::7]"], "2001:db8::7"),
        (["10.0.0.2"], "10.0.0.2"),
    ],
)
def test_the_nearest_stranger_is_the_caller(values: list[str], caller: str) -> None:
    assert _told(*values) == caller


@pytest.mark.parametrize(
    "value",
    [
        "",
        "unknown",
        "203.0.113.7,",
        "203.0.113",
        "203.0.113.007",
        "203.0.113.7:x",
        "203.0.113.7:",
        "[2001:db8::7",
        "fe80::1%x",
        "é",
    ],
)
def test_a_balancers_word_that_is_no_address_is_refused(value: str) -> None:
    with pytest.raises(MalformedRequest):
        _told(value)
