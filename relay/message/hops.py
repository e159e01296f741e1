"""What belongs to one hop or to us, and so never travels on (RFC 9110 section 7.6.1, RFC 9209 section 2)."""

from functools import cache, lru_cache
from typing import Final

from relay.errors import MalformedRequest
from relay.message.fields import Fields, Line
from relay.message.head import RequestHead

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

# By these, balancers and clouds tell whose call it is: by address, or by client certificate. VECOZO sees one address
# and one certificate: ours.
OF_THE_CALLER: Final = frozenset(
    (
        b"cf-connecting-ip",
        b"cf-connecting-ipv6",
        b"client-cert",
        b"client-cert-chain",
        b"client-ip",
        b"fastly-client-ip",
        b"forwarded",
        b"true-client-ip",
        b"x-appengine-user-ip",
        b"x-arr-clientcert",
        b"x-azure-clientip",
        b"x-azure-socketip",
        b"x-client-cert",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-envoy-external-address",
        b"x-forwarded",
        b"x-original-forwarded-for",
        b"x-originating-ip",
        b"x-proxyuser-ip",
        b"x-real-ip",
        b"x-remote-addr",
        b"x-remote-ip",
        b"x-ssl-client-cert",
    )
)

# By these a proxy tells what it made another target or host of, and some servers go by them: then a caller could name
# a path that is not the one that was judged.
OF_A_REWRITE: Final = frozenset((b"x-original-host", b"x-original-url", b"x-rewrite-url"))

NOT_SENT_ON: Final = HOP_BY_HOP | OF_THE_CALLER | OF_A_REWRITE | {b"expect", b"host", b"max-forwards", b"proxy-status"}
NOT_SENT_BACK: Final = HOP_BY_HOP | {b"proxy-status"}

_LONGEST_REMEMBERED: Final = 128
_LONGEST_HOPS: Final = 9

_OURS: Final = (b"x-relay-",)
_NOT_SENT_ON_SO_BEGUN: Final = (b"x-relay-", b"x-forwarded-")

# `Connection` may name fields of one hop; it cannot name away what frames or routes a message. Its own two options
# name no field that would travel on anyway.
_NOT_NAMEABLE: Final = frozenset(
    (b"close", b"keep-alive", b"content-length", b"content-type", b"host", b"soapaction", b"via")
)


def sent_on(fields: Fields, secrets: frozenset[bytes]) -> tuple[Line, ...]:
    """Return the lines of the request that travel to the upstream; `secrets` are lower-case names of credentials."""
    return _kept(fields, _not_sent_on(secrets), _NOT_SENT_ON_SO_BEGUN)


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


def ends_here(head: RequestHead) -> bool:
    """Whether an OPTIONS is for us ourselves, and not to be sent on. Raises MalformedRequest.

    It asks about the server as a whole (RFC 9110 section 9.3.7), or has no hop left (section 7.6.2).
    """
    return head.target == b"*" or hops_left(head.fields) == 0


def hops_left(fields: Fields) -> int | None:
    """Return what Max-Forwards allows, which means something with OPTIONS only. Raises MalformedRequest."""
    given = fields.first(b"max-forwards")
    if given is None:
        return None
    if not given.isdigit() or len(given) > _LONGEST_HOPS:
        raise MalformedRequest("Max-Forwards is not one plain number")
    return int(given)


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
