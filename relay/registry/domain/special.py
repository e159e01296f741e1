"""The IPv4 ranges that are nobody's public address, and why: an explicit table, so that no Python version decides.

`ipaddress.is_global` changed its mind between releases; Python 3.11 calls 192.0.0.8 and multicast global.
"""

from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from typing import Final


class Special(StrEnum):
    """Why an address cannot be the one that VECOZO sees."""

    PRIVATE = "private"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link_local"
    SHARED = "shared"
    MULTICAST = "multicast"
    RESERVED = "reserved"
    DOCUMENTATION = "documentation"


SPECIAL: Final[tuple[tuple[IPv4Network, Special], ...]] = tuple(
    (IPv4Network(network), special)
    for network, special in (
        ("0.0.0.0/8", Special.RESERVED),  # "this network", RFC 791
        ("10.0.0.0/8", Special.PRIVATE),  # RFC 1918, and Q12
        ("100.64.0.0/10", Special.SHARED),  # behind a provider's NAT, RFC 6598
        ("127.0.0.0/8", Special.LOOPBACK),  # RFC 1122
        ("169.254.0.0/16", Special.LINK_LOCAL),  # RFC 3927
        ("172.16.0.0/12", Special.PRIVATE),  # RFC 1918, and Q12
        ("192.0.0.0/24", Special.RESERVED),  # IETF protocol assignments, RFC 6890
        ("192.0.2.0/24", Special.DOCUMENTATION),  # RFC 5737
        ("192.88.99.0/24", Special.RESERVED),  # the former 6to4 relays, RFC 7526
        ("192.168.0.0/16", Special.PRIVATE),  # RFC 1918, and Q12
        ("198.18.0.0/15", Special.RESERVED),  # benchmarks, RFC 2544
        ("198.51.100.0/24", Special.DOCUMENTATION),  # RFC 5737
        ("203.0.113.0/24", Special.DOCUMENTATION),  # RFC 5737
        ("224.0.0.0/4", Special.MULTICAST),  # RFC 5771
        ("240.0.0.0/4", Special.RESERVED),  # RFC 1112; the last of them is the broadcast address
    )
)


def special_within(first: IPv4Address, last: IPv4Address) -> tuple[IPv4Network, Special] | None:
    """Return the first special range that shares an address with `first`..`last` (both included), or None."""
    for network, special in SPECIAL:
        if first <= network.broadcast_address and last >= network.network_address:
            return network, special
    return None
