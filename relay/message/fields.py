"""The fields of a head, in the order and the spelling in which they came."""

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Final

from relay.message.shape import Shape, shape_of

# A name and a value; and the same as it stands on the wire: all that follows the colon, with the CRLF at its end.
Field = tuple[bytes, bytes]
Line = tuple[bytes, bytes]

_NAME: Final = itemgetter(0)
_WHITE: Final = b" \t\r\n"


class Fields:
    """Names and values, kept as the lines that they came in, which also know what their names say.

    To pass a field on is to pass its line on: nothing is taken apart and put together on the way.
    """

    __slots__ = ("_shape", "lines")

    def __init__(self, fields: Iterable[Field] = (), *, lines: Sequence[Line] | None = None) -> None:
        """Take fields, or the lines that a scanner found to be fields."""
        self.lines = lines_of(fields) if lines is None else lines
        self._shape: Shape | None = None

    def __repr__(self) -> str:
        return f"<Fields {b', '.join(map(_NAME, self.lines)).decode('latin-1')}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Iterable) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[Field]:
        return iter([(name, line.strip(_WHITE)) for name, line in self.lines])

    @property
    def shape(self) -> Shape:
        """What the names say; worked out at the first question, and there for the dozen that follow."""
        shape = self._shape
        if shape is None:
            shape = self._shape = shape_of(tuple(map(_NAME, self.lines)))
        return shape

    def at(self, place: int) -> bytes:
        """Return the value in this place."""
        return self.lines[place][1].strip(_WHITE)

    def values(self, name: bytes) -> Sequence[bytes]:
        """Return each value of the field `name` (lower case), in order."""
        return [self.at(place) for place in self.shape.where.get(name, ())]

    def first(self, name: bytes) -> bytes | None:
        """Return the first value of the field `name` (lower case)."""
        places = self.shape.where.get(name)
        return self.at(places[0]) if places else None

    def octets(self) -> bytes:
        """Return the lines as they go over the wire."""
        return b"".join(map(b":".join, self.lines))


def lines_of(fields: Iterable[Field]) -> list[Line]:
    """Return fields as the lines that they are on the wire."""
    return [(name, b" %b\r\n" % value if value else b"\r\n") for name, value in fields]
