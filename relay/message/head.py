"""Request and response heads as octets: values that never change, compared and passed on whole.

Plain classes, not named tuples: compiled, one is made and looked into without a detour through the interpreter.
"""

from collections.abc import Iterable
from typing import Final

from relay.message.fields import Field, Fields, lines_of


class RequestHead:
    """A request head. `target` is exactly what stood in the request line, `minor` the 0 or 1 of HTTP/1.x."""

    __slots__ = ("fields", "method", "minor", "target")

    def __init__(self, method: bytes, target: bytes, fields: Fields, minor: int = 1) -> None:
        self.method: Final = method
        self.target: Final = target
        self.fields: Final = fields
        self.minor: Final = minor

    def __repr__(self) -> str:
        return f"<RequestHead {self.method.decode('latin-1')} HTTP/1.{self.minor}, {self.fields!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RequestHead) and self._known() == other._known()

    def _known(self) -> tuple[bytes, bytes, Fields, int]:
        return self.method, self.target, self.fields, self.minor


class ResponseHead:
    """A response head. `reason` is exactly what followed the status: at VECOZO it tells refusals apart."""

    __slots__ = ("fields", "reason", "status")

    def __init__(self, status: int, reason: bytes, fields: Fields) -> None:
        self.status: Final = status
        self.reason: Final = reason
        self.fields: Final = fields

    def __repr__(self) -> str:
        return f"<ResponseHead {self.status} {self.reason.decode('latin-1')}, {self.fields!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResponseHead) and self._known() == other._known()

    def _known(self) -> tuple[int, bytes, Fields]:
        return self.status, self.reason, self.fields


def request_octets(head: RequestHead) -> bytes:
    """Return the head as it goes over the wire, in HTTP/1.1."""
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (head.method, head.target, head.fields.octets())


def response_octets(head: ResponseHead) -> bytes:
    """Return the head as it goes over the wire, in HTTP/1.1."""
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (head.status, head.reason, head.fields.octets())


def with_fields(head: ResponseHead, added: Iterable[Field]) -> ResponseHead:
    """Return the head with more fields at its end."""
    return ResponseHead(head.status, head.reason, Fields(lines=(*head.fields.lines, *lines_of(added))))
