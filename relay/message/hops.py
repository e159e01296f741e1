"""What belongs to one hop or to us, and so never travels on (RFC 9110 section 7.6.1, RFC 9209 section 2)."""

from functools import cache
from typing import Final

from relay.message.head import Fields

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

_OURS: Final = (b"x-relay-",)
_OF_THE_CALLER: Final = (b"x-relay-", b"x-forwarded-")

# `Connection` may name fields of one hop; it cannot name away what frames or routes a message. Its own two options
# name no field that would travel on anyway.
_NOT_NAMEABLE: Final = frozenset(
    (b"close", b"keep-alive", b"content-length", b"content-type", b"host", b"soapaction", b"via")
)


def sent_on(fields: Fields, secrets: frozenset[bytes]) -> list[tuple[bytes, bytes]]:
    """Return the request fields that travel to the upstream; `secrets` are lower-case names of credentials."""
    return _kept(fields, _not_sent_on(secrets), _OF_THE_CALLER)


def sent_back(fields: Fields) -> list[tuple[bytes, bytes]]:
    """Return the response fields that travel back to the caller."""
    return _kept(fields, NOT_SENT_BACK, _OURS)


@cache
def _not_sent_on(secrets: frozenset[bytes]) -> frozenset[bytes]:
    return NOT_SENT_ON | secrets


def _kept(fields: Fields, dropped: frozenset[bytes], prefixes: tuple[bytes, ...]) -> list[tuple[bytes, bytes]]:
    names = [name.lower() for name, _ in fields]
    if b"connection" in names and (named := connection_options(fields) - _NOT_NAMEABLE):
        dropped |= named
    return [
        field
        for name, field in zip(names, fields, strict=True)
        if name not in dropped and not name.startswith(prefixes)
    ]


def connection_options(fields: Fields) -> frozenset[bytes]:
    """Return the lower-case options of every Connection field."""
    given = b",".join(value for name, value in fields if name.lower() == b"connection")
    return frozenset(option.strip().lower() for option in given.split(b",")) if given else frozenset()
