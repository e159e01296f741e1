"""Who may log in, rule by rule."""

from datetime import timedelta

import pytest

from relay.registry.domain.access import admit
from relay.registry.domain.certificates import Certificate
from relay.registry.domain.errors import LogIn, LogInRefused
from relay.registry.domain.parties import ContactPerson
from tests.kit.registry import (
    ELDERS,
    NOON,
    PERSON,
    PERSON_ELDERS,
    contact_person,
    personal_certificate,
    system_certificate,
)

SECOND = timedelta(seconds=1)


def refusal(certificate: Certificate | None, person: ContactPerson | None = contact_person()) -> LogIn:  # noqa: B008 - frozen
    with pytest.raises(LogInRefused) as caught:
        admit(certificate, person, at=NOON)
    return caught.value.reason


def test_q11_a_contact_person_with_a_valid_personal_certificate_logs_in() -> None:
    assert admit(personal_certificate(), contact_person(), at=NOON) == contact_person()


def test_q11_an_expired_personal_certificate_is_refused() -> None:
    assert refusal(personal_certificate(not_after=NOON - SECOND)) is LogIn.CERTIFICATE_EXPIRED


def test_a_revoked_personal_certificate_is_refused() -> None:
    assert refusal(personal_certificate(revoked_at=NOON)) is LogIn.CERTIFICATE_REVOKED


def test_a_personal_certificate_of_tomorrow_is_refused() -> None:
    assert refusal(personal_certificate(not_before=NOON + SECOND)) is LogIn.CERTIFICATE_NOT_YET_VALID


def test_a_system_certificate_cannot_log_in_even_under_a_contact_persons_number() -> None:
    assert refusal(system_certificate(PERSON)) is LogIn.SYSTEM_CERTIFICATE


def test_a_certificate_that_the_book_lacks_lets_nobody_in() -> None:
    assert refusal(None) is LogIn.CERTIFICATE_UNKNOWN


def test_a_person_who_is_no_contact_person_is_refused() -> None:
    assert refusal(personal_certificate(), None) is LogIn.NOT_A_CONTACT_PERSON


@pytest.mark.parametrize("other", [contact_person(PERSON_ELDERS), contact_person(at=ELDERS)])
def test_a_certificate_lets_in_only_the_person_it_was_issued_to(other: ContactPerson) -> None:
    assert refusal(personal_certificate(), other) is LogIn.NOT_A_CONTACT_PERSON
