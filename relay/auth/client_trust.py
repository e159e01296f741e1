"""Whose client certificates count: the authorities that are trusted, and what these have revoked, from two files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from cryptography import x509

from relay.x509.context import TlsFileFault
from relay.x509.identity import UNREADABLE
from relay.x509.revocation import Revocations, RevocationsFault, read_revocations
from relay.x509.watch import Stamp, stamp_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTrust:
    """The authorities that are trusted to tell who a caller is, none of them revoked; and the certificates that are."""

    authorities: Sequence[x509.Certificate]
    revocations: Revocations
    pem: tuple[bytes, bytes] = field(repr=False)

    @classmethod
    def of(cls, authorities: bytes, revocations: bytes) -> "ClientTrust":
        """Return what these octets hold; empty octets are no file. Raises RevocationsFault, TlsFileFault."""
        trusted = list(_authorities(authorities)) if authorities else []
        lists = read_revocations(revocations, authorities=trusted) if revocations else Revocations.none()
        return cls(
            authorities=[each for each in trusted if not lists.hold(each)],
            revocations=lists,
            pem=(authorities, revocations),
        )

    @classmethod
    def read(cls, octets: bytes) -> "ClientTrust":
        """Return what `octets` wrote in another process. Raises as `of` does."""
        authorities, revocations = orjson.loads(octets)
        return cls.of(authorities.encode("latin-1"), revocations.encode("latin-1"))

    def octets(self) -> bytes:
        """Return all that another process needs."""
        # Every octet is a letter of Latin-1: what stands around the PEM may be in any.
        return orjson.dumps([each.decode("latin-1") for each in self.pem])


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTrustFiles:
    """The PEM file of authorities, and that of their revocation lists; None where there is no such file."""

    authorities: Path | None
    revocations: Path | None

    def stamp(self) -> Stamp:
        """Return a value that differs whenever one of the files may have changed."""
        return stamp_of(*(path for path in (self.authorities, self.revocations) if path is not None))

    def read(self) -> ClientTrust:
        """Return what the files hold now. Raises ClientTrustFault."""
        authorities = _octets("listen.client_authorities", self.authorities)
        revocations = _octets("listen.client_revocations", self.revocations)
        try:
            return ClientTrust.of(authorities, revocations)
        except TlsFileFault as fault:
            raise ClientTrustFault("listen.client_authorities", f"{self.authorities}: {fault.detail}") from fault
        except RevocationsFault as fault:
            raise ClientTrustFault("listen.client_revocations", f"{self.revocations}: {fault.detail}") from fault


class ClientTrustFault(Exception):
    """One of the files cannot be used: `key` is the setting that names it, `detail` what is wrong and the remedy."""

    def __init__(self, key: str, detail: str) -> None:
        super().__init__(detail)
        self.key = key
        self.detail = detail


def _octets(key: str, path: Path | None) -> bytes:
    if path is None:
        return b""
    try:
        octets = path.read_bytes()
    except OSError as error:
        raise ClientTrustFault(key, f"{path} cannot be read: {error.strerror}") from error
    if not octets:
        raise ClientTrustFault(key, f"{path} is empty")
    return octets


def _authorities(pem: bytes) -> Iterator[x509.Certificate]:
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except UNREADABLE as error:
        raise TlsFileFault(f"there are no readable PEM certificates: {error}") from error
    for certificate in certificates:
        if not _issues(certificate):
            name = certificate.subject.rfc4514_string()
            raise TlsFileFault(f"{name} is no authority; a caller's own certificate is pinned by its fingerprint")
        yield certificate


def _issues(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (*UNREADABLE, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
