"""A certificate with its key and chain, as a PKCS#12 file (.pfx, .p12) holds them; opened, and judged before use."""

import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import pkcs12

from relay.x509.file_shape import lone_certificates, mistaken_shape
from relay.x509.identity import UNREADABLE, CertificateUnreadable, Identity, Kind, identify
from relay.x509.key_bags import keys_in
from relay.x509.mistake import MISTAKES, Mistake
from relay.x509.pem import Key
from relay.x509.purpose import proves_a_client

# Words in the names of a certificate for test or acceptance. That VECOZO writes them there is a guess.
TEST_WORDS = frozenset({"acceptatie", "acceptance", "test"})


class Why(StrEnum):
    """Why a certificate of the file was not chosen: the right one is said to be the other way (INC 2.1.1)."""

    NO_KEY = "its private key is not in the file"
    PERSONAL = "it is a person's"
    EARLIER = "it expires earlier"


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A certificate in the file that was not chosen, and why."""

    identity: Identity
    why: Why

    def __str__(self) -> str:
        return f"{self.identity.subject}, {self.identity.serial}, until {self.identity.not_after:%Y-%m-%d}: {self.why}"


class BundleFault(Exception):
    """A certificate file cannot be used. `identity` is whose it is, as far as that could be read."""

    def __init__(self, mistake: Mistake, detail: str, *, identity: Identity | None = None) -> None:
        super().__init__(detail)
        self.mistake = mistake
        self.detail = detail
        self.identity = identity


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Bundle:
    """What a certificate file holds. The chain runs from the issuer upwards, as far as the file goes.

    `passed_over` are the other certificates of holders in it, each with why it was not chosen.
    """

    certificate: x509.Certificate
    key: Key
    chain: tuple[x509.Certificate, ...]
    identity: Identity
    passed_over: tuple["PassedOver", ...] = ()

    def __repr__(self) -> str:
        holder = self.identity.organisation or self.identity.subject
        return (
            f"<Bundle {self.identity.kind} {self.identity.user_number or 'without user number'} of {holder}"
            f" until {self.identity.not_after:%Y-%m-%d}, chain of {len(self.chain)}>"
        )


def open_bundle(data: bytes, password: str | None, *, at: datetime) -> Bundle:
    """Return the system certificate in this file, fit for use at `at`, or raise `BundleFault`."""
    bundle = read_bundle(data, password)
    for mistake in mistakes_in(bundle, at=at):
        wording = MISTAKES[mistake]
        if wording.fatal:
            raise BundleFault(mistake, f"{wording.what} {wording.remedy}", identity=bundle.identity)
    return bundle


def read_bundle(data: bytes, password: str | None) -> Bundle:
    """Return what this file holds, whatever it is worth, or raise `BundleFault`. No password and '' are the same.

    A byte order mark before the password, as Windows' editors put in a file, is no part of it.
    """
    password = (password or "").removeprefix("\ufeff")
    if mistake := mistaken_shape(data):
        raise _fault(mistake, identity=_holder(lone_certificates(data)))
    content = _load(data, password)
    certificates = [entry.certificate for entry in (content.cert, *content.additional_certs) if entry]
    if content.key is None:
        raise _fault(Mistake.NO_KEY, identity=_holder(certificates))
    if not isinstance(content.key, Key):
        raise _fault(Mistake.UNSUPPORTED)
    return _assemble([content.key, *keys_in(data, password)], certificates)


def mistakes_in(bundle: Bundle, *, at: datetime) -> list[Mistake]:
    """Return the mistakes made with a file that could be opened, the one that matters most first."""
    identity = bundle.identity
    checks = {
        # VECOZO's own purposes are not known: one that names none may be right, one that names others is not.
        Mistake.WRONG_PURPOSE: proves_a_client(bundle.certificate) is False,
        Mistake.PERSONAL: identity.kind is Kind.PERSONAL,
        Mistake.EXPIRED: at > identity.not_after,
        Mistake.NOT_YET_VALID: at < identity.not_before,
        Mistake.CHAIN_LEFT_OUT: not bundle.chain and bundle.certificate.issuer != bundle.certificate.subject,
        Mistake.TEST_CERTIFICATE: bears(identity, TEST_WORDS),
    }
    return [mistake for mistake, made in checks.items() if made]


def bears(identity: Identity, words: Collection[str]) -> bool:
    """Say whether one of these words, in small letters, stands in the holder's or the issuer's names."""
    return not set(re.findall(r"\w+", f"{identity.subject} {identity.issuer}".casefold())).isdisjoint(words)


def _holder(certificates: Sequence[x509.Certificate]) -> Identity | None:
    """Return whose certificates these are, by the lowest of them, as far as that can be read."""
    try:
        issuers = {certificate.issuer for certificate in certificates if certificate.issuer != certificate.subject}
        lowest = next((c for c in certificates if c.subject not in issuers), None)
        return identify(lowest) if lowest else None
    except (*UNREADABLE, CertificateUnreadable):
        return None


def _fault(mistake: Mistake, *, identity: Identity | None = None) -> BundleFault:
    wording = MISTAKES[mistake]
    return BundleFault(mistake, f"{wording.what} {wording.remedy}", identity=identity)


def _load(data: bytes, password: str) -> pkcs12.PKCS12KeyAndCertificates:
    try:
        with warnings.catch_warnings():
            # BER instead of DER, as some keychains write it, is read with a warning that no user can act on.
            warnings.simplefilter("ignore", UserWarning)
            return pkcs12.load_pkcs12(data, password.encode() if password else None)
    except (UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise _fault(Mistake.UNSUPPORTED) from error
    except UNREADABLE as error:
        # A file that is damaged inside cannot be told from a wrong password: both fail the same checksum.
        raise _fault(Mistake.WRONG_PASSWORD if password else Mistake.NO_PASSWORD) from error


def _assemble(keys: Sequence[Key], certificates: Sequence[x509.Certificate]) -> Bundle:
    """Choose the certificate, with its key and what stands above it: no person's, and the one that lasts longest."""
    own = {certificate: key for certificate in certificates for key in keys if _belongs(certificate, key)}
    if not own:
        raise _fault(Mistake.NO_CERTIFICATE)
    holders = {certificate: identify(certificate) for certificate in own if _identifiable(certificate)}
    if not holders:
        raise BundleFault(Mistake.UNSUPPORTED, "the names or dates of the certificate in the file cannot be read")
    leaf = max(holders, key=lambda each: (holders[each].kind is Kind.SYSTEM, holders[each].not_after))
    chain = tuple(_path_up(leaf, certificates))
    chosen = holders.pop(leaf)
    others = [PassedOver(each, _why(each, chosen)) for each in holders.values()]
    others += [PassedOver(each, Why.NO_KEY) for each in _without_key(certificates, {leaf, *chain, *own})]
    return Bundle(certificate=leaf, key=own[leaf], chain=chain, identity=chosen, passed_over=tuple(others))


def _why(other: Identity, chosen: Identity) -> Why:
    return Why.PERSONAL if other.kind is Kind.PERSONAL and chosen.kind is Kind.SYSTEM else Why.EARLIER


def _without_key(certificates: Sequence[x509.Certificate], known: Collection[x509.Certificate]) -> Iterator[Identity]:
    """Yield the holders of certificates that no key in the file belongs to; authorities hold none for others' sake."""
    for certificate in dict.fromkeys(certificates):
        if certificate not in known and _identifiable(certificate) and not _is_authority(certificate):
            yield identify(certificate)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, *UNREADABLE):
        return False


def _identifiable(certificate: x509.Certificate) -> bool:
    try:
        identify(certificate)
    except CertificateUnreadable:
        return False
    return True


def _belongs(certificate: x509.Certificate, key: Key) -> bool:
    try:
        return certificate.public_key() == key.public_key()
    except UNREADABLE:
        return False


def _path_up(leaf: x509.Certificate, certificates: Sequence[x509.Certificate]) -> Iterator[x509.Certificate]:
    """Yield the issuer of the leaf, the issuer of that, and so on, each once."""
    current, seen = leaf, {leaf}
    while above := next((c for c in certificates if c not in seen and _issued_by(current, c)), None):
        yield above
        current = above
        seen.add(above)


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (*UNREADABLE, InvalidSignature):
        return False
    return True
