"""The gate's door behind load balancers: they tell the caller in a PROXY v2 header before TLS, and nobody else does."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from ipaddress import IPv4Address, ip_address
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from relay.front.arrival import Proxies
from relay.front.proxy_header import ProxyHeaderFault, Reason, read_proxy_header
from relay.registry.domain.addresses import IPAddress

# Octets of a header by which its length is known.
_HEAD: Final = 16
_BACKLOG: Final = 1024
_PRUNE_FROM: Final = 64
# Connections that are between accept and handshake at once; who comes later waits in the backlog.
_MOST_ARRIVING: Final = 512
# Seconds to leave callers waiting when there are no descriptors left: at once again would be the same, in a circle.
_PAUSE: Final = 0.1
_OVER: Final = frozenset({errno.EINVAL, errno.EBADF})

# A connection that has gone in the meantime has no address, nor a certificate: it is refused for that.
_NOWHERE: Final = IPv4Address(0)


def socket_address(request: web.Request) -> IPAddress:
    """Return the peer of the socket: what a field says of it counts for nothing at VECOZO's gate."""
    peer = request.get_extra_info("peername")
    return _NOWHERE if peer is None else ip_address(peer[0])


class _TurnedAway(Exception):
    """What a load balancer sent is no header to go by."""


class Entrance:
    """Accepts callers, and knows whose connection each is. The peers that are `proxies` must send a header first."""

    def __init__(
        self, proxies: Proxies, *, turned_away: Callable[[Reason], object] = lambda _reason: None, seconds: float = 10
    ) -> None:
        """Allow `seconds` for a header, and as many for the handshake; `turned_away` hears of headers that are none."""
        self._proxies: Final = proxies
        self._turned_away: Final = turned_away
        self._seconds: Final = seconds
        self._told: Final[dict[RequestHandler, IPAddress]] = {}
        # Those are not known to the server yet.
        self._shaking: Final[set[RequestHandler]] = set()
        self._prune_at = _PRUNE_FROM
        self._arriving: Final = asyncio.Semaphore(_MOST_ARRIVING)
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._socket: socket.socket | None = None

    def __repr__(self) -> str:
        return f"<Entrance: {len(self._told)} callers told by load balancers>"

    def address(self, request: web.Request) -> IPAddress:
        """Return whose call this is: the one that a header told, or the peer of the socket."""
        told = self._told.get(request.protocol)
        return socket_address(request) if told is None else told

    def open(self, server: web.Server, address: str, port: int, context: ssl.SSLContext) -> int:
        """Accept callers of `server`; return the port. Raises OSError."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setblocking(False)  # noqa: FBT003  # the library's
            sock.bind((address, port))
            sock.listen(_BACKLOG)
        except OSError:
            sock.close()
            raise
        self._socket = sock
        self._begin(self._accept(sock, server, context))
        return int(sock.getsockname()[1])

    async def close(self) -> None:
        """Accept no more, and let go of those who were arriving."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._socket is not None:
            self._socket.close()

    async def _accept(self, sock: socket.socket, server: web.Server, context: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arriving.acquire()
            try:
                caller, peer = await loop.sock_accept(sock)
            except OSError as error:
                self._arriving.release()
                if error.errno in _OVER:
                    return
                await asyncio.sleep(_PAUSE)
            except BaseException:
                self._arriving.release()
                raise
            else:
                self._begin(self._admit(caller, str(peer[0]), server, context)).add_done_callback(self._arrived)

    async def _admit(self, caller: socket.socket, peer: str, server: web.Server, context: ssl.SSLContext) -> None:
        """Read a header where one has to come, and hand the connection to TLS."""
        loop = asyncio.get_running_loop()
        handler: RequestHandler = server()
        try:
            caller.setblocking(False)  # noqa: FBT003  # the library's
            caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            source = await self._source(loop, caller) if peer in self._proxies else None
        except BaseException:
            caller.close()
            raise
        if source is not None:
            self._remember(handler, ip_address(source), server)
        self._shaking.add(handler)
        try:
            await loop.connect_accepted_socket(
                lambda: handler, caller, ssl=context, ssl_handshake_timeout=self._seconds
            )
        finally:
            self._shaking.discard(handler)

    async def _source(self, loop: asyncio.AbstractEventLoop, caller: socket.socket) -> str | None:
        """Return whom a load balancer tells, None where it speaks for itself. Raises _TurnedAway, OSError."""
        try:
            async with asyncio.timeout(self._seconds):
                return await _source(loop, caller)
        except ProxyHeaderFault as fault:
            reason = fault.reason
        except TimeoutError:
            reason = Reason.LATE
        self._turned_away(reason)
        raise _TurnedAway(reason)

    def _remember(self, handler: RequestHandler, address: IPAddress, server: web.Server) -> None:
        """Keep whose connection this is, and forget those of connections that have ended."""
        self._told[handler] = address
        if len(self._told) > self._prune_at:
            live = {*server.connections, *self._shaking, handler}
            for gone in self._told.keys() - live:
                del self._told[gone]
            self._prune_at = 2 * len(self._told) + _PRUNE_FROM

    def _begin(self, work: "asyncio._CoroutineLike[None]") -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _arrived(self, task: asyncio.Task[None]) -> None:
        self._arriving.release()
        if not task.cancelled() and not isinstance(error := task.exception(), OSError | _TurnedAway | None):
            raise error


async def _source(loop: asyncio.AbstractEventLoop, caller: socket.socket) -> str | None:
    """Return whom the header tells, having read no octet beyond it: what follows is for TLS."""
    octets = b""
    while (header := read_proxy_header(octets)) is None:
        end = _HEAD if len(octets) < _HEAD else _HEAD + int.from_bytes(octets[_HEAD - 2 : _HEAD])
        more = await loop.sock_recv(caller, end - len(octets))
        if not more:
            # A balancer that connects and says nothing is looking whether we are here.
            raise ProxyHeaderFault(Reason.CUT_SHORT) if octets else ConnectionAbortedError
        octets += more
    return header.source
