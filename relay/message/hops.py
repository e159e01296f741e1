"""What belongs to one hop or to us, and so never travels on (RFC 9110 section 7.6.1, RFC 9209 section 2)."""

from functools import cache, lru_cache
from typing import Final

from relay.message.fields import Fields, Line

HOP_BY_HOP: Final = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    )
)

# Fields that speak of the caller or imitate us. VECOZO sees one address and one certificate: ours.
NOT_SENT_ON: Final = HOP_BY_HOP | {b"expect", b"forwarded", b"host", b"max-forwards", b"proxy-status", b"x-real-ip"}
NOT_SENT_BACK: Final = HOP_BY_HOP | {b"proxy-status"}

_LONGEST_REMEMBERED: Final = 128

_OURS: Final = (b"x-relay-",)
_OF_THE_CALLER: Final = (b"x-relay-", b"x-forwarded-")

# `Connection` may name fields of one hop; it cannot name away what frames or routes a message. Its own two options
# name no field that would travel on anyway.
_NOT_NAMEABLE: Final = frozenset(
    (b"close", b"keep-alive", b"content-length", b"content-type", b"host", b"soapaction", b"via")
)


def sent_on(fields: Fields, secrets: frozenset[bytes]) -> tuple[Line, ...]:
    """Return the lines of the request that travel to the upstream; `secrets` are lower-case names of credentials."""
    return _kept(fields, _not_sent_on(secrets), _OF_THE_CALLER)


def sent_back(fields: Fields) -> tuple[Line, ...]:
    """Return the lines of the response that travel back to the caller."""
    return _kept(fields, NOT_SENT_BACK, _OURS)


@cache
def _not_sent_on(secrets: frozenset[bytes]) -> frozenset[bytes]:
    return NOT_SENT_ON | secrets


def _kept(fields: Fields, dropped: frozenset[bytes], prefixes: tuple[bytes, ...]) -> tuple[Line, ...]:
    shape = fields.shape
    if b"connection" in shape.where and (named := connection_options(fields) - _NOT_NAMEABLE):
        return shape.without_now(dropped | named, prefixes)(fields.lines)
    return shape.without(dropped, prefixes)(fields.lines)


def asks_to_close(fields: Fields) -> bool:
    """Whether the connection ends with this message."""
    return b"connection" in fields.shape.where and b"close" in connection_options(fields)


def connection_options(fields: Fields) -> frozenset[bytes]:
    """Return the lower-case options of every Connection field."""
    places = fields.shape.where.get(b"connection", ())
    given = fields.at(places[0]) if len(places) == 1 else b",".join([fields.at(place) for place in places])
    return _options(given) if len(given) <= _LONGEST_REMEMBERED else _options.__wrapped__(given)


@lru_cache(maxsize=64)
def _options(given: bytes) -> frozenset[bytes]:
    return frozenset(option.strip().lower() for option in given.split(b","))
