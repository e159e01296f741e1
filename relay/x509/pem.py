"""A certificate with its key as PEM, the form in which TLS wants them."""

from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

# The kinds of key that certificates in this trade have; both sides of TLS know them.
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def chain_pem(certificate: x509.Certificate, chain: Iterable[x509.Certificate]) -> bytes:
    """Return what is sent in a handshake: certificate and intermediates. The peer has its own root (RFC 8446 4.4.2)."""
    sent = [certificate, *(link for link in chain if link.issuer != link.subject)]
    return b"".join(link.public_bytes(Encoding.PEM) for link in sent)


def key_pem(key: Key) -> bytes:
    """Return the private key, unencrypted: for memory, or for a file that only its owner can read."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
