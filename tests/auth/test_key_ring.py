"""The keys of an issuer: how long they hold, and how seldom a made-up name has them fetched."""

import orjson

from relay.auth.issuer import Issuer
from relay.auth.key_ring import LATEST, LONGEST_KEPT, REFRESH, UNKNOWN_EVERY, KeyRing, Keys, keys_in
from tests.kit import directory

ISSUER = Issuer.entra("entra", directory.TENANT, [directory.AUDIENCE])


def _keys(*jwks: dict[str, object]) -> Keys:
    return keys_in(orjson.dumps({"keys": jwks}), ISSUER.algorithms)


def test_what_no_fetch_confirmed_for_a_day_proves_nobody() -> None:
    now = [0.0]
    ring = KeyRing(ISSUER, lambda: now[0])
    ring.take(_keys(directory.jwk("one")))
    now[0] = LONGEST_KEPT - 1
    ring.failed()
    assert (ring.there, ring.away, ring.generation) == (True, True, 0)
    now[0] = LONGEST_KEPT
    ring.failed()
    assert (ring.there, ring.generation) == (False, 1)


def test_a_key_that_went_or_changed_ends_what_was_proven_by_it_and_a_new_one_does_not() -> None:
    ring = KeyRing(ISSUER, lambda: 0.0)
    assert ring.take(_keys(directory.jwk("one")))
    assert not ring.take(_keys(directory.jwk("one")))
    assert ring.take(_keys(directory.jwk("one"), directory.jwk("two", 1)))
    assert ring.generation == 0
    ring.take(_keys(directory.jwk("one", 1), directory.jwk("two", 1)))
    assert ring.generation == 1
    ring.take(_keys(directory.jwk("two", 1)))
    assert ring.generation == 2


def test_an_unknown_key_has_them_fetched_once_in_five_minutes() -> None:
    now = [0.0]
    ring = KeyRing(ISSUER, lambda: now[0])
    ring.take(_keys(directory.jwk("one")))
    assert ring.wants()
    ring.once_fetched(lambda: None)
    ring.take(_keys(directory.jwk("one")))
    now[0] = UNKNOWN_EVERY - 1
    assert not ring.wants()
    now[0] = UNKNOWN_EVERY
    assert ring.wants()


def test_a_silent_directory_is_asked_soon_and_then_less_and_less() -> None:
    ring = KeyRing(ISSUER, lambda: 0.0)
    pauses = []
    for _ in range(8):
        ring.failed()
        pauses.append(ring.pause)
    assert pauses == [1, 2, 4, 8, 16, 32, LATEST, LATEST]
    ring.take(_keys(directory.jwk("one")))
    assert ring.pause == REFRESH
