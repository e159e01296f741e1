"""The request target and the host: judged on their octets, refused where two readings are possible, never mended."""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from relay.errors import AmbiguousTarget, MalformedRequest, WrongHost
from relay.message.head import RequestHead

# What needs no second look: segments that begin with a letter, digit, `_`, `-` or `~`, and nothing encoded.
_PLAIN = re.compile(rb"((?:/[\w~-][\w.~-]*)+)(?:\?[\w!$&'()*+,\-./:;=?@~]*)?\Z")
# Visible ASCII without quote, angle brackets, backslash and fragment (RFC 3986, and what real clients send unescaped);
_ORIGIN_FORM = re.compile(rb"/[!$%&'()*+,\-./0-9:;=?@A-Z_a-z~\[\]|{}^`]*\Z")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# What servers behind us may read differently from us: dot segments, encoded slashes and backslashes, empty
# segments, path parameters that hide a dot segment, encoded control characters (a NUL ends a name, CRLF a line).
_AMBIGUOUS = re.compile(rb"//|(?:^|/)(?:\.|%2e){1,2}(?:/|;|\Z)|%2f|%5c|\\|%[01][0-9a-f]|%7f", re.IGNORECASE)
# Servers behind servers decode more than once; a path that is still not plain after so many means no good.
_MOST_DECODINGS: Final = 3
_ABSOLUTE_FORM = re.compile(rb"https?://([^/?#]+)(/.*)\Z", re.IGNORECASE | re.DOTALL)
_LONGEST_AUTHORITY: Final = 253 + 6  # RFC 1035 section 2.3.4, a colon and five digits
# A name, or an address; that of version 6 is never one of ours, but no less a host.
_HOST = re.compile(rb"([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?\Z")


class Target:
    """A request target in origin form; `octets` is path and query together, just as they came."""

    __slots__ = ("host", "octets", "path")

    def __init__(self, octets: bytes, path: bytes, host: str) -> None:
        self.octets: Final = octets
        self.path: Final = path
        self.host: Final = host

    def below(self, prefix: bytes) -> "Target":
        """Return the same without the `prefix` that it begins with; a query alone has no path."""
        return Target(self.octets.removeprefix(prefix), self.path.removeprefix(prefix), self.host)

    def __repr__(self) -> str:
        return f"<Target at {self.host}>"  # a path may name a patient


def target_of(head: RequestHead) -> Target:
    """Return where the request wants to go. Raises MalformedRequest, AmbiguousTarget or WrongHost."""
    host = _host(head)
    octets = head.target
    if plain := _PLAIN.match(octets):
        return Target(octets, plain[1], host)
    if absolute := _ABSOLUTE_FORM.match(octets):
        if _name(absolute[1]) != host:
            raise WrongHost("the target names another host than the Host field")
        octets = absolute[2]
    elif octets == b"*" and head.method == b"OPTIONS":  # the server as a whole (RFC 9110 section 9.3.7)
        return Target(octets, octets, host)
    if not _ORIGIN_FORM.match(octets) or _BAD_ESCAPE.search(octets):
        raise MalformedRequest("the target is not a path with an optional query")
    path = octets.partition(b"?")[0]
    if _is_ambiguous(path):
        raise AmbiguousTarget(
            "the path has dot segments, empty segments, encoded slashes or controls; send it in plain form"
        )
    return Target(octets, path, host)


def _is_ambiguous(path: bytes) -> bool:
    """Whether the path, as it stands or decoded by a server behind us, has more than one reading."""
    for _ in range(_MOST_DECODINGS + 1):
        if _AMBIGUOUS.search(path):
            return True
        if b"%" not in path or (decoded := unquote_to_bytes(path)) == path:
            return False
        path = decoded
    return True


def _host(head: RequestHead) -> str:
    places = head.fields.shape.where.get(b"host", ())
    if len(places) != 1:
        raise MalformedRequest("exactly one Host field is needed")
    return _name(head.fields.at(places[0]))


def _name(authority: bytes) -> str:
    if len(authority) > _LONGEST_AUTHORITY:
        raise MalformedRequest("the host is longer than any name with a port")
    return _remembered_name(authority)


@lru_cache(maxsize=256)
def _remembered_name(authority: bytes) -> str:
    match = _HOST.match(authority)
    if not match or (match[2] is not None and int(match[2]) > 65535):
        raise MalformedRequest("the host is not a name with an optional port")
    return match[1].decode("ascii").lower()
