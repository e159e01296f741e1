"""API keys: long, random, shown once, stored as a digest."""

import hashlib
import re
from datetime import UTC, datetime, timedelta

import pytest

from relay.auth.api_key import ApiKeys, KnownKey, NewKey, digest_of, new_key
from relay.auth.caller import Caller
from relay.errors import CallerUnknown
from relay.message.fields import Fields
from relay.message.head import RequestHead
from relay.message.query_key import key_in_query
from relay.settings.client import ApiKey

CALLER = Caller("dynamics", frozenset(("linde",)), "api_key")
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_a_new_key_has_an_identifier_and_256_random_bits() -> None:
    key = new_key()
    assert re.fullmatch(r"rk_[a-z2-7]{16}_[A-Za-z0-9_-]{43}", key.text)
    assert key.text.split("_")[1] == key.id


def test_no_two_keys_are_alike() -> None:
    keys = [new_key() for _ in range(100)]
    assert len({key.id for key in keys}) == len({key.text[20:] for key in keys}) == 100


def test_only_a_digest_of_the_whole_key_is_stored() -> None:
    key = new_key()
    assert key.digest == digest_of(key.text.encode()) == f"sha256:{hashlib.sha256(key.text.encode()).hexdigest()}"


def test_a_key_never_shows_itself_in_a_log_of_values() -> None:
    key = new_key()
    assert repr(key) == f"<NewKey {key.id}>"


def test_the_settings_take_what_a_new_key_gives_them() -> None:
    key = new_key()
    assert ApiKey(id=key.id, digest=key.digest).digest == key.digest


def _proven(key: NewKey, known: KnownKey, at: datetime) -> bool:
    head = RequestHead(b"GET", b"/", Fields(((b"X-Api-Key", key.text.encode()),)))
    try:
        return ApiKeys({key.id: known}).authenticate(head, None, at) is CALLER
    except CallerUnknown:
        return False


def test_a_key_proves_its_caller_until_it_expires() -> None:
    key = new_key()
    known = KnownKey(key.digest, CALLER, expires=AT)
    assert [_proven(key, known, AT + timedelta(seconds=late)) for late in (-1, 0, 1)] == [True, False, False]


def test_no_key_shows_in_what_is_known_of_it() -> None:
    key = new_key()
    assert repr(KnownKey(key.digest, CALLER)) == "<KnownKey of dynamics>"


def test_the_field_of_keys_is_one_that_is_given_and_neither_it_nor_the_usual_one_travels_on() -> None:
    key = new_key()
    keys = ApiKeys({key.id: KnownKey(key.digest, CALLER)}, field="Sleutel")
    usual, given = (
        RequestHead(b"GET", b"/", Fields(((name, key.text.encode()),))) for name in (b"X-Api-Key", b"SLEUTEL")
    )
    assert keys.authenticate(given, None, AT) is CALLER
    assert not keys.shown(usual, None)
    with pytest.raises(CallerUnknown, match=r"^Sleutel is missing"):
        keys.authenticate(usual, None, AT)
    assert keys.secrets(usual) == {b"sleutel", b"x-api-key"}


def test_every_new_key_is_told_in_a_query() -> None:
    text = new_key().text.encode()
    assert key_in_query(b"/?code=" + text) == text
