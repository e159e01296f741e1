"""All that is registered for one user number, compiled for the question whether an address is among it."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime
from ipaddress import IPv4Address
from typing import Final, Self

from relay.registry.domain.addresses import AddressRange, IPAddress

Bounds = tuple[int, int]
Ending = tuple[int, int, datetime]


class Ranges:
    """Ranges in the order of their first addresses, each once. Never changed once made.

    Kept as numbers of 32 bits: the first addresses; the last ones; and how far each range and those before it reach at
    most, so that one look tells whether any of them, however they overlap, has an address: twelve octets for a range.
    The few that end some day are beside them, each with the moment from which it counts no longer.
    """

    __slots__ = ("_ending", "_numbers")

    def __init__(self, bounds: Iterable[Bounds] = (), ending: Iterable[Ending] = ()) -> None:
        """Take first and last addresses as numbers, in any order; of those in `ending` also when they end."""
        ordered = sorted(set(bounds))
        numbers = array("I", [first for first, _ in ordered])
        numbers.extend(last for _, last in ordered)
        reach = 0
        for _, last in ordered:
            reach = max(reach, last)
            numbers.append(reach)
        self._numbers: Final = numbers
        self._ending: Final = tuple(sorted(ending))

    def __repr__(self) -> str:
        return f"<Ranges {', '.join(map(str, self))}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and (self._numbers, self._ending) == (other._numbers, other._ending)

    def __hash__(self) -> int:
        return hash((self._numbers.tobytes(), self._ending))

    def __len__(self) -> int:
        return len(self._numbers) // 3 + len(self._ending)

    def __iter__(self) -> Iterator[AddressRange]:
        for first, last in sorted((*self._lasting(), *[(first, last) for first, last, _ in self._ending])):
            yield AddressRange(IPv4Address(first), IPv4Address(last))

    def have(self, address: IPAddress, *, at: datetime) -> bool:
        """Whether the address, which a range never has when it is one of IPv6, lies in any that counts at `at`."""
        if not isinstance(address, IPv4Address):
            return False
        numbers, number = self._numbers, int(address)
        count = len(numbers) // 3
        begun = bisect_right(numbers, number, 0, count)
        if begun > 0 and numbers[2 * count + begun - 1] >= number:
            return True
        return any(first <= number <= last and at < until for first, last, until in self._ending)

    def had(self, address: IPAddress, *, at: datetime) -> bool:
        """Whether the address lies in one that counted before `at`, and has ended."""
        if not self._ending or not isinstance(address, IPv4Address):
            return False
        number = int(address)
        return any(first <= number <= last and until <= at for first, last, until in self._ending)

    def among(self, asked: AddressRange) -> bool:
        """Whether the range that is just so is among them, ended or not."""
        bounds = (int(asked.first), int(asked.last))
        return self._has(bounds) or any((first, last) == bounds for first, last, _ in self._ending)

    def overlapping(self, asked: AddressRange) -> Iterator[AddressRange]:
        """Yield those that share addresses with this range, but for the one that is just so."""
        return (each for each in self if each != asked and each.first <= asked.last and asked.first <= each.last)

    def having(self, added: AddressRange, until: datetime | None = None) -> Self:
        """Return these and one more, or with another end; these themselves, if it is among them just so."""
        new = (int(added.first), int(added.last))
        if until is None and self._has(new):
            return self
        lasting, ending = self._without(new)
        if until is None:
            return type(self)((*lasting, new), ending)
        return type(self)(lasting, (*ending, (*new, until)))

    def without(self, removed: AddressRange) -> Self:
        """Return these but for the one that is just so."""
        return type(self)(*self._without((int(removed.first), int(removed.last))))

    def _without(self, bounds: Bounds) -> tuple[list[Bounds], list[Ending]]:
        return [each for each in self._lasting() if each != bounds], [
            each for each in self._ending if each[:2] != bounds
        ]

    def _lasting(self) -> Iterator[Bounds]:
        count = len(self._numbers) // 3
        return zip(self._numbers[:count], self._numbers[count : 2 * count], strict=True)

    def _has(self, bounds: Bounds) -> bool:
        ordered = list(self._lasting())
        place = bisect_left(ordered, bounds)
        return place < len(ordered) and ordered[place] == bounds


NONE: Final = Ranges()
