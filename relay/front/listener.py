"""Listen for callers, hand their calls to a handler, and at the end drain: calls in progress end, none begins."""

import asyncio
import ssl
from contextlib import suppress
from typing import Final

from relay.errors import RelayError, SettingsFault
from relay.front.call import Handler
from relay.front.connection import Connection
from relay.problems.answer import Answer
from relay.settings.places import listening_fault

_BREATH: Final = 0.05


class Listener:
    """Accepts callers until it is drained."""

    def __init__(self, handler: Handler, context: ssl.SSLContext, *, handshake_seconds: float) -> None:
        self.handler = handler
        self._context = context
        self._handshake_seconds = handshake_seconds
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._quiet = asyncio.Event()
        self.port = 0
        self.draining = False
        self.in_progress = 0

    def __repr__(self) -> str:
        state = "draining" if self.draining else "accepting"
        return f"<Listener on port {self.port} {state}, {len(self._connections)} callers, {self.in_progress} calls>"

    async def listen(self, address: str, port: int) -> None:
        """Start accepting. Raises SettingsFault when the place cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: Connection(self, loop),
                address,
                port,
                ssl=self._context,
                ssl_handshake_timeout=self._handshake_seconds,
                backlog=4096,
            )
        except OSError as error:
            raise SettingsFault([("listen", listening_fault(address, port, error))]) from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def drain(self, seconds: float) -> bool:
        """Stop accepting, let calls in progress end, close the rest. Returns whether all ended in time."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.close_when_idle()
        if self.in_progress:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), seconds)
        ended = not self.in_progress
        # A breath for the last answers to leave, then whoever is still here is cut off.
        await asyncio.sleep(_BREATH)
        cut = [task for connection in tuple(self._connections) if (task := connection.cut_off())]
        if cut:
            await asyncio.wait(cut, timeout=1)
        return ended

    # -- for connections -------------------------------------------------------------------------------------

    def opened(self, connection: Connection) -> None:
        """Remember a caller."""
        self._connections.add(connection)

    def lost(self, connection: Connection) -> None:
        """Forget a caller."""
        self._connections.discard(connection)

    def ended(self) -> None:
        """Take note that a call has ended."""
        self.in_progress -= 1
        if self.draining and not self.in_progress:
            self._quiet.set()

    def refused(self, peer: str, error: RelayError) -> Answer:
        """Return the answer to octets that are no request."""
        return self.handler.refused(peer, error)
