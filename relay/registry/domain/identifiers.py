"""The numbers that name things in the book, each checked once, where it comes in."""

import re
from typing import NewType

UserNumber = NewType("UserNumber", str)
"""VECOZO's *gebruikersnummer* of a person or a system: 14 digits. It outlives the certificates issued for it."""

AgbCode = NewType("AgbCode", str)
"""The number of a care provider: 8 digits."""

Fingerprint = NewType("Fingerprint", str)
"""SHA-256 of a certificate's DER as 64 lower-case hex digits."""

OrganisationId = NewType("OrganisationId", str)
"""The short name by which the book knows an organisation: lower-case letters, digits and inner hyphens."""

EnterpriseId = NewType("EnterpriseId", str)
"""The short name of an enterprise, which has one AGB code or several; of the same form."""

_USER_NUMBER = re.compile(r"[0-9]{14}")
_AGB_CODE = re.compile(r"[0-9]{8}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_ORGANISATION_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Malformed(ValueError):
    """Not of the shape that such a value has. The message never repeats the value: it may be a patient's number."""


def user_number(text: str) -> UserNumber:
    """Return the 14 digits, or raise `Malformed`."""
    return UserNumber(_shaped(_USER_NUMBER, text, "a user number has 14 digits"))


def agb_code(text: str) -> AgbCode:
    """Return the 8 digits, or raise `Malformed`."""
    return AgbCode(_shaped(_AGB_CODE, text, "an AGB code has 8 digits"))


def fingerprint(text: str) -> Fingerprint:
    """Return the 64 lower-case hex digits, or raise `Malformed`."""
    return Fingerprint(_shaped(_FINGERPRINT, text, "a fingerprint is the SHA-256 in 64 lower-case hex digits"))


def organisation_id(text: str) -> OrganisationId:
    """Return the short name, or raise `Malformed`."""
    shape = "an organisation's short name has lower-case letters, digits and inner hyphens, at most 63"
    return OrganisationId(_shaped(_ORGANISATION_ID, text, shape))


def enterprise_id(text: str) -> EnterpriseId:
    """Return the short name, or raise `Malformed`."""
    return EnterpriseId(organisation_id(text))


def _shaped(pattern: re.Pattern[str], text: str, shape: str) -> str:
    if not pattern.fullmatch(text):
        raise Malformed(shape)
    return text
