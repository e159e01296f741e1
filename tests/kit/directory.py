"""A directory that issues tokens as a test wants them, and serves its keys over TLS: in order, spoiled, slow or not."""

import asyncio
import base64
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWS
from jwt.algorithms import RSAAlgorithm

from relay.x509.context import server_context_from
from tests.kit import authority as kit

TENANT = "11111111-2222-3333-4444-555555555555"
OTHER_TENANT = "99999999-2222-3333-4444-555555555555"
APPLICATION = "aaaaaaaa-0000-4000-8000-000000000001"
AUDIENCE = "bbbbbbbb-0000-4000-8000-000000000002"
APP_ID_URI = "api://relay.example"
V1 = f"https://sts.windows.net/{TENANT}/"
V2 = f"https://login.microsoftonline.com/{TENANT}/v2.0"


@cache
def key(number: int = 0) -> RSAPrivateKey:
    """Return a key, the same each time for a number: making them is slow."""
    return generate_private_key(65537, 2048)


def jwk(kid: str, number: int = 0, **more: object) -> dict[str, Any]:
    """Return a public key as sets have it."""
    told: dict[str, Any] = RSAAlgorithm.to_jwk(key(number).public_key(), as_dict=True)
    del told["key_ops"]
    return told | {"kid": kid, "use": "sig"} | more


def public_pem(number: int = 0) -> bytes:
    return key(number).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def claims(**changes: object) -> dict[str, object]:
    """Return what a token of version 2 says that is in order; None takes a claim away."""
    now = int(time.time())
    told = {
        "iss": V2, "aud": AUDIENCE, "tid": TENANT, "azp": APPLICATION, "ver": "2.0", "roles": ["Relay.Call"],
        "iat": now, "nbf": now, "exp": now + 3600,
    } | changes  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def token(
    told: Mapping[str, object] | None = None,
    *,
    kid: str | None = "one",
    number: int = 0,
    head: Mapping[str, object] | None = None,
) -> str:
    """Return a token signed with RS256."""
    fields = ({} if kid is None else {"kid": kid}) | dict(head or {})
    return jws(claims() if told is None else told, number, "RS256", fields)


def jws(told: Mapping[str, object], number: int, algorithm: str, head: Mapping[str, object]) -> str:
    """Return a token whose claims no library minds."""
    return PyJWS().encode(
        orjson.dumps(dict(told)), key(number), algorithm, dict(head) | {"typ": head.get("typ", "JWT")}
    )


def assembled(head: Mapping[str, object], told: Mapping[str, object], signature: bytes = b"") -> str:
    """Return a token that no library would make."""
    parts = (orjson.dumps(dict(head)), orjson.dumps(dict(told)), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Directory:
    """The server: `keys` is what it answers, unless `answer` does; `asked` has the paths of each question."""

    keys: list[dict[str, Any]] = field(default_factory=lambda: [jwk("one")])
    answer: Answer | None = None
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def settings(self) -> dict[str, object]:
        """What makes it the Entra ID directory of a relay, with one application granted by role."""
        return {
            "directories.entra.tenant_id": TENANT,
            "directories.entra.audiences": [AUDIENCE, APP_ID_URI],
            "directories.entra.keys_url": f"{self.origin}/keys?p=secret",
            "directories.entra.trust": "trust.pem",
            "clients.portal.tenants": ["linde"],
            "clients.portal.tokens": [{"directory": "entra", "application": APPLICATION, "role": "Relay.Call"}],
        }

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request.path)
        if self.answer is not None:
            return await self.answer(request)  # type: ignore[arg-type]  # a server without an application
        return web.json_response({"keys": self.keys})

    @asynccontextmanager
    async def served(self) -> AsyncIterator["Directory"]:
        """Be there as long as the block lasts; the next time under the same port."""
        runner = web.ServerRunner(web.Server(self._serve), shutdown_timeout=0.1)
        await runner.setup()
        context: ssl.SSLContext = server_context_from(kit.server().chain_pem(), kit.server().key_pem())
        site = web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=context, reuse_address=True)
        await site.start()
        self.port = site.port
        try:
            yield self
        finally:
            await runner.cleanup()


def answering(status: int, body: bytes = b"", *, after: float = 0, **fields: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(after)
        return web.Response(status=status, body=body, headers={name.title(): value for name, value in fields.items()})

    return answer
