"""Parties carry numbers of the right shape or do not exist."""

from dataclasses import replace

import pytest

from relay.registry.domain.identifiers import EnterpriseId, Malformed, OrganisationId, UserNumber
from relay.registry.domain.parties import Enterprise, MainContact
from tests.kit.registry import PERSON, contact_person, organisation, software_party


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


def test_an_enterprise_its_main_contact_and_its_organisations_carry_its_short_name() -> None:
    nobody = EnterpriseId("Zorg Groep")
    with pytest.raises(Malformed, match="short name"):
        Enterprise(id=nobody, name="Zorggroep (fictief)")
    with pytest.raises(Malformed, match="short name"):
        MainContact(user_number=PERSON, name="H. Test (fictief)", enterprise=nobody)
    with pytest.raises(Malformed, match="14 digits"):
        MainContact(user_number=UserNumber("1"), name="H. Test (fictief)", enterprise=EnterpriseId("zorggroep"))
    with pytest.raises(Malformed, match="short name"):
        replace(organisation(), enterprise=nobody)
    assert replace(organisation(), enterprise=EnterpriseId("zorggroep")).enterprise == "zorggroep"
