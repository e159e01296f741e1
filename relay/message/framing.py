"""How a body is delimited: exactly one framing comes in and exactly one goes out (RFC 9112 section 6)."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from relay.errors import CodingUnknown, MalformedRequest, RelayError, UpstreamInvalid
from relay.message.fields import Fields
from relay.message.head import RequestHead


class Length(NamedTuple):
    """A body of a known number of octets."""

    octets: int


class _Mark:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


CHUNKED: Final = _Mark("CHUNKED")
UNTIL_CLOSE: Final = _Mark("UNTIL_CLOSE")
NO_BODY: Final = Length(0)

Framing = Length | _Mark

_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# 19 digits already pass 2**63; a longer one is an attack, not a body.
_LONGEST_LENGTH = 18


def request_framing(head: RequestHead) -> Framing:
    """Return the framing of a request's body. Raises MalformedRequest or CodingUnknown."""
    if not head.minor and b"transfer-encoding" in head.fields.shape.where:
        raise MalformedRequest("HTTP/1.0 knows no transfer codings")
    return _declared(head.fields, MalformedRequest) or NO_BODY


def response_framing(method: bytes, status: int, fields: Fields) -> Framing:
    """Return the framing of the answer to a request with `method`. Raises UpstreamInvalid."""
    declared = _declared(fields, UpstreamInvalid)
    if method == b"HEAD" or status in (204, 304) or status < 200:
        return NO_BODY
    return declared or UNTIL_CLOSE


def _declared(fields: Fields, fault: type[MalformedRequest] | type[UpstreamInvalid]) -> Framing | None:
    where = fields.shape.where
    lengths = where.get(b"content-length")
    if b"transfer-encoding" in where:
        codings = where[b"transfer-encoding"]
        if lengths:
            raise fault("both Transfer-Encoding and Content-Length are given; give one")
        if len(codings) > 1 or fields.at(codings[0]).lower() != b"chunked":
            raise _coding_fault([fields.at(place) for place in codings], fault)
        return CHUNKED
    if lengths is None:
        return None
    octets = fields.at(lengths[0])
    # Judged before it is remembered: what a stranger makes us remember is memory that a stranger takes.
    length = _length(octets) if len(octets) <= _LONGEST_LENGTH else None
    if length is None or len(lengths) > 1:
        # An answer's leading zeros end nowhere but here, and refusing it would leave a call's outcome unknown.
        if fault is UpstreamInvalid and len(lengths) == 1 and octets.isdigit() and len(octets) <= _LONGEST_LENGTH:
            return Length(int(octets))
        raise fault("Content-Length is not one plain number")
    return length


def _coding_fault(values: Iterable[bytes], fault: type[MalformedRequest] | type[UpstreamInvalid]) -> RelayError:
    """Return what is wrong with transfer codings that are not just chunked (RFC 9112 sections 6.1 and 6.3)."""
    codings = [coding.strip(b" \t").lower() for coding in b",".join(values).split(b",")]
    if fault is MalformedRequest and b"chunked" not in codings[:-1] and all(map(_TOKEN.fullmatch, codings)):
        return CodingUnknown("a transfer coding other than chunked is not known here")
    return fault("the only transfer coding is chunked, given once")


@lru_cache(maxsize=1024)
def _length(octets: bytes) -> Length | None:
    # Leading zeros are allowed and never sent. Who reads them as octal ends the body elsewhere than we do.
    return Length(int(octets)) if octets.isdigit() and (octets == b"0" or not octets.startswith(b"0")) else None
