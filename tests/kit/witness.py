"""A witness on a real socket, that tells what a test has it tell and remembers who asked."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from relay.wire.server import serving
from relay.x509.context import server_context_from
from tests.kit import authority as kit

Told = web.StreamResponse | str


def truth(request: web.Request) -> str:
    """Tell the address that asks."""
    return str(request.remote)


@dataclass
class World:
    """What it tells, and who asked: addresses, and the certificates that they showed."""

    tells: Callable[[web.Request], Told | Awaitable[Told]] = truth
    port: int = 0
    asked: list[str] = field(default_factory=list)
    shown: list[object] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)
    fields: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/ip?token=geheim"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.asked.append(str(request.remote))
        self.shown.append(request.transport.get_extra_info("peercert"))
        self.connections.add(request.transport.get_extra_info("peername")[1])
        self.fields.append(dict(request.headers))
        told = self.tells(request)
        if isinstance(told, Awaitable):
            told = await told
        return web.Response(text=told) if isinstance(told, str) else told


@asynccontextmanager
async def telling(world: World) -> AsyncIterator[World]:
    """Serve it on 127.0.0.1 until the block ends."""
    context = server_context_from(kit.server().chain_pem(), kit.server().key_pem())
    # Whoever has a certificate that it trusts would show it here.
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=kit.authority().trust_pem().decode())
    app = web.Application()
    app.router.add_get("/{path:.*}", world.answer)
    async with serving(app, "127.0.0.1", world.port, key="listen", context=context) as listening:
        world.port = listening.port
        yield world
