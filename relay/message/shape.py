"""What the names of a head's fields say, worked out once for each combination of names rather than for each call.

A caller's software sends the same names with every call. What depends on names alone (where the host stands, which
fields travel on) is therefore remembered, within bounds; values never are.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

# Combinations remembered, and the octets of names above which a combination is not worth the memory.
_MOST_SHAPES: Final = 256
_LONGEST_NAMES: Final = 2048

Names = tuple[bytes, ...]
Pick = Callable[[Sequence[Any]], tuple[Any, ...]]


class Shape:
    """The names of a head: lowered, in order, and where each stands. Never changed once made."""

    __slots__ = ("_picks", "names", "where")

    def __init__(self, names: Names) -> None:
        self.names = tuple([name.lower() for name in names])
        self.where: dict[bytes, list[int]] = {}
        for place, name in enumerate(self.names):
            self.where.setdefault(name, []).append(place)
        self._picks: dict[tuple[frozenset[bytes], Names], Pick] = {}

    def __repr__(self) -> str:
        return f"<Shape of {len(self.names)} fields>"

    def without(self, dropped: frozenset[bytes], prefixes: Names) -> Pick:
        """Return what picks, from as many things, those whose names are not `dropped` nor so begun."""
        pick = self._picks.get((dropped, prefixes))
        if pick is None:
            pick = self._picks[dropped, prefixes] = self.without_now(dropped, prefixes)
        return pick

    def without_now(self, dropped: frozenset[bytes], prefixes: Names) -> Pick:
        """Return the same without remembering it: for what depends on one call's values."""
        names = enumerate(self.names)
        return _picking([place for place, name in names if name not in dropped and not name.startswith(prefixes)])


def _picking(places: list[int]) -> Pick:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda things: tuple([things[place] for place in places])


def shape_of(names: Names) -> Shape:
    """Return the shape of a head with these names, as they are spelled."""
    if sum(map(len, names)) > _LONGEST_NAMES:
        return Shape(names)
    return _remembered(names)


_remembered = lru_cache(maxsize=_MOST_SHAPES)(Shape)
