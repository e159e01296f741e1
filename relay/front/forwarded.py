"""Who calls, as balancers that speak HTTP tell in X-Forwarded-For: the nearest address that is none of theirs. Pure."""

import re
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final

from relay.errors import MalformedRequest
from relay.message.fields import Fields

FIELD: Final = b"x-forwarded-for"

_ADDRESS: Final = re.compile(rb"(?:([0-9.]+)(?::[0-9]{1,5})?|\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9A-Fa-f:.]+))\Z")


def caller_told(fields: Fields, *, peer: str, balances: Callable[[str], bool]) -> str:
    """Return the address of the caller whose call came from `peer`, which `balances` calls.

    Each of them adds whom it was called by at the right, so what stands left of the first stranger is that one's own
    word and never looked at. Raises MalformedRequest when a balancer's word is no address.
    """
    nearest = peer
    told = b",".join(fields.values(FIELD)).split(b",") if FIELD in fields.shape.where else []
    for entry in reversed(told):
        try:
            nearest = _address(entry.strip())
        except ValueError:
            raise MalformedRequest("X-Forwarded-For, as a load balancer gave it, holds no address") from None
        if ":" in nearest or not balances(nearest):
            return nearest
    return nearest


def _address(text: bytes) -> str:
    """Return an address as it is written usually: some add a port, some write IPv4 as IPv6. Raises ValueError."""
    match = _ADDRESS.match(text)
    if match is None:
        raise ValueError
    address = ip_address((match[1] or match[2] or match[3]).decode())
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)
