"""Serve one aiohttp application on one socket, for as long as an `async with` lasts."""

import errno
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from relay.errors import SettingsFault


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a server listens: the port is the real one, also where port 0 was asked for."""

    address: str
    port: int


@asynccontextmanager
async def serving(
    app: web.Application, address: str, port: int, *, key: str, context: ssl.SSLContext | None = None
) -> AsyncIterator[Listening]:
    """Serve `app` on `address`:`port` (0: any free one), with TLS when a `context` is given.

    `key` is the settings' name for the place, told in the SettingsFault when it cannot be had.
    Calls in progress get five seconds when the block is left.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5, keepalive_timeout=75)
    await runner.setup()
    try:
        site = web.TCPSite(runner, address, port, ssl_context=context, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            raise SettingsFault([(key, listening_fault(address, port, error))]) from None
        yield Listening(address=address, port=runner.addresses[0][1])
    finally:
        await runner.cleanup()


def listening_fault(address: str, port: int, error: OSError) -> str:
    """Return why nothing can listen on `address`:`port`, and what to do."""
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} on {address} is taken by another process; stop it or choose another port"
        case errno.EADDRNOTAVAIL:
            return f"{address} is not an address of this machine; `ip -4 address` lists those it has"
        case errno.EACCES:
            return f"port {port} needs privileges this process does not have; choose one above 1023"
        case _:
            return f"cannot listen on {address}:{port}: {error.strerror or error}"
