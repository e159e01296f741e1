"""All private keys of a PKCS#12 file: a browser's "backup all" has one for each certificate, OpenSSL reads the first.

Only keys are looked for, and only where tools put them: in the part of the file that is not encrypted as a whole, each
protected by itself (RFC 7292 section 4.2).
"""

from collections.abc import Iterator
from typing import Final

from cryptography.hazmat.primitives.serialization import load_der_private_key

from relay.x509.identity import UNREADABLE
from relay.x509.pem import Key

# Object identifiers as they stand in DER.
_DATA: Final = bytes.fromhex("2a864886f70d010701")
_KEY: Final = bytes.fromhex("2a864886f70d010c0a0101")
_PROTECTED_KEY: Final = bytes.fromhex("2a864886f70d010c0a0102")


def keys_in(data: bytes, password: str) -> list[Key]:
    """Return the keys that can be read. Nothing is raised: a file in another shape has none for us."""
    try:
        return list(_keys(data, password))
    except (ValueError, IndexError):
        return []


def _keys(data: bytes, password: str) -> Iterator[Key]:
    _version, safe, *_mac = _parts(_only(data))
    for content in _parts(_plain(safe)):
        if _parts(content)[0] != _DATA:
            continue
        for bag in _parts(_plain(content)):
            kind, value, *_attributes = _parts(bag)
            key = _opened(kind, value, password)
            if key is not None:
                yield key


def _opened(kind: bytes, value: bytes, password: str) -> Key | None:
    if kind not in (_KEY, _PROTECTED_KEY):
        return None
    try:
        key = load_der_private_key(value, password.encode() if kind == _PROTECTED_KEY else None)
    except UNREADABLE:
        return None
    return key if isinstance(key, Key) else None


def _plain(content: bytes) -> bytes:
    """Return the parts that a ContentInfo of plain data holds: a sequence in an octet string in a tag of its own."""
    kind, wrapped = _parts(content)
    if kind != _DATA:
        raise ValueError("the content is not plain data")
    return _only(_only(wrapped))


def _only(data: bytes) -> bytes:
    """Return the value of the one element that stands here; what may follow it is no concern of ours."""
    for element in _elements(data):
        return element
    raise ValueError("there is no element where one should be")


def _parts(data: bytes) -> list[bytes]:
    return list(_elements(data))


def _elements(data: bytes) -> Iterator[bytes]:
    """Yield the values of DER elements that stand one after another. Raises ValueError or IndexError for other data."""
    at = 0
    while at < len(data):
        length, at = data[at + 1], at + 2
        if length == 0x80:
            raise ValueError("an element without a length is BER")
        if length > 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise ValueError("an element is longer than what is left")
        yield data[at : at + length]
        at += length
