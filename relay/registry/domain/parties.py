"""Who is in the book: care providers, software parties, and the people who may change what it says of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from relay.registry.domain.addresses import AddressRange
from relay.registry.domain.identifiers import (
    AgbCode,
    EnterpriseId,
    Malformed,
    OrganisationId,
    UserNumber,
    agb_code,
    enterprise_id,
    organisation_id,
    user_number,
)

MOST_CONTACT_PERSONS = 2
"""VECOZO knows at most two contact persons per AGB code."""


class Role(StrEnum):
    """What an organisation is to VECOZO."""

    CARE_PROVIDER = "care_provider"
    SOFTWARE_PARTY = "software_party"
    SUPPORT = "support"


class Language(StrEnum):
    """In which somebody is written to."""

    DUTCH = "nl"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enterprise:
    """What stands above care providers: one enterprise has one AGB code, or several."""

    id: EnterpriseId
    name: str

    def __post_init__(self) -> None:
        enterprise_id(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """A care provider under its AGB code; or a software party, or Support, which have none."""

    id: OrganisationId
    name: str
    agb_code: AgbCode | None
    role: Role = Role.CARE_PROVIDER
    enterprise: EnterpriseId | None = None

    def __post_init__(self) -> None:
        organisation_id(self.id)
        if self.agb_code is not None:
            agb_code(self.agb_code)
        if (self.role is Role.CARE_PROVIDER) == (self.agb_code is None):
            raise Malformed("a care provider has an AGB code, and a software party has none")
        if self.enterprise is not None:
            enterprise_id(self.enterprise)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPerson:
    """Somebody who works at an organisation and registers its addresses, with a personal certificate (Q11, Q29).

    Without `mail` nobody is written to.
    """

    user_number: UserNumber
    name: str
    organisation: OrganisationId
    mail: str | None = None
    language: Language = Language.DUTCH

    def __post_init__(self) -> None:
        user_number(self.user_number)
        organisation_id(self.organisation)


@dataclass(frozen=True, slots=True, kw_only=True)
class MainContact:
    """An enterprise's main contact, of whom it has one: no contact person by that alone."""

    user_number: UserNumber
    name: str
    enterprise: EnterpriseId
    mail: str | None = None
    language: Language = Language.DUTCH

    def __post_init__(self) -> None:
        user_number(self.user_number)
        enterprise_id(self.enterprise)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyAddress:
    """Addresses at which a software party runs its customers' certificates; `by` is its contact person's number.

    They count before `until`, where that is given.
    """

    party: OrganisationId
    range: AddressRange
    by: UserNumber
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """That a care provider ticked a software party: the party's addresses, as they are, count for its certificates."""

    provider: OrganisationId
    party: OrganisationId
    by: UserNumber
    at: datetime
