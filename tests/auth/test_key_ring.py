"""The keys of an issuer: how long they hold, and how seldom a made-up name has them fetched."""

from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from relay.auth.issuer import Issuer
from relay.auth.key_ring import KeyRing, Keys, KeysUnfit, keys_in
from tests.kit import directory

ISSUER = Issuer.entra("entra", directory.TENANT, [directory.AUDIENCE])


def _keys(*jwks: dict[str, object]) -> Keys:
    return keys_in(orjson.dumps({"keys": jwks}), ISSUER.algorithms)


def test_what_no_fetch_confirmed_for_a_day_proves_nobody() -> None:
    now = [0.0]
    ring = KeyRing(ISSUER, lambda: now[0])
    ring.take(_keys(directory.jwk("one")))
    now[0] = 24 * 3600 - 1
    ring.failed()
    assert (ring.there, ring.away, ring.generation) == (True, True, 0)
    now[0] = 24 * 3600
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
    now[0] = 300 - 1
    assert not ring.wants()
    now[0] = 300
    assert ring.wants()


def test_a_silent_directory_is_asked_soon_and_then_less_and_less() -> None:
    ring = KeyRing(ISSUER, lambda: 0.0)
    pauses = []
    for _ in range(8):
        ring.failed()
        pauses.append(ring.pause)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    ring.take(_keys(directory.jwk("one")))
    assert ring.pause == 3600


def _short() -> dict[str, Any]:
    """Return a key that somebody with patience could factor."""
    key = generate_private_key(65537, 1024)
    return dict(RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)) | {"kid": "one", "use": "sig"}


UNFIT = {
    "for encryption": directory.jwk("one", use="enc"),
    "for another algorithm": directory.jwk("one", alg="RS512"),
    "with its secret": dict(RSAAlgorithm.to_jwk(directory.key(), as_dict=True)) | {"kid": "one", "key_ops": None},
    "without a name": {name: value for name, value in directory.jwk("one").items() if name != "kid"},
    "named by a number": directory.jwk("one") | {"kid": 1},
    "of no kind that is known": directory.jwk("one", kty="oct", k="AAAA"),
    "in pieces": directory.jwk("one", n="%"),
    "short": _short(),
}


@pytest.mark.parametrize("jwk", UNFIT.values(), ids=UNFIT.keys())
def test_a_key_that_is_unfit_is_passed_over_and_the_others_count(jwk: dict[str, Any]) -> None:
    with pytest.raises(KeysUnfit):
        _keys(jwk)
    assert list(_keys(jwk, directory.jwk("two", 1))) == [("two", "RS256")]


def test_a_set_is_not_longer_than_any_directory_has() -> None:
    assert len(_keys(*(directory.jwk(str(number)) for number in range(64)))) == 64
    with pytest.raises(KeysUnfit):
        _keys(*(directory.jwk(str(number)) for number in range(65)))


def test_a_key_counts_for_the_algorithms_of_its_kind_and_curve() -> None:
    curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1()}
    keys = [
        dict(ECAlgorithm.to_jwk(ec.generate_private_key(curve).public_key(), as_dict=True)) | {"kid": name}
        for name, curve in curves.items()
    ]
    keys.append(
        dict(OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate().public_key(), as_dict=True)) | {"kid": "EdDSA"}
    )
    keys.append(directory.jwk("RS256"))
    algorithms = frozenset(("RS256", "ES256", "ES384", "EdDSA"))
    found = keys_in(orjson.dumps({"keys": keys}), algorithms)
    assert set(found) == {(name, name) for name in algorithms}
