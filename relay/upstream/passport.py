"""What a connection to VECOZO shows: the system certificate, in a TLS context ready for use, and its papers."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson
from cryptography import x509

from relay.x509.context import client_context_from
from relay.x509.revocation import Revocations, read_revocations

_ALWAYS: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What a passport is made from, all in PEM, so that another process can make the same: its memory, never a disk.

    `trust` are the upstream's authorities, None for the web's; `revocations` the lists of what they have revoked, as
    read, PEM or DER, each octet a letter of Latin-1; None where there are none. The rest is as in `Passport`.
    """

    chain: str
    key: str
    trust: str | None
    revocations: str | None
    serial: str
    fingerprint: str
    not_before: datetime
    not_after: datetime
    doubts: tuple[str, ...]
    passed_over: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<Papers {self.serial} until {self.not_after:%Y-%m-%d}>"

    @classmethod
    def read(cls, octets: bytes) -> "Papers":
        """Return what `octets` wrote."""
        told = orjson.loads(octets)
        dates = {name: datetime.fromisoformat(told[name]) for name in ("not_before", "not_after")}
        return cls(**told | dates | {name: tuple(told[name]) for name in ("doubts", "passed_over")})

    def octets(self) -> bytes:
        """Return all of it, the private key too: for a file in memory alone."""
        return orjson.dumps(self)

    def passport(self) -> "Passport":
        """Return the passport. Raises TlsFileFault, RevocationsFault."""
        return Passport(
            context=client_context_from(self.chain.encode(), self.key.encode(), trust=self.trust),
            serial=self.serial,
            fingerprint=self.fingerprint,
            not_before=self.not_before,
            not_after=self.not_after,
            doubts=self.doubts,
            passed_over=self.passed_over,
            revocations=self._revocations(),
            papers=self,
        )

    def _revocations(self) -> Revocations:
        if self.revocations is None or self.trust is None:
            return Revocations.none()
        authorities = x509.load_pem_x509_certificates(self.trust.encode())
        return read_revocations(self.revocations.encode("latin-1"), authorities=authorities)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passport:
    """One system certificate in force. `serial` is upper-case hexadecimal; `fingerprint` that of the certificate.

    `doubts` are the mistakes made with its file that do not keep it from being used, in words; `passed_over` the other
    certificates in it, each with why it was not chosen. `revocations` tell which certificates of the upstream count no
    more. `papers` are there when it was made from a file: what another process needs to make the same.
    """

    context: ssl.SSLContext
    serial: str
    fingerprint: str
    not_after: datetime
    not_before: datetime = _ALWAYS
    doubts: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    revocations: Revocations = Revocations.none()  # noqa: RUF009  # frozen, and the same for all
    papers: Papers | None = None

    def __repr__(self) -> str:
        return f"<Passport {self.serial} until {self.not_after:%Y-%m-%d}>"
