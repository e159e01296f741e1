"""The chain by which TLS found the other side's certificate right: Python tells it in public from 3.13 on only."""

import ssl
import sys
from typing import Any, Final, cast

from cryptography import x509

_DER: Final = 2  # OpenSSL's number for it in Python's own module


def verified_chain(tls: ssl.SSLObject) -> list[x509.Certificate]:
    """Return that chain once hands have been shaken, their own certificate first, an authority that we trust last."""
    return [x509.load_der_x509_certificate(der) for der in _ders(tls)]


def _ders(tls: ssl.SSLObject) -> list[bytes]:
    if sys.version_info >= (3, 13):
        return tls.get_verified_chain()
    inner = cast("Any", tls)._sslobj  # noqa: SLF001  # there since 3.10, without a public name
    return [each.public_bytes(_DER) for each in inner.get_verified_chain()]
