"""Witnesses: whoever answers with the address that a question came from. Asked from the egress itself, over IPv4.

What they answer is from outside: bounded in size and time, and taken for nothing but an address.
"""

import ssl
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Protocol
from urllib.parse import urlsplit

import orjson

from relay.upstream.egress import Egress
from relay.upstream.enquiry import Unanswered, enquire

# Octets and seconds. The longest that is meant is the gate's `whoami`, of a few hundred octets.
_LONGEST: Final = 4096
_PATIENCE: Final = 5.0


class WitnessSilent(Unanswered):
    """A witness told no address; the detail says why, in words that are ours."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a witness said: the address that it sees, and its Date field, as it stood there."""

    address: IPv4Address
    date: str | None


class Witness(Protocol):
    """Whoever can tell which address the world sees."""

    @property
    def name(self) -> str:
        """What log and errors call it."""
        ...

    @property
    def gate(self) -> bool:
        """Whether its word alone is enough."""
        ...

    async def ask(self, egress: Egress) -> IPv4Address:
        """Return the address that it sees when asked from the egress. Raises WitnessSilent, and within seconds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlWitness:
    """A URL that answers with an address: as text, or in a JSON object, as the reference gate's `whoami` does.

    `context` has no certificate to show: a witness never learns whose address it is.
    """

    url: str
    gate: bool
    context: ssl.SSLContext = field(repr=False)
    seconds: float = _PATIENCE

    @property
    def name(self) -> str:
        """Host and port: path and query may hold a token."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port or 443}"

    async def ask(self, egress: Egress) -> IPv4Address:
        """Return the address that it sees: see `Witness.ask`."""
        return (await self.word(egress)).address

    async def word(self, egress: Egress) -> Told:
        """Ask over a connection that is made for it: a kept one would tell how it was seen once."""
        try:
            reply = await enquire(self.url, egress, self.context, longest=_LONGEST, seconds=self.seconds)
        except Unanswered as silent:
            raise WitnessSilent(silent.detail) from None
        if reply.status != 200:
            raise WitnessSilent(f"answered {reply.status}")
        return Told(address_in(reply.octets), reply.date)


def address_in(octets: bytes) -> IPv4Address:
    """Return the one IPv4 address in an answer: alone, or as a member of a JSON object. Raises WitnessSilent."""
    text = octets.decode("utf-8", "replace").strip()
    if (alone := _address(text)) is not None:
        return alone
    try:
        told = orjson.loads(text)
    except ValueError:
        raise WitnessSilent("answered with neither an IPv4 address nor JSON") from None
    members = told.values() if isinstance(told, dict) else [told]
    found = {address for member in members if (address := _address(member)) is not None}
    if len(found) != 1:
        raise WitnessSilent(f"answered with {len(found)} IPv4 addresses")
    return found.pop()


def _address(told: object) -> IPv4Address | None:
    if not isinstance(told, str):
        return None
    try:
        address = ip_address(told)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped  # as servers on both families see a caller over IPv4
    return address
