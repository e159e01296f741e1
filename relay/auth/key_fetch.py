"""Keys of an issuer, fetched: over TLS, from where it is told or discovery tells, bounded in size and time."""

import asyncio
import os
import ssl
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import orjson

from relay.auth.key_ring import Keys, KeysUnfit, keys_in

# Octets: Entra's sets have twenty thousand. And seconds.
LONGEST: Final = 256 * 1024
PATIENCE: Final = 5.0

_FIELDS: Final = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "relay"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """Where the keys of an issuer are: at `keys_url`, or where the discovery document of `issuer` says."""

    issuer: str
    keys_url: str | None
    algorithms: frozenset[str]
    context: ssl.SSLContext = field(repr=False)

    @property
    def host(self) -> str:
        """Host and port, as log and settings call it."""
        return host_of(self.keys_url or self.issuer)

    async def fetch(self) -> Keys:
        """Return the keys as they are now. Raises KeysUnfit, whatever went wrong, in words that are ours."""
        try:
            async with asyncio.timeout(PATIENCE), _session(self.context) as session:
                url = self.keys_url or await self._discovered(session)
                return keys_in(await _got(session, url), self.algorithms)
        except TimeoutError:
            raise KeysUnfit(f"no answer within {PATIENCE:g} seconds") from None
        except (aiohttp.ClientError, OSError) as error:
            raise KeysUnfit(f"cannot be asked: {_why(error)}") from None

    async def _discovered(self, session: aiohttp.ClientSession) -> str:
        """Return where OpenID Connect Discovery says that the keys are, if it is of this very issuer."""
        octets = await _got(session, f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            told = orjson.loads(octets)
        except ValueError:
            told = None
        if not isinstance(told, dict) or told.get("issuer") != self.issuer:
            raise KeysUnfit("answered with no discovery document of this issuer")
        url = told.get("jwks_uri")
        if not isinstance(url, str) or not url.startswith("https://"):
            raise KeysUnfit("told no https address of its keys")
        return url


def host_of(url: str) -> str:
    """Return host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 443}"


def _session(context: ssl.SSLContext) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        ssl=context, force_close=True, use_dns_cache=False, resolver=aiohttp.ThreadedResolver()
    )
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
    )


async def _got(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(url, allow_redirects=False, headers=_FIELDS) as answer:
        if answer.status != 200:
            raise KeysUnfit(f"answered {answer.status}")
        octets = bytearray()
        async for chunk in answer.content.iter_any():
            octets += chunk
            if len(octets) > LONGEST:
                raise KeysUnfit(f"answered with more than {LONGEST} octets")
        return bytes(octets)


def _why(error: aiohttp.ClientError | OSError) -> str:
    """Return why in words that are the system's or ours: what aiohttp says may quote what came."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        wrong = error.certificate_error
        return f"its certificate is not trusted ({getattr(wrong, 'verify_message', type(wrong).__name__)})"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name has no address that can be found"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return type(error).__name__
