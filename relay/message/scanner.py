"""Read heads, strictly: what two servers could read in two ways is refused, nothing is ever mended.

RFC 9112 sections 2 to 5. Octets in, a head out, or the error that says what is wrong.
"""

import re
from typing import Final

from relay.errors import (
    HeadTooLarge,
    MalformedRequest,
    MethodUnknown,
    RelayError,
    TargetTooLong,
    UpstreamInvalid,
    VersionUnknown,
)
from relay.message.fields import Fields
from relay.message.head import RequestHead, ResponseHead

# Octets. Entra tokens with groups in them pass 8 KiB; RFC 9112 section 3 asks for request lines of 8,000.
LONGEST_TARGET: Final = 8_192
LONGEST_HEAD: Final = 64 * 1024
MOST_FIELDS: Final = 100

_REQUEST_LINE: Final = rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]++) ([!-~\x80-\xff]++) HTTP/([0-9]\.[0-9])\r\n"
_STATUS_LINE: Final = rb"HTTP/([0-9]++(?:\.[0-9]++)?) ([1-9][0-9]{2})(?: ([\t -~\x80-\xff]*+))?\r\n"
# A name is a token (RFC 9110 section 5.6.2). In requests it has no underscore: CGI-like servers take that for a
# hyphen, so it could imitate ours. A value is visible ASCII, space, tab and obs-text (section 5.5); white space
# around it stays with its line. Possessive throughout: whatever somebody sends, it is passed over once.
_TOKEN: Final = rb"[!#$%&'*+\-.^`|~0-9A-Za-z]"
_THEIR_TOKEN: Final = _TOKEN.replace(rb"^", rb"^_")
_AFTER_COLON: Final = rb"[\t -~\x80-\xff]*+\r\n"
_REQUEST: Final = re.compile(_REQUEST_LINE + rb"(?:" + _TOKEN + rb"++:" + _AFTER_COLON + rb")*+\Z")
_RESPONSE: Final = re.compile(_STATUS_LINE + rb"(?:" + _THEIR_TOKEN + rb"++:" + _AFTER_COLON + rb")*+\Z")
# A line of a head that is known to be good.
_LINE: Final = re.compile(rb"([^:]++):([^\n]++\n)")
_REQUEST_BEGINS: Final = re.compile(_REQUEST_LINE)
_RESPONSE_BEGINS: Final = re.compile(_STATUS_LINE)
_BEGINNING: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]++)(?: ([!-~\x80-\xff]*+))?")
_WRONG_VERSION: Final = "only HTTP/1.1 and HTTP/1.0 are spoken here"
_MINOR: Final = {b"1.1": 1, b"1.0": 0}
# Fields of which a second one is a trick, not a list.
_SINGLE: Final = (
    b"authorization",
    b"content-length",
    b"content-location",
    b"content-range",
    b"content-type",
    b"date",
    b"expect",
    b"from",
    b"host",
    b"if-modified-since",
    b"if-range",
    b"if-unmodified-since",
    b"max-forwards",
    b"range",
    b"referer",
    b"soapaction",
    b"user-agent",
)


def scan_request(octets: bytes) -> RequestHead:
    """Return the head that `octets` are: everything before the empty line, with the CRLF that ends each line.

    Raises MalformedRequest, TargetTooLong, HeadTooLarge or VersionUnknown.
    """
    # The whole is judged at one go, and only a head that is wrong is looked at more closely.
    line = _REQUEST.match(octets)
    if line is None:
        raise _request_fault(octets)
    method, target, version = line.groups()
    minor = _MINOR.get(version)
    if minor is None:
        raise VersionUnknown(_WRONG_VERSION)
    if len(target) > LONGEST_TARGET:
        raise TargetTooLong(f"the target is longer than {LONGEST_TARGET} octets")
    fields = Fields(lines=_LINE.findall(octets, line.end(3) + 2))
    # Not asked with `in`: that takes octets for a number first, and the refusal is an exception each time.
    if octets.find(b"  ") >= 0 or octets.find(b" \r") >= 0 or octets.find(b"\t") >= 0:
        # White space that servers behind us may read in ways of their own: one space is what it means.
        fields = Fields(fields)
    count = len(fields.lines)
    if count > MOST_FIELDS:
        raise HeadTooLarge(f"the head has more than {MOST_FIELDS} fields")
    if len(fields.shape.where) != count:
        _judge_repeated(fields)
    return RequestHead(method, target, fields, minor)


def overlong(octets: bytes) -> RelayError:
    """Return what is wrong with the beginning of a request whose head passes LONGEST_HEAD, ended or not."""
    beginning = _BEGINNING.match(octets)
    if beginning is not None and len(beginning[1]) > LONGEST_TARGET:
        return MethodUnknown("the method is longer than any of HTTP's")  # RFC 9112 section 3
    if beginning is None or beginning[2] is None:
        return MalformedRequest("the request line is not a method, a target and a version with one space between")
    if len(beginning[2]) > LONGEST_TARGET:
        return TargetTooLong(f"the target is longer than {LONGEST_TARGET} octets")
    return HeadTooLarge(f"the head is larger than {LONGEST_HEAD} octets")


def scan_response(octets: bytes) -> tuple[ResponseHead, int]:
    """Return the head that `octets` are, as in `scan_request`, and the 0 or 1 of HTTP/1.x. Raises UpstreamInvalid."""
    line = _RESPONSE.match(octets)
    if line is None:
        if _RESPONSE_BEGINS.match(octets):
            raise UpstreamInvalid("a line in the head of the upstream's answer is no field")
        raise UpstreamInvalid("the upstream's answer does not begin as HTTP")
    version, status, reason = line.groups()
    minor = _MINOR.get(version)
    if minor is None:
        raise UpstreamInvalid("the upstream's answer is in another version of HTTP than 1.0 and 1.1")
    fields = Fields(lines=_LINE.findall(octets, octets.index(b"\n") + 1))
    return ResponseHead(int(status), reason or b"", fields), minor


def _request_fault(octets: bytes) -> RelayError:
    """Return what is wrong with a head that is none."""
    line = _REQUEST_BEGINS.match(octets)
    if line is None:
        return MalformedRequest("the request line is not a method, a target and a version with one space between")
    if line[3] not in _MINOR:
        return VersionUnknown(_WRONG_VERSION)
    return MalformedRequest("a line of the head is not a name, a colon and a value, ended by CRLF")


def _judge_repeated(fields: Fields) -> None:
    for name in _SINGLE:
        if len(fields.shape.where.get(name, ())) > 1:
            raise MalformedRequest(f"{name.decode()} is given more than once")
