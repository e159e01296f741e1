"""Request and response heads as octets: frozen values, compared and passed on whole."""

from collections.abc import Iterable
from typing import NamedTuple

from relay.message.fields import Field, Fields, lines_of


class RequestHead(NamedTuple):
    """A request head. `target` is exactly what stood in the request line, `minor` the 0 or 1 of HTTP/1.x."""

    method: bytes
    target: bytes
    fields: Fields
    minor: int = 1


class ResponseHead(NamedTuple):
    """A response head. `reason` is exactly what followed the status: at VECOZO it tells refusals apart."""

    status: int
    reason: bytes
    fields: Fields


def request_octets(head: RequestHead) -> bytes:
    """Return the head as it goes over the wire, in HTTP/1.1."""
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (head.method, head.target, head.fields.octets())


def response_octets(head: ResponseHead) -> bytes:
    """Return the head as it goes over the wire, in HTTP/1.1."""
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (head.status, head.reason, head.fields.octets())


def with_fields(head: ResponseHead, added: Iterable[Field]) -> ResponseHead:
    """Return the head with more fields at its end."""
    return ResponseHead(head.status, head.reason, Fields(lines=(*head.fields.lines, *lines_of(added))))
