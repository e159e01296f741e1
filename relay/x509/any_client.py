"""Let TLS accept any client certificate, so that a bad one can be answered in HTTP instead of by a dead connection.

Python can only demand a *good* certificate (`CERT_OPTIONAL` ends the handshake of a bad one without a word), so
OpenSSL's own verification is replaced through ctypes. After this, TLS proves no more than that the caller holds the
key of the certificate that it showed: **every request must be judged by `relay.x509.verify`**, resumed sessions
included.
"""

import ssl

from relay.x509.openssl import OpenSSLOutOfReach, VerifyCallback, openssl, pointer_to

# A constant of the module, because it must outlive every context that it was given to.
_accept = VerifyCallback(lambda _store, _argument: 1)


class AnyClientImpossible(Exception):
    """It cannot be had here. Nothing was changed; the message names the remedy."""


def accept_any_client_certificate(context: ssl.SSLContext) -> None:
    """Make a server's context, not yet in use, ask for a certificate, demand none, and accept whichever comes.

    Raises `AnyClientImpossible` where that cannot be proven to reach the right place in OpenSSL.
    """
    if context.protocol is not ssl.PROTOCOL_TLS_SERVER:
        raise AnyClientImpossible("only a server may accept any certificate: a client would trust any server")
    try:
        openssl().set_verify_callback(pointer_to(context), _accept, None)
    except OpenSSLOutOfReach as error:
        raise AnyClientImpossible(str(error)) from error
    context.verify_mode = ssl.CERT_OPTIONAL


def peer_certificate(connection: ssl.SSLObject | ssl.SSLSocket) -> bytes | None:
    """Return the DER of the certificate that the peer showed, in this session or in the one resumed, if it did."""
    return connection.getpeercert(binary_form=True)
