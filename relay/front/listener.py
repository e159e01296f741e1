"""Listen for callers, hand their calls to a handler, and at the end drain: calls in progress end, none begins."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from relay.deadlines import Deadlines
from relay.errors import RelayError, SettingsFault
from relay.front.acceptor import Acceptor
from relay.front.arrival import Arrival, Proxies, Usher
from relay.front.call import Handler
from relay.front.caps import Caps
from relay.front.connection import Connection, FrontCall
from relay.problems.answer import Answer
from relay.settings.places import listening_fault
from relay.tls.departures import Departures

# Seconds: for a head, for the next call to begin, for a caller to take nothing of its answer, for it to take the last
# of it before the close.
HEAD_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 75.0
STALL_SECONDS: Final = 20.0
LINGER_SECONDS: Final = 1.0

_BREATH: Final = 0.05


class Listener:
    """Accepts callers until it is drained."""

    def __init__(
        self,
        handler: Handler,
        context: ssl.SSLContext,
        *,
        handshake_seconds: float,
        proxies: Proxies,
        forwarders: Proxies,
        caps: Caps,
        usher: Usher,
    ) -> None:
        self.loop = loop = asyncio.get_running_loop()
        self.handler = handler
        self.context = context
        # Whether callers are asked for a certificate: then it goes with each call, whatever it is worth.
        self.asks = context.verify_mode is not ssl.CERT_NONE
        self.proxies = proxies
        self.forwarders = forwarders
        self.caps = caps
        self.usher = usher
        self._server: asyncio.Server | Acceptor | None = None
        self._connections: set[Connection] = set()
        self._quiet = asyncio.Event()
        self.departures = Departures(loop)
        self.arrivals = Deadlines(loop, handshake_seconds, Arrival.late)
        self.heads = Deadlines(loop, HEAD_SECONDS, Connection.head_late)
        self.idles = Deadlines(loop, IDLE_SECONDS, Connection.close)
        self.stalls = Deadlines(loop, STALL_SECONDS, Connection.abort)
        self.lingers = Deadlines(loop, LINGER_SECONDS, Connection.abort)
        self.port = 0
        self.draining = False
        self.in_progress = 0

    def __repr__(self) -> str:
        state = "draining" if self.draining else "accepting"
        return f"<Listener on port {self.port} {state}, {len(self._connections)} callers, {self.in_progress} calls>"

    async def listen(self, address: str, port: int) -> None:
        """Start accepting. Raises SettingsFault when the place cannot be had."""
        try:
            self._server = server = await self.loop.create_server(self._arrival, address, port, backlog=4096)
        except OSError as error:
            raise SettingsFault([("listen", listening_fault(address, port, error))]) from None
        self.port = server.sockets[0].getsockname()[1]

    def listen_with_others(self, sock: socket.socket, *, spent: Callable[[OSError], object]) -> None:
        """Start accepting from a socket that other processes accept from, too; see `Acceptor`."""
        self.port = sock.getsockname()[1]
        self._server = Acceptor(sock, self._arrival, spent=spent)

    async def drain(self, seconds: float) -> bool:
        """Stop accepting, let calls in progress end, close the rest. Returns whether all ended in time."""
        self.draining = True
        self.handler.drain()
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
        for connection in tuple(self._connections):
            connection.cut_off()
        await asyncio.sleep(0)
        return ended

    def use(self, context: ssl.SSLContext) -> None:
        """Shake hands by another context from now on; connections that have begun go on under theirs."""
        self.context = context
        self.asks = context.verify_mode is not ssl.CERT_NONE

    # -- for arrivals and connections ------------------------------------------------------------------------

    def balances(self, address: str) -> bool:
        """Whether this is the address of a load balancer that tells the caller in each call."""
        return address in self.forwarders

    def opened(self, connection: Connection) -> None:
        """Remember a caller."""
        self._connections.add(connection)

    def lost(self, connection: Connection) -> None:
        """Forget a caller."""
        self._connections.discard(connection)
        self.caps.leave(connection.peer)

    def take(self, call: FrontCall) -> None:
        """Hand a call to the handler."""
        self.in_progress += 1
        self.handler.take(call)

    def ended(self) -> None:
        """Take note that a call has ended."""
        self.in_progress -= 1
        if self.draining and not self.in_progress:
            self._quiet.set()

    def refused(self, peer: str, error: RelayError) -> Answer:
        """Return the answer to octets that are no request."""
        return self.handler.refused(peer, error)

    def _arrival(self) -> Arrival:
        return Arrival(self)
