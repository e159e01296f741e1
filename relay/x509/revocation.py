"""Which certificates their authorities have revoked: revocation lists (RFC 5280 section 5) as sets to look up in."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from relay.x509.identity import UNREADABLE, readable

_BEGIN = b"-----BEGIN X509 CRL-----"
_PEM = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)
_SIGNING = (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)


class RevocationsFault(Exception):
    """A file of revocation lists cannot be used. The detail says what is wrong and the remedy."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Revocations:
    """What is revoked, by issuer (its name as DER) and serial number; `due` tells until when each list is the newest.

    A serial number is under its issuer's signature, so no holder can change it, as they could a fingerprint.
    """

    revoked: frozenset[tuple[bytes, int]]
    due: tuple[tuple[str, datetime], ...]

    @classmethod
    def none(cls) -> "Revocations":
        """Return no revocations at all."""
        return cls(frozenset(), ())

    def __repr__(self) -> str:
        return f"<Revocations {len(self.revoked)} in {len(self.due)} lists>"

    def doubts(self, at: datetime) -> list[str]:
        """Return what somebody should look at, though it counts."""
        return [
            f"the revocation list of {name} should have been replaced by {due:%Y-%m-%d %H:%M} UTC: get a newer one"
            for name, due in self.due
            if due < at
        ]

    def hold(self, certificate: x509.Certificate) -> bool:
        """Whether this certificate is revoked."""
        return (certificate.issuer.public_bytes(), certificate.serial_number) in self.revoked


def read_revocations(octets: bytes, *, authorities: Sequence[x509.Certificate]) -> Revocations:
    """Return what these lists revoke: PEM, one or more, or one as DER. Raises RevocationsFault.

    Each has to be signed by one of the `authorities`. One that should have been replaced by now still counts: what is
    revoked stays so, and to refuse everybody for want of a newer list would be a fault of another kind.
    """
    revoked: set[tuple[bytes, int]] = set()
    due: list[tuple[str, datetime]] = []
    try:
        for crl in _lists(octets):
            _check(crl, authorities)
            issuer = crl.issuer.public_bytes()
            revoked.update((issuer, entry.serial_number) for entry in crl)
            if crl.next_update_utc is not None:
                due.append((readable(crl.issuer), crl.next_update_utc))
    except (*UNREADABLE, x509.DuplicateExtension) as error:
        raise RevocationsFault(f"there is no readable revocation list, PEM or DER: {error}") from error
    return Revocations(frozenset(revoked), tuple(due))


def _lists(octets: bytes) -> Iterator[x509.CertificateRevocationList]:
    found = _PEM.findall(octets)
    if len(found) != octets.count(_BEGIN):
        raise ValueError("one of the lists has no end")
    if not found:
        yield x509.load_der_x509_crl(octets)
    for pem in found:
        yield x509.load_pem_x509_crl(pem)


def _check(crl: x509.CertificateRevocationList, authorities: Sequence[x509.Certificate]) -> None:
    """Refuse a list that nobody trusted has signed, or that is not the whole of what its authority has revoked."""
    name = readable(crl.issuer)
    if not any(crl.issuer == each.subject and _signed(crl, each) for each in authorities):
        raise RevocationsFault(f"the revocation list of {name} is signed by none of the authorities that are trusted")
    # Such as of a list of changes only, or of a part of the certificates: it would be read as the whole.
    if any(extension.critical for extension in crl.extensions):
        raise RevocationsFault(f"the revocation list of {name} is not a whole and plain one: give the full list")


def _signed(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    key = authority.public_key()
    # What else there is signs no certificates either.
    return isinstance(key, _SIGNING) and crl.is_signature_valid(key)
