"""What a caller says of how long it means to wait: only ever shorter than what we allow (RFC 7240)."""

import pytest

from relay.errors import MalformedRequest
from relay.message.fields import Field, Fields
from relay.message.wait import Wait, shorter_wait


def _wait(*fields: Field) -> Wait | None:
    return shorter_wait(Fields(fields), 45)


@pytest.mark.parametrize(
    ("value", "applied"),
    [
        (b"wait=10", 10),
        (b"WAIT = 10", 10),
        (b"respond-async, wait=10", 10),
        (b"return=minimal; x=1 , wait=10; y", 10),
        (b'foo="a, wait=1, \\"", wait=10', 10),
        (b"wait=10, wait=5", 10),
        (b"wait=45", None),
        (b"wait=46", None),
        (b"wait=999999", None),
        (b"wait=0", None),
        (b"wait", None),
        (b"wait=", None),
        (b"wait=ten", None),
        (b'wait="10"', None),
        (b"wait=-1", None),
        (b"wait=1.5", None),
        (b"wait=nan", None),
        (b"wait=ten, wait=10", None),
        (b"await=10", None),
        (b"respond-async", None),
        (b'"', None),
        (b'foo="unfinished, wait=1', None),
        (b"", None),
    ],
)
def test_the_first_preference_to_wait_counts_where_it_is_one_and_shorter(value: bytes, applied: int | None) -> None:
    expected = Wait(applied, b"wait=%d" % applied) if applied else None
    assert _wait((b"Prefer", value)) == expected


def test_preferences_of_several_fields_are_one_list() -> None:
    assert _wait((b"Prefer", b"respond-async"), (b"prefer", b"wait=3"), (b"Prefer", b"wait=2")) == Wait(3, b"wait=3")


@pytest.mark.parametrize(
    ("value", "seconds"), [(b"20", 20), (b"2.5", 2.5), (b"0.001", 0.001), (b"45", None), (b"46", None)]
)
def test_a_timeout_counts_where_it_is_shorter(value: bytes, seconds: float | None) -> None:
    assert _wait((b"X-Relay-Timeout", value)) == (Wait(seconds, b"") if seconds else None)


@pytest.mark.parametrize(
    "value", [b"", b"0", b"0.0", b"-1", b"+1", b"1e1", b"inf", b"nan", b"ten", b"1,2", b"1 s", b"1234567"]
)
def test_a_timeout_that_is_none_is_malformed(value: bytes) -> None:
    with pytest.raises(MalformedRequest, match="X-Relay-Timeout"):
        _wait((b"X-Relay-Timeout", value))


def test_a_timeout_given_twice_is_malformed() -> None:
    with pytest.raises(MalformedRequest):
        _wait((b"X-Relay-Timeout", b"1"), (b"X-Relay-Timeout", b"1"))


def test_of_both_the_shorter_counts_and_only_an_applied_preference_is_told() -> None:
    assert _wait((b"Prefer", b"wait=3"), (b"X-Relay-Timeout", b"5")) == Wait(3, b"wait=3")
    assert _wait((b"Prefer", b"wait=5"), (b"X-Relay-Timeout", b"3")) == Wait(3, b"")
