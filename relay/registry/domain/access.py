"""Who may log in: a contact person, with a valid personal certificate (Q11). Nobody else, and no machine."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from relay.registry.domain.certificates import Certificate, PersonalCertificate, State, state
from relay.registry.domain.errors import LogIn, LogInRefused
from relay.registry.domain.parties import ContactPerson

_REFUSED: Final[Mapping[State, tuple[LogIn, str]]] = MappingProxyType(
    {
        State.REVOKED: (LogIn.CERTIFICATE_REVOKED, "this personal certificate has been revoked"),
        State.EXPIRED: (LogIn.CERTIFICATE_EXPIRED, "this personal certificate has expired"),
        State.UNCOLLECTED: (LogIn.CERTIFICATE_UNCOLLECTED, "this personal certificate has not been collected"),
        State.WITHDRAWN: (LogIn.CERTIFICATE_UNCOLLECTED, "this personal certificate was not collected in time"),
        State.NOT_YET_VALID: (LogIn.CERTIFICATE_NOT_YET_VALID, "this personal certificate is not valid yet"),
    }
)


def admit(certificate: Certificate | None, person: ContactPerson | None, *, at: datetime) -> ContactPerson:
    """Return who logs in, or raise `LogInRefused`.

    `certificate` is what the book has under the presented fingerprint, `person` the contact person under its number.
    """
    if certificate is None:
        raise LogInRefused(LogIn.CERTIFICATE_UNKNOWN, "this certificate is not in the book")
    if not isinstance(certificate, PersonalCertificate):
        raise LogInRefused(LogIn.SYSTEM_CERTIFICATE, "a system certificate calls services; it cannot log in")
    worth = state(certificate, at=at)
    if worth is not State.VALID:
        raise LogInRefused(*_REFUSED[worth])
    if person is None or (person.user_number, person.organisation) != (
        certificate.user_number,
        certificate.organisation,
    ):
        raise LogInRefused(LogIn.NOT_A_CONTACT_PERSON, "the holder of this certificate is no contact person")
    return person
