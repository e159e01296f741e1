"""Serve one aiohttp application on one socket, for as long as an `async with` lasts."""

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from aiohttp import web

from relay.errors import SettingsFault
from relay.settings.places import listening_fault

# Octets. Tokens of a directory that names many groups are longer than aiohttp's own limit, of half as many.
_LONGEST_LINE: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a server listens: the port is the real one, also where port 0 was asked for."""

    address: str
    port: int


class Door(Protocol):
    """What accepts callers where a loop's own server would not do."""

    def open(self, server: web.Server, address: str, port: int, context: ssl.SSLContext) -> int:
        """Accept callers of `server`; return the port. Raises OSError."""
        ...

    async def close(self) -> None:
        """Accept no more."""
        ...


@asynccontextmanager
async def serving(
    app: web.Application,
    address: str,
    port: int,
    *,
    key: str,
    context: ssl.SSLContext | None = None,
    door: Door | None = None,
) -> AsyncIterator[Listening]:
    """Serve `app` on `address`:`port` (0: any free one), with TLS when a `context` is given.

    `key` is the settings' name for the place, told in the SettingsFault when it cannot be had. Where there is a `door`,
    callers, by TLS alone, come in by that.
    Calls in progress get five seconds when the block is left.
    """
    app.on_response_prepare.append(_without_server)
    runner = web.AppRunner(
        app,
        logger=_discreet_logger(),
        access_log=None,
        shutdown_timeout=5,
        keepalive_timeout=75,
        max_line_size=_LONGEST_LINE,
        max_field_size=_LONGEST_LINE,
    )
    await runner.setup()
    try:
        try:
            real_port = await _open(runner, address, port, context, door)
        except OSError as error:
            raise SettingsFault([(key, listening_fault(address, port, error))]) from None
        yield Listening(address=address, port=real_port)
    finally:
        if door is not None:
            await door.close()
        open_still = [connection.transport for connection in runner.server.connections] if runner.server else []
        await runner.cleanup()
        for transport in open_still:
            # Closing TLS politely waits for the other side's close_notify, which may never come.
            if transport is not None:
                transport.abort()


async def _open(
    runner: web.AppRunner, address: str, port: int, context: ssl.SSLContext | None, door: Door | None
) -> int:
    if door is not None and context is not None and runner.server is not None:
        return door.open(runner.server, address, port, context)
    site = web.TCPSite(runner, address, port, ssl_context=context, backlog=1024)
    await site.start()
    return int(runner.addresses[0][1])


def _discreet_logger() -> logging.Logger:
    """Return where aiohttp tells of requests that it cannot read: without the octets, which may be a patient's."""
    logger = logging.getLogger("relay.wire.aiohttp")
    if not logger.filters:
        logger.addFilter(_by_kind_alone)
    return logger


def _by_kind_alone(record: logging.LogRecord) -> bool:
    if record.exc_info and record.exc_info[0] is not None:
        record.msg, record.args = "a request failed: %s", (record.exc_info[0].__name__,)
        record.exc_info = record.exc_text = None
    return True


async def _without_server(request: web.Request, response: web.StreamResponse) -> None:
    """Hide the framework and its version: they help nobody but an attacker."""
    response.headers.popall("Server", None)
