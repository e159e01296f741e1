"""Which field is ours, and what it holds."""

import pytest

from relay.auth.authorization import (
    AUTHORIZATION,
    BESIDE,
    challenges_for,
    credentials,
    field_of_ours,
    fields_kept,
    shows,
)
from relay.errors import CallerUnknown
from relay.message.fields import Field, Fields
from relay.message.head import RequestHead

OURS: Field = (b"Authorization", b"Bearer ours")
BESIDES: Field = (b"X-Relay-Authorization", b"Bearer ours")
THEIRS: Field = (b"Authorization", b"Bearer of-vecozo")


def _head(*fields: Field) -> RequestHead:
    return RequestHead(b"POST", b"/", Fields(fields))


def test_authorization_is_ours_and_stays_here() -> None:
    head = _head(OURS)
    assert field_of_ours(head) == AUTHORIZATION
    assert fields_kept(head) == {AUTHORIZATION}
    assert credentials(head, b"bearer") == b"ours"


@pytest.mark.parametrize("fields", [(BESIDES, THEIRS), (THEIRS, BESIDES)])
def test_beside_x_relay_authorization_it_is_vecozos_and_travels_on(fields: tuple[Field, ...]) -> None:
    head = _head(*fields)
    assert field_of_ours(head) == BESIDE
    assert fields_kept(head) == {BESIDE}
    assert credentials(head, b"bearer") == b"ours"


@pytest.mark.parametrize("value", [b"", b"Bearer", b"Basic b3Vycw=="])
def test_x_relay_authorization_counts_by_being_there(value: bytes) -> None:
    """What is meant for VECOZO proves nobody here, even where the other field holds nothing."""
    head = _head((b"X-Relay-Authorization", value), THEIRS)
    assert not credentials(head, b"bearer")
    assert fields_kept(head) == {BESIDE}


@pytest.mark.parametrize("first", [b"Bearer ours", b"Basic b3Vycw=="])
@pytest.mark.parametrize("name", [b"Authorization", b"X-Relay-Authorization"])
def test_a_field_given_twice_is_shown_and_refused_by_each_scheme_in_it(name: bytes, first: bytes) -> None:
    head = _head((name, first), (name, b"Bearer ours"))
    assert shows(head, b"bearer")
    for scheme in (b"bearer", b"basic"):
        with pytest.raises(CallerUnknown):
            credentials(head, scheme)


def test_a_scheme_has_any_case_and_any_number_of_spaces_behind_it() -> None:
    assert credentials(_head((b"authorization", b"bEARER   ours")), b"bearer") == b"ours"


def test_nothing_and_another_scheme_are_not_shown() -> None:
    for head in (_head(), _head((b"Authorization", b"Basic b3Vycw==")), _head((b"Authorization", b"Bearerours"))):
        assert not shows(head, b"bearer")
        assert credentials(head, b"bearer") is None


def test_whoever_showed_a_token_hears_that_it_is_not_valid_and_nobody_else_does() -> None:
    asked = (b'Bearer realm="relay"', b'Basic realm="relay"')
    assert challenges_for(_head(), asked) == asked
    assert challenges_for(_head((b"Authorization", b"Basic b3Vycw==")), asked) == asked
    assert challenges_for(_head(OURS), asked) == (b'Bearer realm="relay", error="invalid_token"', asked[1])
