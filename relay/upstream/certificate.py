"""The system certificate's file: opened, watched, and turned into a new passport whenever it changes for the better."""

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from relay.settings.secret import SecretFault, read_secret
from relay.upstream.passport import Papers, Passport
from relay.x509.bundle import BundleFault, mistakes_in, open_bundle, read_bundle
from relay.x509.context import TlsFileFault, client_context, trust_pem
from relay.x509.fitness import ANYWHERE, Fitness
from relay.x509.identity import Kind
from relay.x509.mistake import MISTAKES, Mistake
from relay.x509.pem import chain_pem, key_pem
from relay.x509.revocation import RevocationsFault
from relay.x509.watch import Stamp, stamp_of


class CertificateFault(Exception):
    """The certificate file cannot be used; `key` is the settings' name for the culprit below the tenant.

    `cause` says the same to callers, who are told of no paths. `absent`: there is no such file; `mistake` is what was
    done wrong, where the file is there and it is known.
    """

    def __init__(
        self, key: str, detail: str, *, cause: str, absent: bool = False, mistake: Mistake | None = None
    ) -> None:
        super().__init__(detail)
        self.key = key
        self.detail = detail
        self.cause = cause
        self.absent = absent
        self.mistake = mistake


def papers_of(
    octets: bytes,
    password: str | None,
    *,
    at: datetime,
    trust: str | None,
    revocations: str | None = None,
    fitness: Fitness,
    early: bool = False,
) -> Papers:
    """Return the papers made of a PKCS#12 file, wherever it came from. Raises BundleFault.

    `early`: it may be one that is not valid yet, to be judged as on its first day.
    """
    if early:
        at = max(at, read_bundle(octets, password).identity.not_before)
    bundle = open_bundle(octets, password, at=at)
    identity = bundle.identity
    fitness.judge(identity)
    # What by its names is for test or acceptance is in its place there, or would have been refused.
    mistakes = [each for each in mistakes_in(bundle, at=at) if each is not Mistake.TEST_CERTIFICATE]
    doubts = (MISTAKES[each] for each in mistakes)
    return Papers(
        chain=chain_pem(bundle.certificate, bundle.chain).decode(),
        key=key_pem(bundle.key).decode(),
        trust=trust,
        revocations=revocations,
        serial=identity.serial,
        fingerprint=identity.fingerprint,
        not_before=identity.not_before,
        not_after=identity.not_after,
        doubts=tuple(f"{doubt.what} {doubt.remedy}" for doubt in doubts),
        passed_over=tuple(map(str, bundle.passed_over)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFile:
    """A .p12 or .pfx file, its password (in a file or given), what it must be, and whom to trust at the other end.

    `revocations` are the lists of what the trusted ones have revoked. `key` is the settings' name for it below the
    tenant. An `early` one may be from before its first day.
    """

    file: Path
    password_file: Path | None
    password: str | None
    trust: Path | None
    revocations: Path | None = None
    fitness: Fitness = ANYWHERE
    key: str = "certificate"
    early: bool = False

    def passport(self, at: datetime) -> Passport:
        """Return what the file holds now, ready for use at `at`. Raises CertificateFault."""
        octets = _read(self.file, f"{self.key}.file")
        password = self._password()
        try:
            trust = None if self.trust is None else trust_pem(self.trust)
            return papers_of(
                octets,
                password,
                at=at,
                trust=trust,
                revocations=self._revocations(),
                fitness=self.fitness,
                early=self.early,
            ).passport()
        except BundleFault as fault:
            detail = f"{self.file}: {fault.detail}"
            raise CertificateFault(f"{self.key}.file", detail, cause=fault.detail, mistake=fault.mistake) from None
        except TlsFileFault as fault:
            cause = "The authorities that VECOZO's own certificate is checked against cannot be used."
            raise CertificateFault("trust", fault.detail, cause=cause) from None
        except RevocationsFault as fault:
            detail = f"{self.revocations}: {fault.detail}"
            cause = "The list of certificates that the authorities of VECOZO's own have revoked cannot be used."
            raise CertificateFault("trust_revocations", detail, cause=cause) from None

    def persons_context(self) -> ssl.SSLContext:
        """Return what the person logs in with whose certificate the file holds. Raises CertificateFault.

        Whether it is valid, and whose, is for whoever lets the person in.
        """
        key, octets = f"{self.key}.file", _read(self.file, f"{self.key}.file")
        try:
            bundle = read_bundle(octets, self._password())
            if bundle.identity.kind is not Kind.PERSONAL:
                detail = f"{self.file} is no person's: only a contact person's personal certificate logs in"
                raise CertificateFault(key, detail, cause=detail)
            return client_context(bundle, trust=self.trust)
        except BundleFault as fault:
            raise CertificateFault(key, f"{self.file}: {fault.detail}", cause=fault.detail) from None
        except TlsFileFault as fault:
            raise CertificateFault("trust", fault.detail, cause=fault.detail) from None

    def stamp(self) -> Stamp:
        """Return a value that differs whenever the file or its password may have changed, through links as well."""
        return stamp_of(*filter(None, (self.file, self.password_file, self.trust, self.revocations)))

    def _revocations(self) -> str | None:
        if self.revocations is None:
            return None
        try:
            return self.revocations.read_bytes().decode("latin-1")
        except OSError as error:
            raise RevocationsFault(f"it cannot be read: {error.strerror}") from None

    def _password(self) -> str | None:
        if self.password_file is None:
            return self.password
        try:
            return read_secret(self.password_file)
        except SecretFault as fault:
            key, cause = f"{self.key}.password_file", f"The file with its password {fault.why}."
            raise CertificateFault(key, fault.detail, cause=cause, absent=fault.absent) from None


def _read(path: Path, key: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        cause = "The file does not exist."
        raise CertificateFault(key, f"{path} does not exist", cause=cause, absent=True) from None
    except OSError as error:
        detail = f"{path} cannot be read: {error.strerror}"
        raise CertificateFault(key, detail, cause="The file cannot be read.") from None
