"""The oracle: whether what reached the upstream is what the caller sent and the relay authorised, and nothing else."""

import re
from collections import Counter
from collections.abc import Iterator

from tests.kit.recording import MARK
from tests.kit.strict import Message

# Written by hand from the check-list (C12 to C17), apart from the relay's own tables.
NEVER_SENT_ON = frozenset(
    b"""connection keep-alive proxy-connection te trailer transfer-encoding upgrade http2-settings
    proxy-authenticate proxy-authorization proxy-authentication-info proxy-status expect forwarded x-api-key
    x-real-ip x-client-ip client-ip true-client-ip cf-connecting-ip cf-connecting-ipv6 x-cluster-client-ip
    x-azure-clientip x-azure-socketip x-original-forwarded-for fastly-client-ip x-proxyuser-ip
    x-envoy-external-address x-original-host x-original-url x-rewrite-url""".split()
)
_BEGINNINGS = (b"x-forwarded-", b"x-relay-")
_NOT_NAMEABLE = frozenset((b"content-length", b"content-type", b"host", b"soapaction", b"via"))
_AUTHORITY = re.compile(rb"https?://[^/]+", re.IGNORECASE)


def differences(sent: Message, came: Message, host: bytes) -> Iterator[str]:
    """Yield in what `came` is not what was `sent`, as a gateway sends it to `host`."""
    target = _AUTHORITY.sub(b"", sent.target, count=1) if not sent.target.startswith(b"/") else sent.target
    for what, was, now in (
        ("method", sent.method, came.method),
        ("target", target, came.target),
        ("version", b"HTTP/1.1", came.version),
        ("body", sent.body, came.body),
        ("host", [host], came.values(b"host")),
        ("via", [*sent.values(b"via"), b"1.1 relay"], came.values(b"via")),
        ("max-forwards", _forwards_left(sent), came.values(b"max-forwards")),
        ("fields", _travelling(sent), _travelling(came)),
    ):
        if was != now:
            yield f"{what} was {was!r:.200} and came as {now!r:.200}"
    if came.extras:
        yield f"chunk extensions or trailers went on: {came.extras!r:.200}"
    yield from (f"{name.decode()} went on" for name in _stayed_not(came))
    if len(came.values(b"content-length") + came.values(b"transfer-encoding")) != _framings(sent):
        yield "the framing is not the one that was sent, once"


def _travelling(message: Message) -> list[tuple[bytes, bytes]]:
    named = {option.strip().lower() for value in message.values(b"connection") for option in value.split(b",")}
    dropped = (NEVER_SENT_ON | named - _NOT_NAMEABLE | {b"host", b"via", b"max-forwards"}) - {MARK}
    return [pair for pair in message.fields if pair[0].lower() not in dropped and not _ours(pair[0])]


def _ours(name: bytes) -> bool:
    return name.lower().startswith(_BEGINNINGS)


def _stayed_not(came: Message) -> Iterator[bytes]:
    names = Counter(name.lower() for name, _ in came.fields)
    yield from sorted(name for name in names if name in NEVER_SENT_ON - {b"transfer-encoding"} or _ours(name))


def _framings(sent: Message) -> int:
    return min(1, len(sent.values(b"content-length") + sent.values(b"transfer-encoding")))


def _forwards_left(sent: Message) -> list[bytes]:
    if sent.method != b"OPTIONS":
        return []
    return [b"%d" % (int(value) - 1) for value in sent.values(b"max-forwards")]
