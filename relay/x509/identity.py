"""Whose certificate this is: organisation's machine or person, user number, dates, fingerprint."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID, ObjectIdentifier

USER_NUMBER = re.compile(r"(?<![0-9])[0-9]{14}(?![0-9])")
WORD = re.compile(r"[^\W\d_]+")
# Where a user number has been seen or may be: that it is the CN is a guess, so the others are read as well.
NUMBER_BEARERS = (NameOID.COMMON_NAME, NameOID.SERIAL_NUMBER, NameOID.USER_ID)
# Words in a CN that name a machine's certificate and never a person.
MACHINE_WORDS = frozenset(
    {"agb", "certificaat", "certificate", "code", "system", "systeem", "systeemcertificaat", "test", "vecozo"}
)
# What cryptography raises for a certificate that it cannot read: found by changing bytes of one, 300,000 times.
UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)


# As `openssl x509 -subject` names them.
_WORDS_FOR = {
    NameOID.GIVEN_NAME: "GN",
    NameOID.SURNAME: "SN",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.EMAIL_ADDRESS: "emailAddress",
    NameOID.TITLE: "title",
    NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier",
}


class Kind(StrEnum):
    """A system certificate belongs to an organisation and calls services; a personal one logs in to the portal."""

    SYSTEM = "system"
    PERSONAL = "personal"


class CertificateUnreadable(Exception):
    """The certificate parses, but one of the fields that tell whose it is does not."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a certificate says about its holder. It proves nothing until `verify_client` has said so.

    `serial` is upper-case hexadecimal as `openssl x509 -serial` prints it, `fingerprint` the SHA-256 of the DER in
    lower-case hexadecimal, the dates are in UTC, `user_number` has 14 digits. A holder can write the same signature in
    another way and so get another fingerprint: admit by fingerprint, and never bar by fingerprint alone.
    """

    user_number: str | None
    kind: Kind
    organisation: str | None
    subject: str
    issuer: str
    serial: str
    fingerprint: str
    not_before: datetime
    not_after: datetime


def identify(certificate: x509.Certificate) -> Identity:
    """Return whose certificate this is, or raise `CertificateUnreadable`."""
    try:
        subject, issuer = certificate.subject, certificate.issuer
        return Identity(
            user_number=_user_number(subject),
            kind=_kind(subject),
            organisation=_first(subject, NameOID.ORGANIZATION_NAME),
            subject=readable(subject),
            issuer=readable(issuer),
            serial=_even_hex(certificate.serial_number),
            fingerprint=certificate.fingerprint(SHA256()).hex(),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )
    except UNREADABLE as error:
        raise CertificateUnreadable(f"a field of the certificate cannot be read: {error}") from error


def readable(name: x509.Name) -> str:
    """Return the name as RFC 4514 writes it, with words for the attributes that it has numbers for only."""
    return name.rfc4514_string(_WORDS_FOR)


def named(text: str) -> str:
    """Return a name that somebody has written down (RFC 4514) as `readable` writes it. Raises ValueError."""
    return readable(x509.Name.from_rfc4514_string(text, {word: oid for oid, word in _WORDS_FOR.items()}))


def _kind(subject: x509.Name) -> Kind:
    """Tell a person's certificate by the name in it: the right one for services has none (INC 2.1.1)."""
    if any(_values(subject, oid) for oid in (NameOID.GIVEN_NAME, NameOID.SURNAME)):
        return Kind.PERSONAL
    impersonal = MACHINE_WORDS.union(
        *(
            _words(value)
            for oid in (NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME)
            for value in _values(subject, oid)
        )
    )
    named = any(_words(value) - impersonal for value in _values(subject, NameOID.COMMON_NAME))
    return Kind.PERSONAL if named else Kind.SYSTEM


def _user_number(subject: x509.Name) -> str | None:
    found = (USER_NUMBER.search(value) for oid in NUMBER_BEARERS for value in _values(subject, oid))
    return next((match.group() for match in found if match), None)


def _words(value: str) -> set[str]:
    return {word.casefold() for word in WORD.findall(value)}


def _first(name: x509.Name, oid: ObjectIdentifier) -> str | None:
    return next(iter(_values(name, oid)), None)


def _values(name: x509.Name, oid: ObjectIdentifier) -> list[str]:
    values = [attribute.value for attribute in name.get_attributes_for_oid(oid)]
    return [value if isinstance(value, str) else value.decode("latin-1") for value in values]


def _even_hex(number: int) -> str:
    digits = f"{number:X}"
    return digits if len(digits) % 2 == 0 else f"0{digits}"
