"""Explain a certificate file as a good colleague would: what it is, whose, until when, usable or why not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric import rsa

from relay.x509.bundle import Bundle, BundleFault, mistakes_in, read_bundle
from relay.x509.identity import Identity, readable
from relay.x509.mistake import MISTAKES, Mistake

SOON = timedelta(days=60)
GOOD_RSA_BITS, LEAST_RSA_BITS = 3072, 2048  # NCSC TLS guidelines 2025-05: good, and "phase out"


class Severity(StrEnum):
    """How much a finding matters. A fault makes the file unusable, a warning asks for action, a note for nothing."""

    GOOD = "good"
    NOTE = "note"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found, in words for whoever exported the file."""

    severity: Severity
    what: str
    remedy: str | None = None
    mistake: Mistake | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What there is to tell about a file. `chain` are the names above the certificate, from its issuer upwards."""

    file_name: str
    identity: Identity | None
    chain: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """Whether relay can call VECOZO with this file."""
        return all(finding.severity is not Severity.FAULT for finding in self.findings)


def explain(data: bytes, password: str | None, *, at: datetime, file_name: str) -> Explanation:
    """Return what this file is and whether it can be used at `at`. It never raises for what is in the file."""
    try:
        bundle = read_bundle(data, password)
    except BundleFault as fault:
        return Explanation(file_name=file_name, identity=fault.identity, chain=(), findings=(_finding(fault.mistake),))
    chain = tuple(readable(link.subject) for link in bundle.chain)
    return Explanation(
        file_name=file_name, identity=bundle.identity, chain=chain, findings=tuple(_findings(bundle, at))
    )


def _findings(bundle: Bundle, at: datetime) -> Iterator[Finding]:
    mistakes = mistakes_in(bundle, at=at)
    yield from map(_finding, mistakes)
    yield from _on_choice(bundle)
    if not any(MISTAKES[mistake].fatal for mistake in mistakes):
        yield Finding(severity=Severity.GOOD, what="This is a system certificate with its private key, valid today.")
        yield from _on_expiry(bundle.identity.not_after, at)
    yield from _on_number(bundle.identity)
    yield from _on_strength(bundle)


def _on_choice(bundle: Bundle) -> Iterator[Finding]:
    """Explain which certificate was chosen, where there was a choice."""
    if bundle.passed_over:
        chosen = f"{bundle.identity.serial}, until {bundle.identity.not_after:%Y-%m-%d}"
        what = (
            f"The file has {len(bundle.passed_over) + 1} holders' certificates. Chosen: {chosen}, for its private key "
        )
        yield Finding(
            severity=Severity.NOTE, what=f"{what}is here, and it lasts longest of those without a person's name."
        )
    for other in bundle.passed_over:
        yield Finding(severity=Severity.NOTE, what=f"Passed over: {other}.")


def _finding(mistake: Mistake) -> Finding:
    wording = MISTAKES[mistake]
    severity = Severity.FAULT if wording.fatal else Severity.WARNING
    return Finding(severity=severity, what=wording.what, remedy=wording.remedy, mistake=mistake)


def _on_expiry(not_after: datetime, at: datetime) -> Iterator[Finding]:
    left = not_after - at
    if left <= SOON:
        yield Finding(
            severity=Severity.WARNING,
            what=f"It expires in {left.days} days.",
            remedy="Renew it at VECOZO in time; user number and PIN are needed, and five wrong tries block them.",
        )


def _on_number(identity: Identity) -> Iterator[Finding]:
    if identity.user_number is None:
        yield Finding(
            severity=Severity.NOTE,
            what="Its names hold no user number of 14 digits, which VECOZO's are expected to have (a guess).",
        )


def _on_strength(bundle: Bundle) -> Iterator[Finding]:
    if not isinstance(bundle.key, rsa.RSAPrivateKey) or bundle.key.key_size >= GOOD_RSA_BITS:
        return
    what = f"Its RSA key has {bundle.key.key_size} bits; NCSC calls {GOOD_RSA_BITS} or more good."
    if bundle.key.key_size >= LEAST_RSA_BITS:
        yield Finding(severity=Severity.NOTE, what=f"{what} Who issues the certificate decides; nothing to do here.")
    else:
        yield Finding(severity=Severity.WARNING, what=what, remedy="Renew the certificate: many sides refuse this key.")
