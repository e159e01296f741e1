"""What every way of proving who calls has to keep: the contract of `Authenticator`.

A new way adds one entry to WAYS: how to make it, the fields of a call that it accepts, and those of calls that
it must refuse.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from relay.auth.api_key import ApiKeys, digest_of, new_key
from relay.auth.caller import Authenticator, Caller
from relay.errors import CallerUnknown
from relay.message.fields import Field, Fields
from relay.message.head import RequestHead

CALLER = Caller("dynamics", frozenset(("linde",)), "api_key")


@dataclass(frozen=True)
class Way:
    """One way, ready to be tried. `secret` is what must never show."""

    authenticator: Authenticator
    nobody: Authenticator
    right: tuple[Field, ...]
    secret: str
    wrong: dict[str, tuple[Field, ...]] = field(default_factory=dict)


def _api_key() -> Way:
    key, other = new_key(), new_key()
    name, text = b"X-Api-Key", key.text.encode()
    return Way(
        authenticator=ApiKeys({key.id: (key.digest, CALLER), other.id: (other.digest, CALLER)}),
        nobody=ApiKeys({}),
        right=((name, text),),
        secret=key.text,
        wrong={
            "altered": ((name, text[:-1] + (b"A" if text[-1:] != b"A" else b"B")),),
            "of another": ((name, f"rk_{other.id}_{key.text.rpartition('_')[2]}".encode()),),
            "cut short": ((name, text[:-1]),),
            "with more": ((name, text + b"x"),),
            "stored form": ((name, digest_of(text).encode()),),
            "not ASCII": ((name, text + b"\xff"),),
        },
    )


WAYS: dict[str, Callable[[], Way]] = {"api_key": _api_key}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]()


def _authenticate(authenticator: Authenticator, fields: Iterable[Field]) -> Caller:
    return authenticator.authenticate(RequestHead(b"POST", b"/", Fields(((b"Host", b"relay.example"), *fields))))


def test_right_credentials_prove_their_caller(way: Way) -> None:
    assert _authenticate(way.authenticator, way.right) is CALLER


def test_the_fields_names_may_be_in_any_case(way: Way) -> None:
    assert _authenticate(way.authenticator, tuple((name.swapcase(), value) for name, value in way.right)) is CALLER


def test_no_credentials_prove_nobody(way: Way) -> None:
    with pytest.raises(CallerUnknown):
        _authenticate(way.authenticator, ())


def test_empty_credentials_prove_nobody(way: Way) -> None:
    with pytest.raises(CallerUnknown):
        _authenticate(way.authenticator, tuple((name, b"") for name, _ in way.right))


def test_credentials_given_twice_prove_nobody(way: Way) -> None:
    """Two readers could each take another one of the two."""
    with pytest.raises(CallerUnknown):
        _authenticate(way.authenticator, way.right + way.right)


def test_wrong_credentials_prove_nobody_and_never_hear_which_part_was_wrong(way: Way) -> None:
    details = set()
    for fields in way.wrong.values():
        with pytest.raises(CallerUnknown) as refused:
            _authenticate(way.authenticator, fields)
        details.add(refused.value.detail)
    with pytest.raises(CallerUnknown) as refused:
        _authenticate(way.authenticator, ())
    assert details == {refused.value.detail}


def test_where_nobody_is_known_everybody_is_refused(way: Way) -> None:
    with pytest.raises(CallerUnknown):
        _authenticate(way.nobody, way.right)


def test_the_fields_with_credentials_are_named_so_that_they_stay_here(way: Way) -> None:
    assert {name.lower() for name, _ in way.right} <= way.authenticator.secrets


def test_no_secret_shows(way: Way) -> None:
    assert way.secret not in repr(way.authenticator)
    kept = [getattr(way.authenticator, name, None) for name in dir(way.authenticator)]
    assert way.secret not in repr(kept)
