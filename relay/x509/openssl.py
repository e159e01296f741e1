"""Reach the OpenSSL context behind one of Python's: the only file that knows how CPython lays that object out.

Python's `ssl` has no word for session ticket keys, groups, or a verification of one's own; OpenSSL has. Every use has
to stand without it: on another build of Python than those proven here nothing is touched, and `OpenSSLOutOfReach` says
so.
"""

import _ssl
import ctypes
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

# What Python sets in OpenSSL for each mode: SSL_VERIFY_PEER, and with it SSL_VERIFY_FAIL_IF_NO_PEER_CERT.
_MODES = {ssl.CERT_NONE: 0, ssl.CERT_OPTIONAL: 1, ssl.CERT_REQUIRED: 3}
_REMEDY = "run relay on a CPython whose ssl module exposes OpenSSL's functions, such as those of Debian or python.org"

# int callback(X509_STORE_CTX *, void *), for SSL_CTX_set_cert_verify_callback, which replaces the verification as a
# whole. The better known SSL_CTX_set_verify would build a chain first and then ask about each of its faults.
VerifyCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


class OpenSSLOutOfReach(Exception):
    """This Python or its OpenSSL is not built as expected. Nothing was changed; the message names the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSSL:
    """Functions of the very OpenSSL that `ssl` runs on; each takes the pointer that `pointer_to` returns."""

    get_verify_mode: Callable[[int], int]
    set_verify_callback: Callable[[int, object, None], None]
    set_timeout: Callable[[int, int], int]
    control: Callable[[int, int, int, bytes | None], int]


@cache
def openssl() -> OpenSSL:
    """Find OpenSSL where Python's own `_ssl` finds it: what that is linked with, or the program it is built into.

    Raises OpenSSLOutOfReach.
    """
    try:
        library = ctypes.CDLL(getattr(_ssl, "__file__", None))
        version, get_mode = library.OpenSSL_version, library.SSL_CTX_get_verify_mode
        set_callback = library.SSL_CTX_set_cert_verify_callback
        set_timeout, control = library.SSL_CTX_set_timeout, library.SSL_CTX_ctrl
    except (OSError, AttributeError) as error:
        raise OpenSSLOutOfReach(f"OpenSSL cannot be reached from Python ({error}): {_REMEDY}") from error
    version.argtypes, version.restype = [ctypes.c_int], ctypes.c_char_p
    if version(0).decode() != ssl.OPENSSL_VERSION:
        raise OpenSSLOutOfReach(f"found another OpenSSL than the one that Python uses: {_REMEDY}")
    get_mode.argtypes, get_mode.restype = [ctypes.c_void_p], ctypes.c_int
    set_callback.argtypes, set_callback.restype = [ctypes.c_void_p, VerifyCallback, ctypes.c_void_p], None
    set_timeout.argtypes, set_timeout.restype = [ctypes.c_void_p, ctypes.c_long], ctypes.c_long
    control.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_char_p]
    control.restype = ctypes.c_long
    return OpenSSL(get_verify_mode=get_mode, set_verify_callback=set_callback, set_timeout=set_timeout, control=control)


def pointer_to(context: ssl.SSLContext) -> int:
    """Return the context's `SSL_CTX *`. Raises OpenSSLOutOfReach unless it is proven to be that.

    The proof is given on a context of its own, once: this one may have connections, and is only looked at.
    """
    _prove_the_place()
    pointer = _kept_in(context)
    if pointer is None or openssl().get_verify_mode(pointer) != _MODES[context.verify_mode]:
        raise _elsewhere()
    return pointer


@cache
def _prove_the_place() -> None:
    """Change a setting through Python and read it back through OpenSSL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pointer = _kept_in(context)
    for mode, expected in _MODES.items():
        context.verify_mode = mode
        if pointer is None or openssl().get_verify_mode(pointer) != expected:
            raise _elsewhere()


def _kept_in(context: ssl.SSLContext) -> int | None:
    """Read what CPython keeps right after the object's head (`PySSLContext` in Modules/_ssl.c, 3.2 to 3.14).

    The head's size differs between builds, so it is asked rather than known.
    """
    return ctypes.c_void_p.from_address(id(context) + object.__basicsize__).value


def _elsewhere() -> OpenSSLOutOfReach:
    return OpenSSLOutOfReach(f"Python keeps its TLS context elsewhere than expected: {_REMEDY}")
