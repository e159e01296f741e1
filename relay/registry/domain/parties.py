"""Who is in the book: care providers, and the people who may change what it says of them."""

from dataclasses import dataclass

from relay.registry.domain.identifiers import (
    AgbCode,
    OrganisationId,
    UserNumber,
    agb_code,
    organisation_id,
    user_number,
)

MOST_CONTACT_PERSONS = 2
"""VECOZO knows at most two contact persons per AGB code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """A care provider under one AGB code: the owner of system certificates."""

    id: OrganisationId
    name: str
    agb_code: AgbCode

    def __post_init__(self) -> None:
        organisation_id(self.id)
        agb_code(self.agb_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPerson:
    """Somebody who works at a provider and registers its addresses, logged in with a personal certificate (Q11)."""

    user_number: UserNumber
    name: str
    organisation: OrganisationId

    def __post_init__(self) -> None:
        user_number(self.user_number)
        organisation_id(self.organisation)
