"""What the names of a head's fields say, worked out once for each combination of names rather than for each call.

A caller's software sends the same names with every call. What depends on names alone (where the host stands, which
fields travel on) is therefore remembered, within bounds; values never are.
"""

from functools import lru_cache
from typing import Final

# Combinations remembered, and the octets of names above which a combination is not worth the memory.
_MOST_SHAPES: Final = 1024
_LONGEST_NAMES: Final = 2048

Names = tuple[bytes, ...]


class Shape:
    """The names of a head: lowered, in order, and where each stands. Never changed once made."""

    __slots__ = ("_kept", "names", "where")

    def __init__(self, names: Names) -> None:
        self.names = tuple([name.lower() for name in names])
        self.where: dict[bytes, list[int]] = {}
        for place, name in enumerate(self.names):
            self.where.setdefault(name, []).append(place)
        self._kept: dict[tuple[frozenset[bytes], Names], tuple[int, ...]] = {}

    def __repr__(self) -> str:
        return f"<Shape of {len(self.names)} fields>"

    def kept(self, dropped: frozenset[bytes], prefixes: Names) -> tuple[int, ...]:
        """Return the places of the fields that are neither `dropped` nor begin with one of `prefixes`."""
        kept = self._kept.get((dropped, prefixes))
        if kept is None:
            kept = self._kept[dropped, prefixes] = self.kept_now(dropped, prefixes)
        return kept

    def kept_now(self, dropped: frozenset[bytes], prefixes: Names) -> tuple[int, ...]:
        """Return the same without remembering it: for what depends on one call's values."""
        names = enumerate(self.names)
        return tuple([place for place, name in names if name not in dropped and not name.startswith(prefixes)])


def shape_of(names: Names) -> Shape:
    """Return the shape of a head with these names, as they are spelled."""
    if sum(map(len, names)) > _LONGEST_NAMES:
        return Shape(names)
    return _remembered(names)


_remembered = lru_cache(maxsize=_MOST_SHAPES)(Shape)
