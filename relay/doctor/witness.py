"""Ask a witness which address the world sees: from the egress itself, over IPv4, never under a system certificate."""

import asyncio
import ssl
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address
from socket import AF_INET
from typing import Final

import aiohttp
import orjson

from relay.doctor.clock import date_of
from relay.errors import RelayError
from relay.people.matter import foreign
from relay.upstream.egress import Egress

_LONGEST: Final = 4096
_PATIENCE: Final = 5.0


class WitnessSilent(Exception):  # what happened, not the word Error
    """A witness told no address; the message says why."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a witness said: the address that it sees, and the time by its clock."""

    address: IPv4Address
    date: datetime | None


async def ask(url: str, egress: Egress, context: ssl.SSLContext) -> Word:
    """Return what `url` says: an address as text, or as `address` or `ip` in JSON. Raises WitnessSilent."""
    connector = aiohttp.TCPConnector(
        family=AF_INET,
        ssl=context,
        force_close=True,
        happy_eyeballs_delay=None,
        resolver=aiohttp.ThreadedResolver(),
        socket_factory=lambda _address: egress.socket(),
    )
    try:
        async with (
            asyncio.timeout(_PATIENCE),
            aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False) as session,
            session.get(url, allow_redirects=False, headers={"Accept": "application/json, text/plain"}) as answer,
        ):
            if answer.status != 200:
                raise WitnessSilent(f"it answered {answer.status}")
            return Word(_address_in(await answer.content.read(_LONGEST)), date_of(answer.headers.get("Date")))
    except TimeoutError:
        raise WitnessSilent(f"no answer within {_PATIENCE:g} seconds") from None
    except RelayError as error:
        raise WitnessSilent(error.detail) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise WitnessSilent(f"it cannot be asked ({foreign(str(error)) or type(error).__name__})") from None


def _address_in(octets: bytes) -> IPv4Address:
    text = octets.decode("utf-8", "replace").strip()
    if text.startswith("{"):
        told = orjson.loads(text)
        text = str(told.get("address") or told.get("ip") or "")
    try:
        return IPv4Address(text.removeprefix("::ffff:"))
    except ValueError:
        raise WitnessSilent("it answered without an IPv4 address") from None
