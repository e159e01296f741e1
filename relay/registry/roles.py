"""Who may do what, by what their organisation is to VECOZO."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from relay.registry.domain.errors import RoleRefused
from relay.registry.domain.parties import ContactPerson, Role
from relay.registry.keeper import Keeper

_ONLY: Final[Mapping[Role, str]] = MappingProxyType(
    {
        Role.CARE_PROVIDER: "only a care provider ticks software parties and gives consent",
        Role.SOFTWARE_PARTY: "only a software party registers addresses for customers",
        Role.SUPPORT: "only Support can do this",
    }
)


def must_be(keeper: Keeper, person: ContactPerson, role: Role) -> None:
    """Raise `RoleRefused` unless the person is of an organisation of this role."""
    organisation = keeper.snapshot.organisations.get(person.organisation)
    if organisation is None or organisation.role is not role:
        raise RoleRefused(_ONLY[role])
