"""An enquiry over a connection of its own, from an egress address: TLS and IPv4, bounded in size and time."""

import asyncio
import os
import ssl
from dataclasses import dataclass
from socket import AF_INET, socket
from typing import Final

import aiohttp

from relay.errors import RelayError
from relay.upstream.egress import Egress

_FIELDS: Final = {"Accept": "application/json, text/plain", "Accept-Encoding": "identity", "User-Agent": "relay"}


class Unanswered(Exception):  # what happened, not the word Error
    """There is no answer to go by; the detail says why, in words that are ours."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What was answered: the status, the body, and the Date field as it stood there."""

    status: int
    octets: bytes
    date: str | None


async def enquire(url: str, egress: Egress, context: ssl.SSLContext, *, longest: int, seconds: float) -> Reply:
    """Return what a GET is answered, in at most `longest` octets and so many seconds. Raises Unanswered."""
    try:
        async with asyncio.timeout(seconds):
            return await _fetched(url, egress, context, longest)
    except TimeoutError:
        raise Unanswered(f"no answer within {seconds:g} seconds") from None
    except RelayError as error:  # no socket from there
        raise Unanswered(error.detail) from None
    except (aiohttp.ClientError, OSError) as error:
        raise Unanswered(f"cannot be asked: {_why(error)}") from None


def _why(error: aiohttp.ClientError | OSError) -> str:
    """Return why in words that are the system's or ours: what aiohttp says may quote what came."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        wrong = error.certificate_error
        return f"its certificate is not trusted ({getattr(wrong, 'verify_message', type(wrong).__name__)})"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name has no IPv4 address that can be found"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return type(error).__name__


async def _fetched(url: str, egress: Egress, context: ssl.SSLContext, longest: int) -> Reply:
    connector = aiohttp.TCPConnector(
        family=AF_INET,
        ssl=context,
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
        session.get(url, allow_redirects=False, headers=_FIELDS) as answer,
    ):
        octets = await _read(answer.content, longest)
        return Reply(status=answer.status, octets=octets, date=answer.headers.get("Date"))


def _socket(egress: Egress) -> socket:
    return egress.socket()


async def _read(content: aiohttp.StreamReader, longest: int) -> bytes:
    octets = b""
    while piece := await content.read(longest + 1 - len(octets)):
        octets += piece
        if len(octets) > longest:
            raise Unanswered(f"answered with over {longest} octets")
    return octets
