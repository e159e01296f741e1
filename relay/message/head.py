"""Request and response heads as octets, in the order and the spelling in which they came."""

from collections.abc import Iterator
from dataclasses import dataclass

Field = tuple[bytes, bytes]
Fields = tuple[Field, ...]


def values(fields: Fields, name: bytes) -> Iterator[bytes]:
    """Yield each value of the field `name` (lower case), in order."""
    for field, value in fields:
        if field.lower() == name:
            yield value


def first(fields: Fields, name: bytes) -> bytes | None:
    """Return the first value of the field `name` (lower case)."""
    return next(values(fields, name), None)


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request head. `target` is exactly what stood in the request line."""

    method: bytes
    target: bytes
    fields: Fields


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """A response head. `reason` is exactly what followed the status: at VECOZO it tells refusals apart."""

    status: int
    reason: bytes
    fields: Fields


def request_octets(head: RequestHead) -> bytes:
    """Return the head as it goes over the wire, in HTTP/1.1."""
    lines = [b"%b %b HTTP/1.1\r\n" % (head.method, head.target)]
    lines += [b"%b: %b\r\n" % field for field in head.fields]
    lines.append(b"\r\n")
    return b"".join(lines)


def response_octets(head: ResponseHead) -> bytes:
    """Return the head as it goes over the wire, in HTTP/1.1."""
    lines = [b"HTTP/1.1 %d %b\r\n" % (head.status, head.reason)]
    lines += [b"%b: %b\r\n" % field for field in head.fields]
    lines.append(b"\r\n")
    return b"".join(lines)
