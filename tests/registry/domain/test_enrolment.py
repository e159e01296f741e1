"""What may come into the book beside what is there."""

from dataclasses import replace

import pytest

from relay.registry.domain.certificates import Certificate, Environment
from relay.registry.domain.enrolment import (
    check_certificate,
    check_contact_person,
    check_organisation,
    same_certificate,
)
from relay.registry.domain.errors import Enrolment, EnrolmentRefused
from relay.registry.domain.identifiers import OrganisationId, UserNumber
from relay.registry.domain.parties import Organisation
from tests.kit.registry import (
    ELDERS,
    NOON,
    SYSTEM,
    VOORBEELD,
    contact_person,
    organisation,
    personal_certificate,
    software_party,
    system_certificate,
)

COLLEAGUES = [contact_person(UserNumber(f"1000999900000{each}")) for each in (1, 2, 3)]


def test_an_organisation_comes_in_beside_others_and_twice_over() -> None:
    check_organisation(organisation(), known=[organisation(ELDERS, "99000002"), organisation()])


@pytest.mark.parametrize("other", [organisation(VOORBEELD, "99000002"), organisation(ELDERS, "99000001")])
def test_a_short_name_and_an_agb_code_belong_to_one_organisation(other: Organisation) -> None:
    with pytest.raises(EnrolmentRefused) as caught:
        check_organisation(organisation(), known=[other])
    assert caught.value.reason is Enrolment.TAKEN


def test_an_organisation_has_two_contact_persons_at_most() -> None:
    check_contact_person(COLLEAGUES[1], colleagues=COLLEAGUES[:1])
    check_contact_person(COLLEAGUES[1], colleagues=COLLEAGUES[:2])
    with pytest.raises(EnrolmentRefused) as caught:
        check_contact_person(COLLEAGUES[2], colleagues=COLLEAGUES[:2])
    assert caught.value.reason is Enrolment.TOO_MANY_CONTACT_PERSONS


def test_a_renewed_certificate_comes_in_beside_the_old_one() -> None:
    check_certificate(system_certificate(mark=2), known=[system_certificate(mark=1)])
    check_certificate(personal_certificate(mark=2), known=[personal_certificate(mark=1)])


@pytest.mark.parametrize(
    "other",
    [
        system_certificate(mark=2, of=ELDERS),
        personal_certificate(SYSTEM, mark=2),
        replace(system_certificate(mark=2), environment=Environment.PRODUCTION),
    ],
)
def test_a_user_number_belongs_to_one_holder_in_one_environment(other: Certificate) -> None:
    with pytest.raises(EnrolmentRefused) as caught:
        check_certificate(system_certificate(), known=[other])
    assert caught.value.reason is Enrolment.TAKEN


def test_a_persons_number_belongs_to_one_organisation() -> None:
    with pytest.raises(EnrolmentRefused) as caught:
        check_certificate(personal_certificate(), known=[personal_certificate(mark=102, of=ELDERS)])
    assert caught.value.reason is Enrolment.TAKEN


def test_a_fingerprint_belongs_to_one_certificate() -> None:
    with pytest.raises(EnrolmentRefused) as caught:
        check_certificate(system_certificate(), known=[replace(system_certificate(), not_after=NOON)])
    assert caught.value.reason is Enrolment.TAKEN


def test_a_certificate_stays_the_same_when_it_is_revoked() -> None:
    revoked = system_certificate(revoked_at=NOON)
    assert same_certificate(system_certificate(), revoked)
    check_certificate(system_certificate(), known=[revoked])


def test_software_parties_have_no_agb_code_that_they_could_share() -> None:
    other = software_party(OrganisationId("software-elders"))
    check_organisation(other, known=[software_party(), organisation()])
    with pytest.raises(EnrolmentRefused):
        check_organisation(replace(software_party(), name="Een ander"), known=[software_party()])
