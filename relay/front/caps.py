"""How many callers at once: in all, and from one address. Pure."""

from enum import StrEnum


class Full(StrEnum):
    """Which cap a caller would go over."""

    ALL = "max_connections"
    ADDRESS = "max_connections_per_address"


class Caps:
    """Counts connections: each one enters, is known by its address as soon as that is known, and leaves."""

    __slots__ = ("_by_address", "_most", "_most_per_address", "in_all")

    def __init__(self, most: int, most_per_address: int | None) -> None:
        """`most_per_address` is None where one address may have as many as all."""
        self._most = most
        self._most_per_address = most_per_address
        self._by_address: dict[str, int] = {}
        self.in_all = 0

    def __repr__(self) -> str:
        return f"<Caps: {self.in_all} of {self._most} from {len(self._by_address)} addresses>"

    def enter(self) -> Full | None:
        """Count a connection, unless there are too many."""
        if self.in_all >= self._most:
            return Full.ALL
        self.in_all += 1
        return None

    def known(self, address: str) -> Full | None:
        """Count a connection that has entered under its address, unless that has too many."""
        number = self._by_address.get(address, 0)
        if self._most_per_address is not None and number >= self._most_per_address:
            return Full.ADDRESS
        self._by_address[address] = number + 1
        return None

    def leave(self, address: str | None) -> None:
        """Count a connection off; without an address where it was not counted under one."""
        self.in_all -= 1
        if address is None:
            return
        number = self._by_address[address] - 1
        if number:
            self._by_address[address] = number
        else:
            del self._by_address[address]  # or callers from ever new addresses would fill the memory
