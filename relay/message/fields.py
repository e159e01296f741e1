"""The fields of a head, in the order and the spelling in which they came."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from relay.message.shape import Shape, shape_of

Field = tuple[bytes, bytes]

_NONE: Final[Sequence[bytes]] = ()
_NAME: Final = itemgetter(0)


class Fields(tuple[Field, ...]):
    """Pairs of name and value: a tuple, which also knows what its names say."""

    shape: Shape

    def __getattr__(self, name: str) -> Shape:
        """Work out `shape` at the first question, and have it stand there for the dozen that follow."""
        if name != "shape":
            raise AttributeError(name)
        self.shape = shape_of(map(_NAME, self))
        return self.shape

    def values(self, name: bytes) -> Sequence[bytes]:
        """Return each value of the field `name` (lower case), in order."""
        places = self.shape.where.get(name)
        if places is None:
            return _NONE
        if len(places) == 1:
            return (self[places[0]][1],)
        return [self[place][1] for place in places]

    def first(self, name: bytes) -> bytes | None:
        """Return the first value of the field `name` (lower case)."""
        places = self.shape.where.get(name)
        return self[places[0]][1] if places else None
