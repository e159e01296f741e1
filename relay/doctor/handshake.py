"""TLS handshakes: what our listener shows a caller, in memory; and what is agreed with the upstream, over the wire."""

import asyncio
import ssl
from contextlib import suppress

from cryptography import x509

from relay.doctor.itinerary import Place
from relay.doctor.lookup import addresses_of
from relay.errors import RelayError
from relay.tls.departures import Departures
from relay.upstream.egress import Egress
from relay.upstream.passport import Passport
from relay.upstream.transport import Patience, dial


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """Have `client` come to `server` by this name. Raises what the client cannot go on with, an ssl.SSLError."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = client.wrap_bio(back, there, server_hostname=name)
    listener = server.wrap_bio(there, back, server_side=True)
    with suppress(ssl.SSLWantReadError):
        caller.do_handshake()
    with suppress(ssl.SSLWantReadError):
        listener.do_handshake()
    # The listener has shown what it has: the caller goes on from here or not at all.
    with suppress(ssl.SSLWantReadError):
        caller.do_handshake()


async def shown_at(place: Place, egress: Egress, patience: Patience) -> x509.Certificate | None:
    """Return the certificate that is shown there, None where none is to be had. It is looked at; nothing is told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        [address, *_] = await addresses_of(place, patience.connect)
        async with asyncio.timeout(patience.connect + patience.tls):
            with egress.socket() as sock:
                await asyncio.get_running_loop().sock_connect(sock, (address, place[1]))
                _, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=place[0])
                shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
                writer.transport.abort()
        return x509.load_der_x509_certificate(shown)
    except (OSError, TimeoutError, ValueError, RelayError):
        return None


async def meet(place: Place, egress: Egress, passport: Passport, patience: Patience) -> str:
    """Shake hands as a call does, and leave; return what was agreed. Raises the RelayError of what went wrong."""
    host, port = place
    met = await dial(
        _Met,
        host=host,
        port=port,
        egress=egress,
        passport=passport,
        patience=patience,
        departures=Departures(asyncio.get_running_loop()),
    )
    met.leave()
    return met.agreed


class _Met(asyncio.Protocol):
    """Takes note of what was agreed."""

    def __init__(self) -> None:
        self.agreed = ""
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        tls = transport.get_extra_info("ssl_object")
        self.agreed = f"{tls.version()} with {tls.cipher()[0]}"

    def leave(self) -> None:
        if self._transport is not None:
            self._transport.close()
