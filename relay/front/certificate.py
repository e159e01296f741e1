"""The server certificate's files: opened, looked at, and turned into a new context when they change for the better."""

import ssl
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import orjson
from cryptography import x509

from relay.x509.any_client import accept_any_client_certificate
from relay.x509.context import TlsFileFault, server_context_from
from relay.x509.identity import UNREADABLE
from relay.x509.names import names_of
from relay.x509.watch import Stamp, stamp_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertificate:
    """A certificate that callers may be shown: how to shake hands with it, and what it says.

    `asks`: the caller is asked for a certificate too, and whatever comes is taken, for others to judge.
    """

    context: ssl.SSLContext
    serial: str
    not_before: datetime
    not_after: datetime
    names: frozenset[str]
    asks: bool
    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, chain: bytes, key: bytes, *, asks: bool) -> "ServerCertificate":
        """Return what these PEM octets hold. Raises TlsFileFault, and AnyClientImpossible where it cannot ask."""
        context = server_context_from(chain, key)
        if asks:
            accept_any_client_certificate(context)
        try:
            leaf = x509.load_pem_x509_certificates(chain)[0]
            names = names_of(leaf)
        except UNREADABLE as error:
            raise TlsFileFault(f"there is no readable PEM certificate: {error}") from error
        return cls(
            context=context,
            serial=f"{leaf.serial_number:X}",
            not_before=leaf.not_valid_before_utc,
            not_after=leaf.not_valid_after_utc,
            names=names,
            asks=asks,
            chain=chain,
            key=key,
        )

    @classmethod
    def read(cls, octets: bytes) -> "ServerCertificate":
        """Return what `octets` wrote in another process. Raises TlsFileFault."""
        chain, key, asks = orjson.loads(octets)
        return cls.of(chain.encode("latin-1"), key.encode("latin-1"), asks=asks)

    def octets(self) -> bytes:
        """Return all that another process needs, the private key too: for a file in memory alone."""
        # Every octet is a letter of Latin-1: what stands around the PEM may be in any.
        return orjson.dumps([self.chain.decode("latin-1"), self.key.decode("latin-1"), self.asks])


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFiles:
    """The PEM files of the certificate with its intermediates, and of its key. `asks` as there."""

    certificate: Path
    key: Path
    asks: bool = False

    def stamp(self) -> Stamp:
        """Return a value that differs whenever one of the files may have changed."""
        return stamp_of(self.certificate, self.key)

    def read(self) -> ServerCertificate:
        """Return what the files hold now. Raises TlsFileFault."""
        chain, key = _read(self.certificate), _read(self.key)
        try:
            return ServerCertificate.of(chain, key, asks=self.asks)
        except TlsFileFault as fault:
            raise TlsFileFault(f"{self.certificate} with {self.key}: {fault.detail}") from fault

    def read_successor(self, at: datetime, *, named: bool) -> ServerCertificate:
        """Return what the files hold now, if it may take the place of one in force. Raises TlsFileFault.

        At a start whatever there is has to do; but one in force is not given up for one out of its dates, nor, where
        nothing else tells how the relay is `named`, for one without names.
        """
        certificate = self.read()
        if not certificate.not_before <= at < certificate.not_after:
            dates = f"{certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d}"
            raise TlsFileFault(f"{self.certificate} is valid from {dates}, which is not now: give one that is valid")
        if not named and not certificate.names:
            raise TlsFileFault(f"{self.certificate} has no names in it: give one with the relay's host name")
        return certificate


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsFileFault(f"{path} cannot be read: {error.strerror}") from error
