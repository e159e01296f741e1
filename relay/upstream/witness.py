"""Witnesses: whoever answers with the address that a question came from. Asked from the egress itself, over IPv4.

What they answer is from outside: bounded in size and time, and taken for nothing but an address.
"""

import asyncio
import ssl
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import AF_INET, socket
from typing import Final, Protocol
from urllib.parse import urlsplit

import aiohttp
import orjson

from relay.errors import RelayError
from relay.upstream.egress import Egress

# Octets and seconds. The longest that is meant is the gate's `whoami`, of a few hundred octets.
_LONGEST: Final = 4096
_PATIENCE: Final = 5.0
_FIELDS: Final = {"Accept": "application/json, text/plain", "Accept-Encoding": "identity", "User-Agent": "relay"}


class WitnessSilent(Exception):  # what happened, not the word Error
    """A witness told no address; the detail says why, in words that are ours."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Word:
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

    async def word(self, egress: Egress) -> Word:
        """Ask over a connection that is made for it: a kept one would tell how it was seen once."""
        try:
            async with asyncio.timeout(self.seconds):
                octets, date = await self._fetch(egress)
                return Word(address_in(octets), date)
        except TimeoutError:
            raise WitnessSilent(f"no answer within {self.seconds:g} seconds") from None
        except RelayError as error:  # no socket from there
            raise WitnessSilent(error.detail) from None
        except (aiohttp.ClientError, OSError) as error:
            raise WitnessSilent(f"cannot be asked: {type(error).__name__}") from None

    async def _fetch(self, egress: Egress) -> tuple[bytes, str | None]:
        connector = aiohttp.TCPConnector(
            family=AF_INET,
            ssl=self.context,
            force_close=True,
            use_dns_cache=False,
            happy_eyeballs_delay=None,
            resolver=aiohttp.ThreadedResolver(),
            socket_factory=lambda _address: _socket(egress),
        )
        async with (
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
            ) as session,
            session.get(self.url, allow_redirects=False, headers=_FIELDS) as answer,
        ):
            if answer.status != 200:
                raise WitnessSilent(f"answered {answer.status}")
            return await _read(answer.content), answer.headers.get("Date")


def _socket(egress: Egress) -> socket:
    return egress.socket()


async def _read(content: aiohttp.StreamReader) -> bytes:
    octets = b""
    while piece := await content.read(_LONGEST + 1 - len(octets)):
        octets += piece
        if len(octets) > _LONGEST:
            raise WitnessSilent(f"answered with over {_LONGEST} octets")
    return octets


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
