"""What each kind of certificate may be used for, as the extensions that say so."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

Extensions = Sequence[tuple[x509.ExtensionType, bool]]


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def authority(*, path_length: int) -> Extensions:
    """Return the extensions of an authority with at most `path_length` authorities below it."""
    return (
        (x509.BasicConstraints(ca=True, path_length=path_length), True),
        (_key_usage(signs_certificates=True), True),
    )


def client() -> Extensions:
    """Return the extensions of a certificate that proves a caller. No alternative name: VECOZO's have none (guess)."""
    return (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
    )


def server(names: Sequence[str], addresses: Sequence[IPv4Address | IPv6Address]) -> Extensions:
    """Return the extensions of a certificate that proves a server under these names and addresses."""
    alternatives = [*map(x509.DNSName, names), *map(x509.IPAddress, addresses)]
    return (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName(alternatives), False),
    )
