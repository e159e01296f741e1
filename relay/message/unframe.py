"""A body taken out of its framing, for both directions: what is data, what follows it, and when it is complete."""

from typing import Protocol

from relay.errors import RelayError
from relay.message.chunks import ChunkDecoder
from relay.message.framing import CHUNKED, Framing, Length


class Unframer(Protocol):
    """Reads one body. `ended` says that all of it has come; `rest` then holds what followed it."""

    @property
    def ended(self) -> bool:
        """Whether the framing says that this was all."""
        ...

    @property
    def rest(self) -> bytes:
        """What came after the end, and so is no part of this body."""
        ...

    def feed(self, octets: bytes) -> bytes:
        """Return the data in `octets`. Raises the sender's fault where the framing is broken."""
        ...


class ByLength:
    """A body of a known number of octets."""

    __slots__ = ("_left", "ended", "rest")

    def __init__(self, octets: int) -> None:
        self._left = octets
        self.ended = not octets
        self.rest = b""

    def feed(self, octets: bytes) -> bytes:
        """Return what belongs to the body."""
        left = self._left = self._left - len(octets)
        if left > 0:
            return octets
        self.ended = True
        if left == 0:
            return octets
        self._left = 0
        self.rest = octets[left:]
        return octets[:left]


class UntilClose:
    """A body that ends with its connection."""

    __slots__ = ()

    ended = False
    rest = b""

    def feed(self, octets: bytes) -> bytes:
        """Return all of it."""
        return octets


def unframer(framing: Framing, fault: type[RelayError]) -> Unframer:
    """Return what reads a body of this framing; `fault` is raised where its chunks are broken."""
    if isinstance(framing, Length):
        return ByLength(framing.octets)
    return ChunkDecoder(fault) if framing is CHUNKED else UntilClose()
