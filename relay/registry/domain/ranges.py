"""All that is registered for one user number, compiled for the question whether an address is among it."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from typing import Final, Self

from relay.registry.domain.addresses import AddressRange, IPAddress

Bounds = tuple[int, int]


class Ranges:
    """Ranges in the order of their first addresses, each once. Never changed once made.

    Kept as numbers of 32 bits: the first addresses; the last ones; and how far each range and those before it reach at
    most, so that one look tells whether any of them, however they overlap, has an address: twelve octets for a range.
    """

    __slots__ = ("_numbers",)

    def __init__(self, bounds: Iterable[Bounds] = ()) -> None:
        """Take first and last addresses as numbers, in any order."""
        ordered = sorted(set(bounds))
        numbers = array("I", [first for first, _ in ordered])
        numbers.extend(last for _, last in ordered)
        reach = 0
        for _, last in ordered:
            reach = max(reach, last)
            numbers.append(reach)
        self._numbers: Final = numbers

    def __repr__(self) -> str:
        return f"<Ranges {', '.join(map(str, self))}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and self._numbers == other._numbers

    def __hash__(self) -> int:
        return hash(self._numbers.tobytes())

    def __len__(self) -> int:
        return len(self._numbers) // 3

    def __iter__(self) -> Iterator[AddressRange]:
        for first, last in self.bounds():
            yield AddressRange(IPv4Address(first), IPv4Address(last))

    def __contains__(self, address: IPAddress) -> bool:
        """Whether the address, which a range never is when it is one of IPv6, lies in any of them."""
        if not isinstance(address, IPv4Address):
            return False
        numbers, number = self._numbers, int(address)
        count = len(numbers) // 3
        begun = bisect_right(numbers, number, 0, count)
        return begun > 0 and numbers[2 * count + begun - 1] >= number

    def bounds(self) -> Iterator[Bounds]:
        """Yield each range's first and last address as numbers, in order."""
        count = len(self)
        return zip(self._numbers[:count], self._numbers[count : 2 * count], strict=True)

    def having(self, added: AddressRange) -> Self:
        """Return these and one more; these themselves, if it is among them."""
        new = (int(added.first), int(added.last))
        return self if self._has(new) else type(self)((*self.bounds(), new))

    def without(self, removed: AddressRange) -> Self:
        """Return these but for the one that is just so."""
        old = (int(removed.first), int(removed.last))
        return type(self)(each for each in self.bounds() if each != old)

    def _has(self, bounds: Bounds) -> bool:
        ordered = list(self.bounds())
        place = bisect_left(ordered, bounds)
        return place < len(ordered) and ordered[place] == bounds


NONE: Final = Ranges()
