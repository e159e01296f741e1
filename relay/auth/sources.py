"""Where a client may call from: ranges of IPv4 addresses, its own and those of Azure's service tags."""

from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError, collapse_addresses
from socket import AF_INET, inet_pton
from typing import Final

import orjson

# How a service tag is told from a range, in the settings.
OF_AZURE: Final = "azure:"

Tags = Mapping[str, tuple[str, ...]]


class Ranges:
    """IPv4 ranges; a look-up takes as long for a thousand of them as for one."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, networks: Iterable[IPv4Network]) -> None:
        merged = sorted(collapse_addresses(networks))
        self._firsts: Final = array("Q", [int(each.network_address) for each in merged])
        self._lasts: Final = array("Q", [int(each.broadcast_address) for each in merged])

    def __repr__(self) -> str:
        return f"<Ranges {len(self._firsts)}>"

    def __contains__(self, address: str) -> bool:
        try:
            number = int.from_bytes(inet_pton(AF_INET, address), "big")
        except OSError:  # IPv6, which is in no range
            return False
        place = bisect_right(self._firsts, number) - 1
        return place >= 0 and number <= self._lasts[place]


class ServiceTagsFault(Exception):
    """The file is not as Microsoft publishes it, or lacks a tag; says what is wrong and the remedy."""


def service_tags(octets: bytes, wanted: Collection[str]) -> Tags:
    """Return the IPv4 prefixes of each of the `wanted` tags in Azure's service-tag file. Raises ServiceTagsFault."""
    try:
        known = {each["name"]: each["properties"]["addressPrefixes"] for each in orjson.loads(octets)["values"]}
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise ServiceTagsFault(
            'is not the file "Azure IP Ranges and Service Tags" as Microsoft publishes it (JSON)'
        ) from None
    if missing := sorted(set(wanted) - set(known)):
        raise ServiceTagsFault(f"has no tag {', '.join(missing)}; names are such as PowerPlatformPlex.WestEurope")
    return {name: _of_version_4(name, known[name]) for name in sorted(wanted)}


def _of_version_4(name: str, prefixes: object) -> tuple[str, ...]:
    if not isinstance(prefixes, list) or not all(isinstance(each, str) for each in prefixes):
        raise ServiceTagsFault(f"has no list of prefixes for {name}")
    found = tuple(each for each in prefixes if ":" not in each)
    try:
        networks = [IPv4Network(each) for each in found]
    except (AddressValueError, NetmaskValueError, ValueError):
        raise ServiceTagsFault(f"has prefixes for {name} that are none") from None
    if not networks or any(not each.prefixlen for each in networks):
        raise ServiceTagsFault(f"has no IPv4 ranges for {name} that tell anybody apart")
    return found
