"""Let TLS accept any client certificate, so that a bad one can be answered in HTTP instead of by a dead connection.

Python can only demand a *good* certificate (`CERT_OPTIONAL` ends the handshake of a bad one without a word), so
OpenSSL's own verification is replaced through ctypes. After this, TLS proves no more than that the caller holds the
key of the certificate that it showed: **every request must be judged by `relay.x509.verify`**, resumed sessions
included.
"""

import _ssl
import ctypes
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

# int callback(X509_STORE_CTX *, void *), for SSL_CTX_set_cert_verify_callback, which replaces the verification as a
# whole. The better known SSL_CTX_set_verify would build a chain first and then ask about each of its faults.
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
# A constant of the module, because it must outlive every context that it was given to.
_accept = _Callback(lambda _store, _argument: 1)
# What Python sets in OpenSSL for each mode: SSL_VERIFY_PEER, and with it SSL_VERIFY_FAIL_IF_NO_PEER_CERT.
_MODES = {ssl.CERT_OPTIONAL: 1, ssl.CERT_REQUIRED: 3}
_REMEDY = "run relay on a CPython whose ssl module exposes OpenSSL's functions, such as those of Debian or python.org"


class AnyClientImpossible(Exception):
    """This Python or its OpenSSL is not built as expected. Nothing was changed; the message names the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenSSL:
    """Functions of the very OpenSSL that `ssl` runs on."""

    get_verify_mode: Callable[[int], int]
    set_callback: Callable[[int, object, None], None]


def accept_any_client_certificate(context: ssl.SSLContext) -> None:
    """Make a server's context, not yet in use, ask for a certificate, demand none, and accept whichever comes.

    Raises `AnyClientImpossible` where that cannot be proven to reach the right place in OpenSSL.
    """
    if context.protocol is not ssl.PROTOCOL_TLS_SERVER:
        raise AnyClientImpossible("only a server may accept any certificate: a client would trust any server")
    openssl = _openssl()
    openssl.set_callback(_proven_pointer(context, openssl.get_verify_mode), _accept, None)
    context.verify_mode = ssl.CERT_OPTIONAL


def peer_certificate(connection: ssl.SSLObject | ssl.SSLSocket) -> bytes | None:
    """Return the DER of the certificate that the peer showed, in this session or in the one resumed, if it did."""
    return connection.getpeercert(binary_form=True)


@cache
def _openssl() -> _OpenSSL:
    """Find OpenSSL where Python's own `_ssl` finds it: what that is linked with, or the program it is built into."""
    try:
        library = ctypes.CDLL(getattr(_ssl, "__file__", None))
        version, get_mode = library.OpenSSL_version, library.SSL_CTX_get_verify_mode
        set_callback = library.SSL_CTX_set_cert_verify_callback
    except (OSError, AttributeError) as error:
        raise AnyClientImpossible(f"OpenSSL cannot be reached from Python ({error}): {_REMEDY}") from error
    version.argtypes, version.restype = [ctypes.c_int], ctypes.c_char_p
    if version(0).decode() != ssl.OPENSSL_VERSION:
        raise AnyClientImpossible(f"found another OpenSSL than the one that Python uses: {_REMEDY}")
    get_mode.argtypes, get_mode.restype = [ctypes.c_void_p], ctypes.c_int
    set_callback.argtypes, set_callback.restype = [ctypes.c_void_p, _Callback, ctypes.c_void_p], None
    return _OpenSSL(get_verify_mode=get_mode, set_callback=set_callback)


def _proven_pointer(context: ssl.SSLContext, get_verify_mode: Callable[[int], int]) -> int:
    """Return the context's `SSL_CTX *`, proven by reading two settings back through OpenSSL.

    CPython keeps it right after the object's head (`PySSLContext` in Modules/_ssl.c, 3.2 to 3.14). The head's size
    differs between builds, so it is asked rather than known.
    """
    pointer = ctypes.c_void_p.from_address(id(context) + object.__basicsize__).value
    if pointer is None:
        raise AnyClientImpossible(f"Python keeps its TLS context elsewhere than expected: {_REMEDY}")
    before = context.verify_mode
    for mode, expected in _MODES.items():
        context.verify_mode = mode
        if get_verify_mode(pointer) != expected:
            context.verify_mode = before
            raise AnyClientImpossible(f"Python keeps its TLS context elsewhere than expected: {_REMEDY}")
    return pointer
