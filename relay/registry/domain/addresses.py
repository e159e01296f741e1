"""What may be registered: a public IPv4 address, or a range of them, read strictly and written in one way."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv6Address, summarize_address_range

from relay.registry.domain.errors import RegistryError
from relay.registry.domain.special import special_within

IPAddress = IPv4Address | IPv6Address


class Refusal(StrEnum):
    """Why an address is not taken: one reason for every rule. The non-public ones carry the names of `Special`."""

    UNREADABLE = "unreadable"
    IPV6 = "ipv6"
    HOST_BITS = "host_bits"
    BACKWARDS = "backwards"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link_local"
    SHARED = "shared"
    MULTICAST = "multicast"
    RESERVED = "reserved"
    DOCUMENTATION = "documentation"


class AddressRefused(RegistryError):
    """The address cannot be registered. `detail` says what is wrong with it, and never repeats unreadable text."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True, order=True)
class AddressRange:
    """The addresses `first`..`last`, both included; a single address is a range of one.

    Two texts for the same addresses give equal values, and `str` gives their one canonical text.
    """

    first: IPv4Address
    last: IPv4Address

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise AddressRefused(Refusal.BACKWARDS, f"the range runs backwards, from {self.first} to {self.last}")

    def __contains__(self, address: IPAddress) -> bool:
        return isinstance(address, IPv4Address) and self.first <= address <= self.last

    def __len__(self) -> int:
        return int(self.last) - int(self.first) + 1

    def __str__(self) -> str:
        if self.first == self.last:
            return str(self.first)
        networks = list(summarize_address_range(self.first, self.last))
        return str(networks[0]) if len(networks) == 1 else f"{self.first}-{self.last}"


def parse_range(text: str, *, rehearsal: bool) -> AddressRange:
    """Read `198.100.20.7`, `198.100.20.0/28` or `198.100.20.7-198.100.20.9`, or raise `AddressRefused`.

    With `rehearsal` the addresses need not be public; every other rule stays. An en dash parts a range as well: the
    registration page writes ranges that way (Q12).
    """
    read = _read(text.strip())
    if not rehearsal:
        _refuse_special(read)
    return read


def unwrap(address: IPAddress) -> IPAddress:
    """Return the IPv4 address inside `::ffff:a.b.c.d`, as a dual-stack socket shows an IPv4 caller; others as is."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped if mapped is not None else address


def _read(text: str) -> AddressRange:
    for dash in ("-", "\N{EN DASH}"):
        first, parted, last = text.partition(dash)
        if parted:
            return AddressRange(_address(first.strip()), _address(last.strip()))
    network, parted, length = text.partition("/")
    if parted:
        return _network(_address(network), length)
    return AddressRange(_address(text), _address(text))


def _network(address: IPv4Address, length: str) -> AddressRange:
    if not (length.isascii() and length.isdecimal() and len(length) <= 2 and int(length) <= 32):
        raise AddressRefused(Refusal.UNREADABLE, "after the slash belongs a prefix length from 0 to 32")
    size = 1 << (32 - int(length))
    if int(address) % size:
        start = IPv4Address(int(address) - int(address) % size)
        # Masking the bits away would silently register more than what was asked for.
        raise AddressRefused(Refusal.HOST_BITS, f"{address} is not where a /{length} begins; that is {start}/{length}")
    return AddressRange(address, IPv4Address(int(address) + size - 1))


def _address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except AddressValueError:
        pass
    try:
        address = unwrap(IPv6Address(text))
    except AddressValueError:
        detail = "this is not an IPv4 address: four numbers from 0 to 255 with points between, without leading zeros"
        raise AddressRefused(Refusal.UNREADABLE, detail) from None
    if isinstance(address, IPv6Address):
        raise AddressRefused(Refusal.IPV6, f"{address} is an IPv6 address; only IPv4 can be registered")
    return address


def _refuse_special(asked: AddressRange) -> None:
    found = special_within(asked.first, asked.last)
    if found is not None:
        network, special = found
        within = f"{asked} is not public: it has addresses in {network} ({special.replace('_', '-')})"
        raise AddressRefused(Refusal(special), within)
