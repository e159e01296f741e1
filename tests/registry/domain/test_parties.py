"""Parties carry numbers of the right shape or do not exist."""

from dataclasses import replace

import pytest

from relay.registry.domain.identifiers import Malformed, OrganisationId, UserNumber
from tests.kit.registry import contact_person, organisation, software_party


def test_an_organisation_has_a_well_formed_short_name_and_agb_code() -> None:
    with pytest.raises(Malformed, match="short name"):
        organisation(OrganisationId("Praktijk Voorbeeld"))
    with pytest.raises(Malformed, match="8 digits"):
        organisation(agb_code="1")


def test_a_care_provider_has_an_agb_code_and_a_software_party_has_none() -> None:
    assert software_party().agb_code is None
    with pytest.raises(Malformed, match="has none"):
        replace(organisation(), agb_code=None)
    with pytest.raises(Malformed, match="has none"):
        replace(software_party(), agb_code=organisation().agb_code)


def test_a_contact_person_has_a_user_number_and_works_somewhere() -> None:
    with pytest.raises(Malformed, match="14 digits"):
        contact_person(UserNumber("1"))
    with pytest.raises(Malformed, match="short name"):
        contact_person(at=OrganisationId(""))
