"""Recognise, from its bytes alone, the file that somebody gave in place of a PKCS#12 file."""

import base64
import binascii
import warnings
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7

from relay.x509.identity import UNREADABLE
from relay.x509.mistake import Mistake

# How certificates without a key come: .crt as text, .cer and .crt in binary, .p7b as text and in binary.
_LOADERS: tuple[Callable[[bytes], list[x509.Certificate]], ...] = (
    x509.load_pem_x509_certificates,
    lambda data: [x509.load_der_x509_certificate(data)],
    pkcs7.load_pem_pkcs7_certificates,
    pkcs7.load_der_pkcs7_certificates,
)
SEQUENCE, INDEFINITE = 0x30, 0x80
PFX_VERSION = b"\x02\x01\x03"  # INTEGER 3, the only version there is (RFC 7292 4)


def mistaken_shape(data: bytes) -> Mistake | None:
    """Return what this file is instead of PKCS#12, or None when it has the shape of one."""
    if not data.strip():
        return Mistake.EMPTY
    if b"-----BEGIN " in data:
        return Mistake.PEM if b"PRIVATE KEY-----" in data else Mistake.CERTIFICATE_ONLY
    if (missing := _missing_from_pfx(data)) is not None:
        return Mistake.DAMAGED if missing else None
    if lone_certificates(data):
        return Mistake.CERTIFICATE_ONLY
    return Mistake.BASE64 if _is_encoded_pfx(data) else Mistake.NOT_PKCS12


def lone_certificates(data: bytes) -> list[x509.Certificate]:
    """Return the certificates of a .cer, .crt or .p7b file, binary or text; none when it is something else."""
    for load in _LOADERS:
        try:
            with warnings.catch_warnings():
                # BER in a .p7b is read with a warning that no user can act on.
                warnings.simplefilter("ignore", UserWarning)
                return load(data)
        except UNREADABLE:
            continue
    return []


def _missing_from_pfx(data: bytes) -> int | None:
    """Return how many bytes are missing from this PFX, or None when it is none: SEQUENCE, length, version 3."""
    if len(data) < 2 or data[0] != SEQUENCE:
        return None
    short, long = data[1], 2 + (data[1] & 0x7F)
    if short < INDEFINITE:
        start, length = 2, short
    elif short == INDEFINITE:  # BER, as some keychains write it; the end is marked, so nothing is known to be missing
        start, length = 2, 0
    else:
        start, length = long, int.from_bytes(data[2:long])
    return max(0, start + length - len(data)) if data.startswith(PFX_VERSION, start) else None


def _is_encoded_pfx(data: bytes) -> bool:
    try:
        decoded = base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        return False
    return _missing_from_pfx(decoded) is not None
