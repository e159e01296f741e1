"""The caller's side of the road: the server certificate and its chain, as a caller sees them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from relay.compose.relay.build import build_listener
from relay.doctor.finding import Finding, State, Step
from relay.doctor.handshake import shake_hands
from relay.errors import SettingsFault
from relay.front.certificate import ServerCertificate
from relay.gateway.admission import Hosts
from relay.settings.relay import Listen, RelaySettings
from relay.x509.context import TlsFileFault, client_context

_SOON: Final = timedelta(days=30)
_PATIENCE: Final = 3.0
_ISSUE: Final = "Have it issued anew, and put it in place of the old one: it is taken into use within seconds."


async def arrival(settings: RelaySettings, at: datetime) -> AsyncIterator[Finding]:
    """Yield what a caller meets; a failure ends it."""
    try:
        certificate = build_listener(settings)[0].certificate
    except SettingsFault as fault:
        for key, what in fault.faults:
            yield _finding(State.FAILED, at, f"{key}: {what}", "Mend that; `relay check` tells when it is well.")
        return
    for finding in (*_dates(certificate, at), *_names(settings.listen, certificate, at)):
        yield finding
        if finding.state is State.FAILED:
            return
    yield _chain(settings.listen, certificate, at)
    yield await _shown(settings.listen, certificate, at)


def _finding(state: State, at: datetime, what: str, then: str = "") -> Finding:
    return Finding(step=Step.SERVER_CERTIFICATE, state=state, what=what, at=at, next=then)


def _dates(certificate: ServerCertificate, at: datetime) -> Iterator[Finding]:
    until = f"{certificate.not_after:%d %B %Y}"
    if at >= certificate.not_after:
        yield _finding(State.FAILED, at, f"It expired on {until}: no caller goes on.", _ISSUE)
    elif at < certificate.not_before:
        since = f"{certificate.not_before:%d %B %Y, %H:%M} UTC"
        what = f"It is valid from {since} only, by this machine's clock."
        yield _finding(State.FAILED, at, what, "See that the clock is right; else wait, or have another one issued.")
    elif certificate.not_after - at <= _SOON:
        left = (certificate.not_after - at).days
        yield _finding(State.WARNING, at, f"It expires on {until}, in {left} days.", _ISSUE)
    else:
        yield _finding(State.GOOD, at, f"{certificate.serial}, valid until {until}")


def _names(listen: Listen, certificate: ServerCertificate, at: datetime) -> Iterator[Finding]:
    shown = Hosts(certificate.names)
    missing = sorted(name for name in listen.names if name not in shown)
    if missing:
        told = ", ".join(missing)
        then = f"Have a certificate issued with {told} in it, or take the name out of listen.names."
        yield _finding(State.FAILED, at, f"Callers come as {told}, which the certificate does not prove.", then)


def _chain(listen: Listen, certificate: ServerCertificate, at: datetime) -> Finding:
    """Shake hands with the listener's own context as a caller of the public web's trust does."""
    name = min(listen.names or certificate.names).replace("*", "any")
    try:
        shake_hands(certificate.context, client_context(None, trust=None), name)
    except TlsFileFault as fault:
        return _finding(State.NOTE, at, "Its chain could not be judged.", fault.detail)
    except ssl.SSLCertVerificationError as error:
        return _untrusted(certificate, error.verify_message, at)
    except ssl.SSLError as error:
        then = "Look at listen.certificate and listen.key: `relay check`."
        return _finding(State.FAILED, at, f"No caller can shake hands ({error.reason}).", then)
    return _finding(State.GOOD, at, f"Its chain leads to an authority of the public web, for {name}")


def _untrusted(certificate: ServerCertificate, why: str, at: datetime) -> Finding:
    chain = x509.load_pem_x509_certificates(certificate.chain)
    if len(chain) == 1 and chain[0].issuer != chain[0].subject:
        return _finding(
            State.FAILED,
            at,
            f"The file holds the certificate alone, and callers lack what stands between it and a root ({why}).",
            "Put the authority's intermediate certificates behind it in listen.certificate: the 'full chain' file.",
        )
    return _finding(
        State.WARNING,
        at,
        f"It is not from an authority of the public web ({why}).",
        "Dynamics 365 trusts the public web alone: right only where each caller has been given this authority.",
    )


async def _shown(listen: Listen, certificate: ServerCertificate, at: datetime) -> Finding:
    """Look at what the relay that runs here, if one does, really shows."""
    if listen.proxy_protocol_from or not listen.port:
        why = "its load balancers alone may connect" if listen.port else "listen.port is any free one"
        then = "Look from where a caller is: openssl s_client -connect HOST:PORT -showcerts"
        return _finding(State.NOTE, at, f"What a running relay shows was not looked at: {why}.", then)
    address = "127.0.0.1" if listen.address.is_unspecified else str(listen.address)
    context = client_context(None, trust=listen.certificate)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is looked at, and nothing is told to it
    try:
        async with asyncio.timeout(_PATIENCE):
            _, writer = await asyncio.open_connection(address, listen.port, ssl=context)
    except ConnectionRefusedError:
        what = f"Nothing listens on {address}:{listen.port}: the relay does not run here now."
        return _finding(State.NOTE, at, what, "`relay serve` runs it.")
    except (OSError, TimeoutError):
        then = "See what has the port (`ss -ltnp`), and in the relay's log why it does not answer."
        return _finding(State.FAILED, at, f"What listens on {address}:{listen.port} does not answer in TLS.", then)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    with suppress(OSError, ssl.SSLError):
        await writer.wait_closed()
    if shown == x509.load_pem_x509_certificates(certificate.chain)[0].public_bytes(Encoding.DER):
        return _finding(State.GOOD, at, f"The relay on {address}:{listen.port} shows this very certificate")
    then = "Look in its log for server_certificate_refused; if something else has the port, give it another."
    return _finding(State.FAILED, at, f"What answers on {address}:{listen.port} shows another certificate.", then)
