"""Whether a caller's certificate is worth anything: chain, dates and purpose, judged at a given moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from relay.x509.identity import UNREADABLE, CertificateUnreadable, Identity, identify
from relay.x509.purpose import proves_a_client


class Reason(StrEnum):
    """Why a certificate is unfit: the nearest miss, so a foreign one is foreign even when it has expired too."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    FOREIGN = "foreign"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    WRONG_PURPOSE = "wrong_purpose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """A certificate that proves nobody. `identity` is what it claims, for logs and advice only."""

    reason: Reason
    detail: str
    identity: Identity | None = None


def verify_client(leaf_der: bytes | None, *, authorities: Sequence[x509.Certificate], at: datetime) -> Identity | Unfit:
    """Return whose certificate this is, or why it is unfit to prove that; whatever is unclear is unfit.

    `authorities` are the roots to trust with the intermediates below them (a resumed session carries the caller's own
    certificate only, so intermediates are never taken from the caller); without any root the intermediates are
    trusted themselves, and nothing at all trusts nobody. `at` carries its time zone. There is no revocation here.
    Measured: 0.3 to 0.5 ms for P-256; a caller that asks on each request keeps the answer per fingerprint, until
    `not_after`.
    """
    if leaf_der is None:
        return Unfit(reason=Reason.MISSING, detail="no certificate was presented")
    try:
        leaf = x509.load_der_x509_certificate(leaf_der)
        identity = identify(leaf)
    except (*UNREADABLE, CertificateUnreadable) as error:
        return Unfit(reason=Reason.UNREADABLE, detail=str(error))
    return _unfit(leaf, identity, authorities, at) or identity


def _unfit(
    leaf: x509.Certificate, identity: Identity, authorities: Sequence[x509.Certificate], at: datetime
) -> Unfit | None:
    # The chain is judged at the moment within the leaf's own life that is nearest to now: dates have their own answer.
    within = max(identity.not_before, min(at, identity.not_after))
    if fault := _chain_fault(leaf, authorities, within):
        return Unfit(reason=Reason.FOREIGN, detail=fault, identity=identity)
    if at < identity.not_before:
        return Unfit(
            reason=Reason.NOT_YET_VALID,
            detail=f"valid from {identity.not_before:%Y-%m-%d %H:%M} UTC",
            identity=identity,
        )
    if at > identity.not_after:
        return Unfit(
            reason=Reason.EXPIRED, detail=f"expired at {identity.not_after:%Y-%m-%d %H:%M} UTC", identity=identity
        )
    if proves_a_client(leaf) is not True:
        return Unfit(reason=Reason.WRONG_PURPOSE, detail="not issued for client authentication", identity=identity)
    return None


def _chain_fault(leaf: x509.Certificate, authorities: Sequence[x509.Certificate], at: datetime) -> str | None:
    """Return why no path leads from the leaf to a trusted authority, or None when one does."""
    if not authorities:
        return "no authority is trusted"
    roots = [authority for authority in authorities if authority.issuer == authority.subject]
    intermediates = [authority for authority in authorities if authority not in roots]
    policy = PolicyBuilder().store(Store(roots or intermediates)).time(at)
    policy = policy.extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=_leaf_policy())
    try:
        policy.build_client_verifier().verify(leaf, intermediates)
    except (*UNREADABLE, VerificationError) as error:
        return str(error)
    return None


def _leaf_policy() -> ExtensionPolicy:
    """The web's rules, but for two: the web demands a name that callers lack, and takes a leaf of no stated purpose."""
    return (
        ExtensionPolicy.webpki_defaults_ee()
        .may_be_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
        .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, None)  # judged apart, for its own reason
    )
