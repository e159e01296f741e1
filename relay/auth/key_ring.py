"""The keys of an issuer, as they were last fetched; and when they have to be fetched again.

The ring decides and fetches nothing: whoever keeps it does, one fetch at a time, and says how that went.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWTError
from jwt.api_jwk import PyJWK

from relay.auth.issuer import Issuer

# Seconds. Keys are fetched each hour; what no fetch confirmed for a day no longer proves anybody.
REFRESH: Final = 3600.0
LONGEST_KEPT: Final = 24 * 3600.0
# A token with a key that is not here has them fetched, but so seldom: anybody can make up a `kid`.
UNKNOWN_EVERY: Final = 300.0
# After a failure: soon, and then twice as long each time, up to this.
SOONEST: Final = 1.0
LATEST: Final = 60.0

# Tokens that wait for a fetch to end.
MOST_WAITING: Final = 256

_MOST: Final = 64
_SHORTEST_RSA: Final = 2048
_KINDS: Final = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384"),
    "OKP": ("EdDSA",),
}
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "EdDSA": "Ed25519"}


class KeysUnfit(Exception):
    """What was fetched holds no keys to go by. The detail says why, and quotes nothing of it."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


Keys = Mapping[tuple[str, str], PyJWK]


def keys_in(octets: bytes, algorithms: frozenset[str]) -> Keys:
    """Return the keys of a set (RFC 7517) by `kid` and algorithm, for each algorithm that they can be used with.

    Raises KeysUnfit where there is none. Secret and short keys, and those for encryption, are passed over.
    """
    try:
        told = orjson.loads(octets)
    except ValueError:
        raise KeysUnfit("answered with something else than JSON") from None
    listed = told.get("keys") if isinstance(told, dict) else None
    if not isinstance(listed, list):
        raise KeysUnfit("answered with JSON that is no set of keys")
    if len(listed) > _MOST:
        raise KeysUnfit(f"answered with more than {_MOST} keys")
    keys: dict[tuple[str, str], PyJWK] = {}
    for each in listed:
        if isinstance(each, dict) and isinstance(each.get("kid"), str) and each.get("use", "sig") == "sig":
            for algorithm in _algorithms_of(each, algorithms):
                if (key := _key(each, algorithm)) is not None:
                    keys[each["kid"], algorithm] = key
    if not keys:
        raise KeysUnfit("answered with no key that can be used")
    return keys


def _algorithms_of(jwk: Mapping[str, Any], algorithms: frozenset[str]) -> frozenset[str]:
    """Return those that the key itself allows: a key is for one algorithm where it says so, and fits a kind anyway."""
    usable = algorithms & frozenset(_KINDS.get(str(jwk.get("kty")), ()))
    usable = frozenset(each for each in usable if _CURVES.get(each, jwk.get("crv")) == jwk.get("crv"))
    return usable & {jwk["alg"]} if isinstance(jwk.get("alg"), str) else usable


def _key(jwk: dict[str, Any], algorithm: str) -> PyJWK | None:
    if "d" in jwk:
        return None
    try:
        key = PyJWK(jwk, algorithm)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < _SHORTEST_RSA:
        return None
    return key


class KeyRing:
    """The keys of one issuer in this process. `now` tells a clock that never goes back, in seconds."""

    def __init__(self, issuer: Issuer, now: Callable[[], float]) -> None:
        self.issuer = issuer
        # What was proven under one generation may not be so under the next: a key went.
        self.generation = 0
        # From the beginning, so that the first calls wait for keys rather than be refused.
        self.fetching = True
        self._now = now
        self._keys: Keys | None = None
        self._marks: Mapping[tuple[str, str], bytes] = {}
        self._taken_at = self._asked_at = -LONGEST_KEPT
        self._failures = 0
        self._waiting: list[Callable[[], None]] = []
        self._wake: Callable[[], object] = _nothing

    def __repr__(self) -> str:
        return f"<KeyRing {self.issuer.name}: {'none' if self._keys is None else len(self._keys)}>"

    @property
    def there(self) -> bool:
        """Whether there are keys to go by."""
        return self._keys is not None

    @property
    def away(self) -> bool:
        """Whether the issuer could not be asked the last time: it may have keys that are not known here."""
        return self._failures > 0

    def key(self, kid: str, algorithm: str) -> PyJWK | None:
        """Return the key, if it is in the set and for that algorithm."""
        return None if self._keys is None else self._keys.get((kid, algorithm))

    # -- who waits -------------------------------------------------------------------------------------------

    def awaken_by(self, wake: Callable[[], object]) -> None:
        """Have `wake` called when keys have to be fetched now."""
        self._wake = wake

    def wants(self) -> bool:
        """Whether a fetch is under way or may begin, for the sake of a key that is not here."""
        return self.fetching or (self.there and self._now() - self._asked_at >= UNKNOWN_EVERY)

    @property
    def crowded(self) -> bool:
        """Whether as many wait as may: who waits has proven nothing yet, and its token is kept meanwhile."""
        return len(self._waiting) >= MOST_WAITING

    def once_fetched(self, told: Callable[[], None]) -> None:
        """Have `told` hear when the fetch under way has ended; begin one if none is."""
        self._waiting.append(told)
        if not self.fetching:
            self._asked_at = self._now()
            self.fetching = True
            self._wake()

    # -- how fetches went ------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Take that a fetch begins."""
        self.fetching = True

    def take(self, keys: Keys) -> bool:
        """Go by these keys from now on, and return whether they are others than before."""
        marks = {place: _mark(key) for place, key in keys.items()}
        changed = marks != self._marks
        if any(marks.get(place) != mark for place, mark in self._marks.items()):
            self.generation += 1
        self._keys, self._marks, self._taken_at, self._failures = keys, marks, self._now(), 0
        self._end()
        return changed

    def failed(self) -> None:
        """Keep what is known, unless it is too old."""
        self._failures += 1
        if self.there and self._now() - self._taken_at >= LONGEST_KEPT:
            self._keys, self._marks = None, {}
            self.generation += 1
        self._end()

    @property
    def pause(self) -> float:
        """How long to wait until the next fetch, in seconds."""
        return min(SOONEST * 2 ** min(self._failures - 1, 16), LATEST) if self._failures else REFRESH

    def _end(self) -> None:
        self.fetching = False
        waiting, self._waiting = self._waiting, []
        for told in waiting:
            told()


def _mark(key: PyJWK) -> bytes:
    """Return what tells a key from others, whatever its name."""
    public: bytes = key.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return public


def _nothing() -> None:
    """Wake nobody."""
