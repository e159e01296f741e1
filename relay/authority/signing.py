"""Keys, names and signatures: one X.509 certificate made from what makes it differ from the others."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier

from relay.x509.pem import Key


class KeyType(StrEnum):
    """The keys on offer. P-256 is made in well under a millisecond; RSA is what VECOZO's customers hold."""

    P256 = "p256"
    RSA2048 = "rsa2048"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A certificate authority's certificate with the key that signs for it."""

    certificate: x509.Certificate
    key: Key


def new_key(key_type: KeyType) -> Key:
    """Return a fresh private key."""
    match key_type:
        case KeyType.P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyType.RSA2048:
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def distinguished_name(*attributes: tuple[ObjectIdentifier, str]) -> x509.Name:
    """Return a Dutch X.500 name of these attributes, in this order."""
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in ((NameOID.COUNTRY_NAME, "NL"), *attributes)])


def sign(
    subject: x509.Name,
    key: Key,
    *,
    issuer: Holder | None,
    not_before: datetime,
    days: int,
    extensions: Iterable[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    """Return a certificate for `key`, signed by `issuer`, or by itself when there is none.

    The extensions are pairs of value and criticality; both key identifiers are added (RFC 5280 4.2.1.1, 4.2.1.2).
    """
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_before + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    return builder.sign(signer, hashes.SHA256())
