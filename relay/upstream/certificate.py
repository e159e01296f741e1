"""The system certificate where it is kept: opened, judged, and turned into the passport that connections show."""

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from relay.settings.secret import SecretFault, read_secret
from relay.upstream.keeper import Keeper, KeeperFault, Lack
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
    """The certificate cannot be used; `key` is the settings' name for the culprit below the tenant.

    `cause` says the same to callers, who are told of no places. `mistake` is what was done wrong with what is kept,
    where that is known.
    """

    def __init__(self, key: str, detail: str, *, cause: str, lack: Lack, mistake: Mistake | None = None) -> None:
        super().__init__(detail)
        self.key = key
        self.detail = detail
        self.cause = cause
        self.lack = lack
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
class KeptCertificate:
    """A system certificate where it is kept, the password of its export (in a file or given), and what it must be.

    `trust` and `revocations` are files: the authorities of the other end, and the lists of what these have revoked.
    `key` is the settings' name for it below the tenant. An `early` one may be from before its first day.
    """

    keeper: Keeper
    password_file: Path | None
    password: str | None
    trust: Path | None
    revocations: Path | None = None
    fitness: Fitness = ANYWHERE
    key: str = "certificate"
    early: bool = False

    @property
    def place(self) -> str:
        """The setting that says where it is kept."""
        return f"{self.key}.{self.keeper.setting}"

    def passport(self, at: datetime) -> Passport:
        """Return what is kept now, ready for use at `at`; a vault may take seconds. Raises CertificateFault."""
        octets, password = self._octets(), self._password()
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
            detail, mistake = f"{self.keeper}: {fault.detail}", fault.mistake
            raise CertificateFault(self.place, detail, cause=fault.detail, lack=Lack.UNFIT, mistake=mistake) from None
        except TlsFileFault as fault:
            cause = "The authorities that VECOZO's own certificate is checked against cannot be used."
            raise CertificateFault("trust", fault.detail, cause=cause, lack=Lack.UNREADABLE) from None
        except RevocationsFault as fault:
            detail = f"{self.revocations}: {fault.detail}"
            cause = "The list of certificates that the authorities of VECOZO's own have revoked cannot be used."
            raise CertificateFault("trust_revocations", detail, cause=cause, lack=Lack.UNREADABLE) from None

    def persons_context(self) -> ssl.SSLContext:
        """Return what the person logs in with whose certificate is kept. Raises CertificateFault.

        Whether it is valid, and whose, is for whoever lets the person in.
        """
        octets = self._octets()
        try:
            bundle = read_bundle(octets, self._password())
            if bundle.identity.kind is not Kind.PERSONAL:
                detail = f"{self.keeper} is no person's: only a contact person's personal certificate logs in"
                raise CertificateFault(self.place, detail, cause=detail, lack=Lack.UNFIT)
            return client_context(bundle, trust=self.trust)
        except BundleFault as fault:
            detail = f"{self.keeper}: {fault.detail}"
            raise CertificateFault(self.place, detail, cause=fault.detail, lack=Lack.UNFIT) from None
        except TlsFileFault as fault:
            raise CertificateFault("trust", fault.detail, cause=fault.detail, lack=Lack.UNREADABLE) from None

    def stamp(self) -> Stamp:
        """Return a value that differs whenever it, its password or whom to trust may have changed."""
        return self.keeper.stamp() + stamp_of(*filter(None, (self.password_file, self.trust, self.revocations)))

    def _octets(self) -> bytes:
        try:
            return self.keeper.octets()
        except KeeperFault as fault:
            raise CertificateFault(self.place, fault.detail, cause=fault.cause, lack=fault.lack) from None

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
            lack = Lack.ABSENT if fault.absent else Lack.UNREADABLE
            raise CertificateFault(key, fault.detail, cause=cause, lack=lack) from None
