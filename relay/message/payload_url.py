"""The absolute `payload.url` of message lists, made to lead to the relay: those octets alone, and no others.

VECOZO lists messages with an absolute address for the payload of each. A caller from the cloud that follows it goes
past the relay, and is refused.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

import orjson

from relay.message.fields import Fields, Line
from relay.message.head import RequestHead, ResponseHead

# A list is some hundreds of octets for each of 250 messages at most. What is longer than this is passed on as it is.
LONGEST_LIST: Final = 1024 * 1024

COUNT: Final = b"X-Relay-Payload-Urls"

# `GET .../berichten` and `POST .../berichten/zoeken`; never `.../berichten/{traceerId}/payload`, whatever that holds.
_LISTS: Final = {b"GET": b"/berichten", b"POST": b"/berichten/zoeken"}

_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]:,]')
_URL: Final = re.compile(
    rb'"(?P<scheme>https:(?:/|\\/){2})(?P<authority>[A-Za-z0-9.:-]+)(?P<path>(?:/|\\/)[^"?#]*)[^"]*"', re.IGNORECASE
)
# What tells of the very octets of a body; it would be wrong of the octets that go on.
_OF_THE_OCTETS: Final = frozenset((b"content-digest", b"content-length", b"content-md5", b"digest", b"repr-digest"))


class Rewritten(NamedTuple):
    """A body, and how many addresses in it lead to us now."""

    body: bytes
    addresses: int


def asks_for_list(method: bytes, path: bytes) -> bool:
    """Whether a request asks for a list of messages."""
    end = _LISTS.get(method)
    return end is not None and path.endswith(end)


def may_be_rewritten(head: ResponseHead) -> bool:
    """Whether an answer is a whole JSON document, in plain octets, that nobody forbids to change (RFC 9110, 7.7)."""
    fields = head.fields
    if head.status != 200 or b"no-transform" in b",".join(fields.values(b"cache-control")).lower():
        return False
    kind, _, parameters = (fields.first(b"content-type") or b"").lower().partition(b";")
    if kind.strip() != b"application/json" or (b"charset" in parameters and b"utf-8" not in parameters):
        return False
    return all(coding.strip().lower() == b"identity" for coding in fields.values(b"content-encoding"))


def rewritten(body: bytes, *, authority: bytes, ours: bytes, leads: Callable[[bytes], bool]) -> Rewritten:
    """Return the body with each `payload.url` that leads to `authority` leading to `ours` instead.

    `leads` says whether a path leads anywhere at ours. All else stays octet for octet; what is no JSON stays whole.
    """
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return Rewritten(body, 0)
    pieces: list[bytes] = []
    done = 0
    for start, text in _payload_urls(body):
        url = _URL.fullmatch(text)
        if url is None or not _same(url["authority"], authority):
            continue
        if leads(url["path"].replace(b"\\/", b"/")):
            pieces += (body[done : start + url.start("authority")], ours)
            done = start + url.end("authority")
    if not pieces:
        return Rewritten(body, 0)
    return Rewritten(b"".join((*pieces, body[done:])), len(pieces) // 2)


def of_other_octets(head: ResponseHead, size: int) -> ResponseHead:
    """Return the head for a body of so many octets that means the same as the one that it came with, but is another.

    What told of the octets is gone, and a strong ETag is a weak one: it still serves to ask whether anything changed.
    """
    lines: list[Line] = []
    for name, value in head.fields.lines:
        low = name.lower()
        if low == b"etag" and value.strip().startswith(b'"'):
            lines.append((name, b" W/%b\r\n" % value.strip()))
        elif low not in _OF_THE_OCTETS:
            lines.append((name, value))
    lines.append((b"Content-Length", b" %d\r\n" % size))
    return ResponseHead(head.status, head.reason, Fields(lines=tuple(lines)))


def own_authority(head: RequestHead) -> bytes:
    """Return the authority under which the caller came to us."""
    return head.fields.first(b"host") or b""


def _payload_urls(body: bytes) -> list[tuple[int, bytes]]:
    """Return where each string stands that is the `url` of an object that is itself the `payload` of another."""
    found: list[tuple[int, bytes]] = []
    within: list[bytes] = []  # for each open object or list the name under which it stands, if any
    name = last = b""
    for token in _TOKEN.finditer(body):
        text = token[0]
        if text == b":":
            name, last = _plain(last), b""
        elif text in (b"{", b"["):
            within.append(name)
            name = b""
        elif text in (b"}", b"]"):
            within.pop()
            name = b""
        elif text == b",":
            name = b""
        elif name == b'"url"' and within[-1] == b'"payload"':
            found.append((token.start(), text))
        else:
            last = text
    return found


def _plain(name: bytes) -> bytes:
    return orjson.dumps(orjson.loads(name)) if b"\\" in name else name


def _same(one: bytes, other: bytes) -> bool:
    return one.lower().removesuffix(b":443") == other.lower().removesuffix(b":443")
