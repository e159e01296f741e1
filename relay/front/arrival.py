"""A caller between accept and handshake: counted, and known by the address that its load balancer tells, where one may.

TLS is a protocol of ours above the plain transport (`relay.tls.channel`), so whatever stands before it reads its octets
and hands the transport on.
"""

import asyncio
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Protocol, cast

from relay.front.caps import Full
from relay.front.connection import Connection
from relay.front.proxy_header import ProxyHeaderFault, Reason, read_proxy_header
from relay.tls.channel import Channel

if TYPE_CHECKING:
    from relay.front.listener import Listener


class Usher(Protocol):
    """Whoever wants to hear of callers that were turned away."""

    def turned_away(self, peer: str, reason: Full | Reason) -> None:
        """A connection was closed before TLS; `peer` is the address as far as it was known."""
        ...


class Proxies:
    """The peers that tell who the caller is, and of whom nothing else is taken."""

    def __init__(self, ranges: Iterable[IPv4Network]) -> None:
        # Numbers, because every connection is looked up before anything is known of it.
        self._ranges = tuple((int(each.network_address), int(each.netmask)) for each in ranges)

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def __contains__(self, address: str) -> bool:
        number = int(IPv4Address(address))
        return any(number & mask == network for network, mask in self._ranges)


class Arrival(asyncio.Protocol):
    """Stands before the TLS channel until it is known whose connection this is; lives until the handshake is over."""

    __slots__ = ("_address", "_entered", "_listener", "_octets", "_socket_address", "_transport")

    def __init__(self, listener: "Listener") -> None:
        self._listener: Listener | None = listener
        self._transport: asyncio.Transport | None = None
        self._socket_address = ""
        self._address: str | None = None
        self._entered = False
        self._octets = b""

    def __repr__(self) -> str:
        state = "over" if self._listener is None else "shaking hands" if self._address else "awaiting a PROXY header"
        return f"<Arrival of {self._address or self._socket_address} {state}>"

    # -- the plain transport's side, until the channel takes it ----------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, and have it tell whose it is, or begin TLS at once."""
        listener = self._listener
        if listener is None:
            return
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no class of asyncio's
        peer = transport.get_extra_info("peername")
        self._socket_address = address = str(peer[0]) if peer else ""
        full = listener.caps.enter()
        if full is not None:
            self._turn_away(full)
            return
        self._entered = True
        listener.arrivals.set(self)
        if address and listener.proxies and address in listener.proxies:
            return
        self._begin(address, b"")

    def data_received(self, data: bytes) -> None:
        """Take a part of the header, or all of it and what follows."""
        if self._listener is None:
            return
        self._octets += data
        try:
            header = read_proxy_header(self._octets)
        except ProxyHeaderFault as fault:
            self._turn_away(fault.reason)
            return
        if header is not None:
            address = self._socket_address if header.source is None else header.source
            self._begin(address, self._octets[header.octets :])

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection that ended before it was known whose it was."""
        if self._octets and self._listener is not None:
            self._turn_away(Reason.CUT_SHORT)
        else:
            self._over()  # a balancer that connects and says nothing is looking whether we are here

    # -- for the listener and the channel --------------------------------------------------------------------

    def late(self) -> None:
        """Take that header and handshake were not over in time."""
        if self._address is None:
            self._turn_away(Reason.LATE)
        elif self._transport is not None:
            self._transport.abort()

    def shaken(self, _channel: Channel, error: BaseException | None) -> None:
        """Take that the handshake is over. From here on the connection itself counts."""
        if error is None:
            self._entered = False
        self._over()

    # -- inside ----------------------------------------------------------------------------------------------

    def _begin(self, address: str, octets: bytes) -> None:
        """Hand the transport to TLS, with the octets that have been read of it."""
        listener, transport = self._listener, self._transport
        if listener is None or transport is None:
            return
        full = listener.caps.known(address)
        if full is not None:
            self._socket_address = address
            self._turn_away(full)
            return
        self._address = address
        self._octets = b""
        channel = Channel(Connection(listener, address), listener.context, listener.departures, shaken=self.shaken)
        transport.set_protocol(channel)
        channel.connection_made(transport)
        if octets:
            channel.data_received(octets)

    def _turn_away(self, reason: Full | Reason) -> None:
        listener, transport = self._listener, self._transport
        self._over()
        if listener is not None:
            listener.usher.turned_away(self._socket_address, reason)
        if transport is not None:
            transport.abort()

    def _over(self) -> None:
        """Let go of everything, so that nothing is left for the collector of circles."""
        listener, self._listener = self._listener, None
        self._transport = None
        self._octets = b""
        if listener is not None:
            listener.arrivals.lift(self)
            if self._entered:
                listener.caps.leave(self._address)
