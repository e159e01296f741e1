"""Read a request head, strictly: what two servers could read in two ways is refused, nothing is ever mended.

RFC 9112 sections 2, 3 and 5. Pure: octets in, a head out, or the error that says what is wrong.
"""

import re
from functools import lru_cache
from typing import Final

from relay.errors import HeadTooLarge, MalformedRequest, TargetTooLong, VersionUnknown
from relay.message.fields import Fields
from relay.message.head import RequestHead

# Octets. Entra tokens with groups in them pass 8 KiB; RFC 9112 section 3 asks for request lines of 8,000.
LONGEST_TARGET: Final = 8_192
LONGEST_HEAD: Final = 64 * 1024
MOST_FIELDS: Final = 100

_REQUEST_LINE: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([^ ]+) HTTP/([0-9]+(?:\.[0-9]+)?)\Z")
# RFC 9110 section 5.6.2, without the underscore: CGI-like servers take it for a hyphen, so it could imitate ours.
_NAME: Final = re.compile(rb"[!#$%&'*+\-.^`|~0-9A-Za-z]+\Z")
# Octets that a head may hold besides line ends: visible ASCII, space, tab, and obs-text (RFC 9110 section 5.5).
_ALLOWED: Final = bytes((9, *range(32, 127), *range(128, 256)))
# Fields of which a second one is a trick, not a list.
_SINGLE: Final = frozenset((b"content-type", b"authorization", b"content-length", b"host", b"expect", b"soapaction"))


def scan(octets: bytes) -> RequestHead:
    """Return the head that `octets` are: everything before the empty line, without the CRLF that ends it.

    Raises MalformedRequest, TargetTooLong, HeadTooLarge or VersionUnknown.
    """
    lines = octets.split(b"\r\n")
    # With every CRLF taken out, no CR, LF, NUL or other control may be left.
    if octets.translate(None, _ALLOWED) != b"\r\n" * (len(lines) - 1):
        raise MalformedRequest("the head has a control character or a line that does not end in CRLF")
    if len(lines) > MOST_FIELDS + 1:
        raise HeadTooLarge(f"the head has more than {MOST_FIELDS} fields")
    method, target, minor = _request_line(lines[0])
    pairs = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon:
            raise MalformedRequest("a line of the head has no colon")
        pairs.append((name, value.strip(b" \t")))
    fields = Fields(pairs)
    _judge_names(fields)
    return RequestHead(method, target, fields, minor)


def _request_line(line: bytes) -> tuple[bytes, bytes, int]:
    match = _REQUEST_LINE.match(line)
    if match is None:
        raise MalformedRequest("the request line is not a method, a target and a version with one space between")
    method, target, version = match.groups()
    if version not in (b"1.1", b"1.0"):
        raise VersionUnknown("only HTTP/1.1 and HTTP/1.0 are spoken here")
    if len(target) > LONGEST_TARGET:
        raise TargetTooLong(f"the target is longer than {LONGEST_TARGET} octets")
    return method, target, version[2] - ord("0")


def _judge_names(fields: Fields) -> None:
    fault = _fault_in(fields.shape.names)
    if fault:
        raise MalformedRequest(fault)
    if any(len(places) > 1 for places in fields.shape.where.values()):
        for name in _SINGLE:
            if len(fields.shape.where.get(name, ())) > 1:
                raise MalformedRequest(f"{name.decode()} is given more than once")


@lru_cache(maxsize=1024)
def _fault_in(names: tuple[bytes, ...]) -> str:
    """Return what is wrong with the names of a head; empty when nothing is. Leading white space makes no name."""
    for name in names:
        if not _NAME.match(name):
            return "a field's name is empty, or has a space, an underscore or another octet that no name has"
    return ""
