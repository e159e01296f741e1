"""The system certificate's file: opened, watched, and turned into a new passport whenever it changes for the better."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from relay.upstream.passport import Papers, Passport
from relay.x509.bundle import BundleFault, mistakes_in, open_bundle
from relay.x509.context import TlsFileFault, trust_pem
from relay.x509.mistake import MISTAKES
from relay.x509.pem import chain_pem, key_pem
from relay.x509.watch import Stamp, stamp_of


class CertificateFault(Exception):
    """The certificate file cannot be used; `key` is the settings' name for the culprit below the tenant."""

    def __init__(self, key: str, detail: str) -> None:
        super().__init__(detail)
        self.key = key
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFile:
    """A .p12 or .pfx file, its password (in a file or given), and whom to trust at the other end."""

    file: Path
    password_file: Path | None
    password: str | None
    trust: Path | None

    def passport(self, at: datetime) -> Passport:
        """Return what the file holds now, ready for use at `at`. Raises CertificateFault."""
        data = _read(self.file, "certificate.file")
        try:
            bundle = open_bundle(data, self._password(), at=at)
        except BundleFault as fault:
            raise CertificateFault("certificate.file", f"{self.file}: {fault.detail}") from None
        identity = bundle.identity
        try:
            return Papers(
                chain=chain_pem(bundle.certificate, bundle.chain).decode(),
                key=key_pem(bundle.key).decode(),
                trust=None if self.trust is None else trust_pem(self.trust),
                serial=identity.serial,
                fingerprint=identity.fingerprint,
                not_after=identity.not_after,
                doubts=tuple(f"{MISTAKES[each].what} {MISTAKES[each].remedy}" for each in mistakes_in(bundle, at=at)),
            ).passport()
        except TlsFileFault as fault:
            raise CertificateFault("trust", fault.detail) from None

    def stamp(self) -> Stamp:
        """Return a value that differs whenever the file or its password may have changed, through links as well."""
        return stamp_of(*(path for path in (self.file, self.password_file, self.trust) if path))

    def _password(self) -> str | None:
        if self.password_file is None:
            return self.password
        text = _read(self.password_file, "certificate.password_file")
        try:
            return text.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            detail = f"{self.password_file} is not text in UTF-8; write the password alone on one line"
            raise CertificateFault("certificate.password_file", detail) from None


def _read(path: Path, key: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CertificateFault(key, f"{path} does not exist") from None
    except OSError as error:
        raise CertificateFault(key, f"{path} cannot be read: {error.strerror}") from None
