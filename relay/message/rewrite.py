"""The head that came in, as the head that goes out: their host, our hop, none of the caller's secrets."""

from collections.abc import Sequence
from typing import Final

from relay.errors import Looped, MalformedRequest
from relay.message.fields import Field, Fields, Line, lines_of
from relay.message.framing import CHUNKED, Framing
from relay.message.head import RequestHead, ResponseHead
from relay.message.hops import hops_left, sent_back, sent_on

_CHUNKED_LINE: Final[Line] = (b"Transfer-Encoding", b" chunked\r\n")


def rewrite_request(
    head: RequestHead, *, target: bytes, host: bytes, secrets: frozenset[bytes], framing: Framing, pseudonym: bytes
) -> RequestHead:
    """Return the head to send upstream.

    `target` is path and query as they came, `host` the upstream's authority, `secrets` the lower-case names of
    the fields that hold our caller's credentials. Raises Looped when our pseudonym is in Via already, and
    MalformedRequest where Max-Forwards allows no hop.
    """
    if b"via" in head.fields.shape.where and any(_passed(via, pseudonym) for via in head.fields.values(b"via")):
        raise Looped("the call has been through this relay; a route of the relay leads back to itself")
    own: tuple[Line, ...] = ((b"Via", b" 1.1 %b\r\n" % pseudonym),)
    if framing is CHUNKED:
        own = (_CHUNKED_LINE, *own)
    if head.method == b"OPTIONS" and b"max-forwards" in head.fields.shape.where:
        own = (_one_hop_less(head.fields), *own)
    host_line = (b"Host", b" %b\r\n" % host)
    return RequestHead(head.method, target, Fields(lines=(host_line, *sent_on(head.fields, secrets), *own)))


def rewrite_response(head: ResponseHead, *, own: Sequence[Field]) -> ResponseHead:
    """Return the head to answer with: status, reason phrase and fields as they came, and our `own` after them."""
    lines = sent_back(head.fields)
    if head.status == 204:  # RFC 9110 section 8.6: a length there would have a caller wait for a body
        lines = tuple(line for line in lines if line[0].lower() != b"content-length")
    return ResponseHead(head.status, head.reason, Fields(lines=(*lines, *lines_of(own))))


def _one_hop_less(fields: Fields) -> Line:
    left = hops_left(fields)
    if not left:
        raise MalformedRequest("Max-Forwards allows no hop, and this would be one")
    return b"Max-Forwards", b" %d\r\n" % (left - 1)


def _passed(via: bytes, pseudonym: bytes) -> bool:
    hops = (hop.split() for hop in via.lower().split(b","))
    return any(len(hop) > 1 and hop[1] == pseudonym.lower() for hop in hops)
