"""Request and response heads as octets, in the order and the spelling in which they came."""

from collections.abc import Sequence
from dataclasses import dataclass, field

Field = tuple[bytes, bytes]
Fields = tuple[Field, ...]


def first(fields: Fields, name: bytes) -> bytes | None:
    """Return the first value of the field `name` (lower case)."""
    return next((value for each, value in fields if each.lower() == name), None)


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request head. `target` is exactly what stood in the request line."""

    method: bytes
    target: bytes
    fields: Fields
    # Half a dozen questions are asked of every head; the names are lowered for the first of them only.
    _values: dict[bytes, list[bytes]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def values(self, name: bytes) -> Sequence[bytes]:
        """Return each value of the field `name` (lower case), in order."""
        found = self._values
        if not found:
            for each, value in self.fields:
                found.setdefault(each.lower(), []).append(value)
        return found.get(name, ())


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
