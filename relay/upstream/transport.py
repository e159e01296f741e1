"""Connect: name, source address, TCP, TLS; each step with its deadline and its own error."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from cryptography import x509

from relay.errors import (
    RelayError,
    SystemCertificateUnanswered,
    UpstreamNameUnknown,
    UpstreamRevoked,
    UpstreamUnreachable,
    UpstreamUntrusted,
)
from relay.tls.channel import Channel
from relay.tls.departures import Departures
from relay.upstream.alert import refusal_of_ours
from relay.upstream.egress import Egress
from relay.upstream.passport import Passport
from relay.x509.verified import verified_chain

_MOST_ADDRESSES: Final = 3

AProtocol = TypeVar("AProtocol", bound=asyncio.Protocol)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Deadlines in seconds: for TCP, for the TLS handshake, for an answer's head once all has been sent, and for how
    long an idle connection is kept.
    """

    connect: float
    tls: float
    first_byte: float
    idle: float


async def dial(
    protocol: Callable[[], AProtocol],
    *,
    host: str,
    port: int,
    egress: Egress,
    passport: Passport,
    patience: Patience,
    departures: Departures,
) -> AProtocol:
    """Return a protocol connected to `host` over TLS. Whatever fails here, nothing of a call was sent."""
    sock = await _connect(host, port, egress, patience.connect)
    loop = asyncio.get_running_loop()
    handshake: asyncio.Future[None] = loop.create_future()

    def shaken(_channel: Channel, error: BaseException | None) -> None:
        if not handshake.done():
            handshake.set_exception(error) if error else handshake.set_result(None)

    connected = protocol()
    channel = Channel(connected, passport.context, departures, server_name=host, shaken=shaken)
    try:
        await loop.create_connection(lambda: channel, sock=sock)
        async with asyncio.timeout(patience.tls):
            await handshake
    except TimeoutError as error:
        channel.abort()
        raise UpstreamUnreachable(f"{host}: the TLS handshake took too long") from error
    except OSError as error:
        channel.abort()
        raise _handshake_fault(host, error, agreed=channel.agreed) from error
    except BaseException:
        # Cancelled. uvloop closes a transport that it has not returned yet without telling its protocol, although the
        # handshake may be over by then: whoever remembered the connection would do so for ever.
        handshake.cancel()
        channel.abort()
        channel.connection_lost(None)
        raise
    if revoked := _revoked(channel, passport):
        # No call was sent; that they have seen our certificate tells them no secret.
        channel.abort()
        raise UpstreamRevoked(f"{host}: certificate {revoked.serial_number:X} has been revoked by its authority")
    return connected


def _revoked(channel: Channel, passport: Passport) -> x509.Certificate | None:
    """Return the first certificate that is revoked of the chain by which theirs was found to be right."""
    if not passport.revocations.revoked:
        return None
    return next(filter(passport.revocations.hold, verified_chain(channel.get_extra_info("ssl_object"))), None)


async def _connect(host: str, port: int, egress: Egress, seconds: float) -> socket.socket:
    """Connect to the first address of `host` that answers; IPv4 only, as that is what VECOZO registers."""
    fault: RelayError = UpstreamNameUnknown(f"{host} has no IPv4 address")
    try:
        async with asyncio.timeout(seconds):
            for address in (await _addresses(host, port))[:_MOST_ADDRESSES]:
                try:
                    return await _connect_to(address, egress)
                except OSError as error:
                    fault = UpstreamUnreachable(f"{host} at {address[0]}:{port}: {error.strerror or error}")
    except TimeoutError:
        fault = UpstreamUnreachable(f"{host}: no connection within {seconds:g} seconds")
    raise fault


async def _addresses(host: str, port: int) -> list[tuple[str, int]]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UpstreamNameUnknown(f"{host} does not resolve: {error.strerror or error}") from None
    return [(str(entry[4][0]), port) for entry in found]


async def _connect_to(address: tuple[str, int], egress: Egress) -> socket.socket:
    sock = egress.socket()
    try:
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _handshake_fault(host: str, error: OSError, *, agreed: bool) -> RelayError:
    """Return what a handshake failed for; `agreed` says that it came as far as the certificates."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return UpstreamUntrusted(f"{host}: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        refused = refusal_of_ours(error, host, agreed=agreed)
        return refused or UpstreamUnreachable(f"{host}: the TLS handshake failed ({error.reason or 'no reason given'})")
    if agreed:
        return SystemCertificateUnanswered(f"{host} ended the connection when it had the system certificate")
    return UpstreamUnreachable(f"{host}: the connection ended during the TLS handshake")
