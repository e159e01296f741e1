"""Parties carry numbers of the right shape or do not exist."""

import pytest

from relay.registry.domain.identifiers import Malformed, OrganisationId, UserNumber
from tests.kit.registry import contact_person, organisation


def test_an_organisation_has_a_well_formed_short_name_and_agb_code() -> None:
    with pytest.raises(Malformed, match="short name"):
        organisation(OrganisationId("Praktijk Voorbeeld"))
    with pytest.raises(Malformed, match="8 digits"):
        organisation(agb_code="1")


def test_a_contact_person_has_a_user_number_and_works_somewhere() -> None:
    with pytest.raises(Malformed, match="14 digits"):
        contact_person(UserNumber("1"))
    with pytest.raises(Malformed, match="short name"):
        contact_person(at=OrganisationId(""))
