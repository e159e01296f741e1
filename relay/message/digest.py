"""What a body has to hash to (RFC 9530), checked as the body comes."""

import hashlib
from collections.abc import Mapping
from hmac import compare_digest
from typing import Final

# The algorithms of RFC 9530 that resist collisions, by their names there and in hashlib.
ALGORITHMS: Final[Mapping[str, str]] = {"sha-256": "sha256", "sha-512": "sha512"}


class BodyDigest:
    """The digests that a body must have, all of them; at least one. By the names of ALGORITHMS."""

    __slots__ = ("_expected",)

    def __init__(self, expected: Mapping[str, bytes]) -> None:
        self._expected: Final = dict(expected)

    def __repr__(self) -> str:
        return f"<BodyDigest {', '.join(self._expected)}>"

    def begin(self) -> "BodyCheck":
        """Return what checks one body."""
        return BodyCheck(self._expected)


class BodyCheck:
    """One body under way: takes all its octets in order, and then tells whether it is the one that was meant."""

    __slots__ = ("_hashes",)

    def __init__(self, expected: Mapping[str, bytes]) -> None:
        self._hashes: Final = [(hashlib.new(ALGORITHMS[name]), octets) for name, octets in expected.items()]

    def __repr__(self) -> str:
        return f"<BodyCheck by {len(self._hashes)} digests>"

    def take(self, octets: bytes) -> None:
        """Take the next octets, if any."""
        for each, _ in self._hashes:
            each.update(octets)

    def right(self) -> bool:
        """Whether what was taken has every digest that it must have."""
        return bool(self._hashes) and all(compare_digest(each.digest(), octets) for each, octets in self._hashes)
