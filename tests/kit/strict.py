"""A strict reader of requests, written apart from the relay's own: the second opinion that tests judge by."""

import string
from dataclasses import dataclass, field

_TOKEN = frozenset((string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~").encode())
_VISIBLE = frozenset(range(0x21, 0x7F))
_VALUE = _VISIBLE | frozenset(range(0x80, 0x100)) | frozenset(b" \t")
_DIGITS = frozenset(b"0123456789")
_HEX = frozenset(b"0123456789abcdefABCDEF")


class Unsafe(Exception):
    """Octets that are not plainly one request after another."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One whole request. `extras` are chunk extensions and trailers, as they stood."""

    method: bytes
    target: bytes
    version: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes
    extras: list[bytes] = field(default_factory=list)

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of the fields with this lower-case name."""
        return [value for each, value in self.fields if each.lower() == name]


def read_request(octets: bytes) -> tuple[Message, bytes] | None:
    """Return the first request and what follows it, or None when it is not all there. Raises Unsafe."""
    end = octets.find(b"\r\n\r\n")
    if end < 0:
        return None
    line, *lines = octets[:end].split(b"\r\n")
    method, target, version = _request_line(line)
    fields = [_field(each) for each in lines]
    taken = _body(fields, version, octets[end + 4 :])
    if taken is None:
        return None
    body, extras, rest = taken
    return Message(method=method, target=target, version=version, fields=fields, body=body, extras=extras), rest


def read_requests(octets: bytes) -> list[Message]:
    """Return all requests in `octets`, one CRLF before each ignored. Raises Unsafe when they are not whole."""
    messages = []
    while octets:
        taken = read_request(octets.removeprefix(b"\r\n"))
        if taken is None:
            raise Unsafe(f"unfinished: {octets[:60]!r}")
        message, octets = taken
        messages.append(message)
    return messages


def _request_line(line: bytes) -> tuple[bytes, bytes, bytes]:
    words = line.split(b" ")
    if len(words) != 3:
        raise Unsafe(f"request line {line[:60]!r}")
    method, target, version = words
    if not method or not _TOKEN.issuperset(method) or not target or not _VISIBLE.issuperset(target):
        raise Unsafe(f"request line {line[:60]!r}")
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise Unsafe(f"version {version[:20]!r}")
    return method, target, version


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not name or not _TOKEN.issuperset(name) or not _VALUE.issuperset(value):
        raise Unsafe(f"field {line[:60]!r}")
    return name, value.strip(b" \t")


def _body(fields: list[tuple[bytes, bytes]], version: bytes, octets: bytes) -> tuple[bytes, list[bytes], bytes] | None:
    codings = [value for name, value in fields if name.lower() == b"transfer-encoding"]
    lengths = [value for name, value in fields if name.lower() == b"content-length"]
    if len(codings) + len(lengths) > 1:
        raise Unsafe("two framings")
    if codings:
        if codings[0].lower() != b"chunked" or version != b"HTTP/1.1":
            raise Unsafe(f"coding {codings[0][:20]!r}")
        return _chunks(octets)
    if not lengths:
        return b"", [], octets
    if not lengths[0] or not _DIGITS.issuperset(lengths[0]):
        raise Unsafe(f"length {lengths[0][:20]!r}")
    size = int(lengths[0])
    return None if len(octets) < size else (octets[:size], [], octets[size:])


def _chunks(octets: bytes) -> tuple[bytes, list[bytes], bytes] | None:
    body, extras = b"", []
    while True:
        line, ended, rest = octets.partition(b"\r\n")
        if not ended:
            return None
        digits, extension, more = line.partition(b";")
        if extension:
            extras.append(more)
        if not digits or not _HEX.issuperset(digits) or not _VALUE.issuperset(more):
            raise Unsafe(f"chunk size {line[:20]!r}")
        size = int(digits, 16)
        if not size:
            break
        if len(rest) < size + 2:
            return None
        if rest[size : size + 2] != b"\r\n":
            raise Unsafe("a chunk longer than its size")
        body, octets = body + rest[:size], rest[size + 2 :]
    after = _trailers(rest, extras)
    return None if after is None else (body, extras, after)


def _trailers(rest: bytes, extras: list[bytes]) -> bytes | None:
    while True:
        line, ended, rest = rest.partition(b"\r\n")
        if not ended:
            return None
        if not line:
            return rest
        _field(line)
        extras.append(line)
