"""Signature-Input, Signature and Content-Digest, read as the structured fields that they are (RFC 9651)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import http_sf

from relay.message.digest import ALGORITHMS, BodyDigest

# Octets of one of these fields. One signature needs a few hundred.
_LONGEST: Final = 4096


class NotReadable(Exception):
    """The field is not as its RFC has it, or can be read in two ways."""


@dataclass(frozen=True, slots=True)
class SignatureInput:
    """One signature: which components it covers, with which parameters, and the octets that prove it.

    `text` is the canonical form of the first two, which is itself signed.
    """

    covered: Sequence[str]
    params: Mapping[str, object]
    text: str
    signature: bytes


def read_signatures(inputs: bytes, signatures: bytes) -> Sequence[SignatureInput]:
    """Return what two fields, each given once, hold under the same labels. Raises NotReadable."""
    described, proven = _dictionary(inputs), _dictionary(signatures)
    if described.keys() != proven.keys():
        raise NotReadable
    return [_signature(described[label], proven[label]) for label in described]


def read_digests(lines: Sequence[bytes]) -> BodyDigest:
    """Return the digests of Content-Digest that can be checked. Raises NotReadable where there is none."""
    digests = {name: _octets(each) for name, each in _dictionary(b", ".join(lines)).items() if name in ALGORITHMS}
    if not digests:
        raise NotReadable
    return BodyDigest(digests)


def _dictionary(octets: bytes) -> Mapping[str, object]:
    """Return the members: a pair of value and parameters each. A name that stands twice has no one meaning."""
    if len(octets) > _LONGEST:
        raise NotReadable
    try:
        return cast("dict[str, object]", http_sf.parse(octets, tltype="dictionary", on_duplicate_key=_refuse))
    except ValueError:
        raise NotReadable from None


def _refuse(_key: str, _where: str) -> None:
    raise NotReadable


def _signature(member: object, proof: object) -> SignatureInput:
    match member:
        case (list() as items, dict() as params):
            covered = [_name(item) for item in items]
            return SignatureInput(covered, params, http_sf.ser([(items, params)]), _octets(proof))
        case _:
            raise NotReadable


def _name(item: object) -> str:
    match item:
        case (str() as name, {}) if not item[1]:
            return name
        case _:
            raise NotReadable


def _octets(member: object) -> bytes:
    match member:
        case (bytes() as octets, _):
            return octets
        case _:
            raise NotReadable
