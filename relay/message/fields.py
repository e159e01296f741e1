"""The fields of a head, in the order and the spelling in which they came."""

from collections.abc import Sequence
from typing import Final

from relay.message.shape import Shape, shape_of

Field = tuple[bytes, bytes]

_NONE: Final[Sequence[bytes]] = ()


class Fields(tuple[Field, ...]):
    """Pairs of name and value: a tuple, which also knows what its names say."""

    _shape: Shape | None = None

    @property
    def shape(self) -> Shape:
        """What the names say, worked out at the first question."""
        if self._shape is None:
            self._shape = shape_of(tuple([name for name, _ in self]))
        return self._shape

    def values(self, name: bytes) -> Sequence[bytes]:
        """Return each value of the field `name` (lower case), in order."""
        places = self.shape.where.get(name)
        return [self[place][1] for place in places] if places else _NONE

    def first(self, name: bytes) -> bytes | None:
        """Return the first value of the field `name` (lower case)."""
        places = self.shape.where.get(name)
        return self[places[0]][1] if places else None
