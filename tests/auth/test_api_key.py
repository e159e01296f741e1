"""API keys: long, random, shown once, stored as a digest."""

import hashlib
import re

from relay.auth.api_key import digest_of, new_key
from relay.settings.client import ApiKey


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
