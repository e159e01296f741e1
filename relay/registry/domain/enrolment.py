"""What may come into the book beside what is there: every number has one holder, in one environment."""

from collections.abc import Iterable
from dataclasses import replace

from relay.registry.domain.certificates import Certificate, PersonalCertificate, SystemCertificate
from relay.registry.domain.errors import Enrolment, EnrolmentRefused
from relay.registry.domain.parties import MOST_CONTACT_PERSONS, ContactPerson, Organisation


def check_organisation(new: Organisation, *, known: Iterable[Organisation]) -> None:
    """Raise `EnrolmentRefused` when another organisation has the short name or the AGB code."""
    for each in known:
        if each != new and (each.id == new.id or (new.agb_code is not None and each.agb_code == new.agb_code)):
            detail = f"{each.id} has this short name or AGB code already"
            raise EnrolmentRefused(Enrolment.TAKEN, detail)


def check_contact_person(new: ContactPerson, *, colleagues: Iterable[ContactPerson]) -> None:
    """Raise `EnrolmentRefused` when the organisation has its two contact persons already."""
    others = [each for each in colleagues if each.user_number != new.user_number]
    if len(others) >= MOST_CONTACT_PERSONS:
        detail = f"{new.organisation} has {len(others)} contact persons already; {MOST_CONTACT_PERSONS} is the most"
        raise EnrolmentRefused(Enrolment.TOO_MANY_CONTACT_PERSONS, detail)


def check_certificate(new: Certificate, *, known: Iterable[Certificate]) -> None:
    """Raise `EnrolmentRefused` when the fingerprint names another certificate or the number another holder.

    Addresses are kept under the user number: a number shared by two organisations would let one of them change what
    the other's certificate may do.
    """
    for each in known:
        if each.fingerprint == new.fingerprint and not same_certificate(each, new):
            raise EnrolmentRefused(Enrolment.TAKEN, "the book has another certificate under this fingerprint")
        if each.user_number == new.user_number and _holder(each) != _holder(new):
            detail = f"user number {new.user_number} belongs to a certificate of another holder, kind or environment"
            raise EnrolmentRefused(Enrolment.TAKEN, detail)


def same_certificate(one: Certificate, other: Certificate) -> bool:
    """Tell whether both are one certificate, whatever happened to it since it was issued."""
    return _as_issued(one) == _as_issued(other)


def _as_issued(certificate: Certificate) -> Certificate:
    return replace(certificate, collected_at=None, revoked_at=None)


def _holder(certificate: Certificate) -> tuple[object, ...]:
    match certificate:
        case SystemCertificate(organisation=organisation, environment=environment):
            return SystemCertificate, organisation, environment
        case PersonalCertificate(organisation=organisation):
            return PersonalCertificate, organisation
