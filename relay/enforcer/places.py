"""Where a call goes: which environment, which service, and the family of routes whose refusals are worded alike. Pure.

VECOZO's hosts tell production from the rest; behind one gate of ours the path alone does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from relay.registry.domain.certificates import Environment
from relay.registry.domain.mandates import Service

ENVIRONMENTS: Final[Mapping[str, Environment]] = MappingProxyType(
    {"": Environment.PRODUCTION, "/acc": Environment.TEST, "/tst": Environment.TEST}
)
"""What stands before a path. Acceptance and test take the same certificates."""


class Family(StrEnum):
    """Routes that are refused in the same words. At iWlz the token service and the PEP differ."""

    COV = "cov"
    CLAIMS = "claims"
    MESSAGES = "messages"
    IWLZ_TOKEN = "iwlz-token"  # noqa: S105 - the name of a route
    IWLZ_PEP = "iwlz-pep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One service in one environment, as far as either is told; what is not told is not judged."""

    environment: Environment | None = None
    service: Service | None = None
    family: Family | None = None


NOWHERE: Final = Place()


# Paths as VECOZO states them for messages and iWlz; those of COV in production and of claims are a guess.
_PREFIXES: Final = (
    ("/cov", Service.COV, Family.COV),
    ("/edp", Service.CLAIMS, Family.CLAIMS),
    ("/berichtenservice", Service.MESSAGES, Family.MESSAGES),
    ("/netwerkmodel/v3/auth", Service.IWLZ, Family.IWLZ_TOKEN),
    ("/netwerkmodel/v3/pep", Service.IWLZ, Family.IWLZ_PEP),
)

_PLACES: Final[Mapping[str, Place]] = MappingProxyType(
    {
        f"{zone}{prefix}": Place(environment=environment, service=service, family=family)
        for zone, environment in ENVIRONMENTS.items()
        for prefix, service, family in _PREFIXES
    }
)


def place_of(route: str) -> Place:
    """Return where a route leads, by its first segments; `NOWHERE` where that is no service of VECOZO's.

    `route` is the gate's own name of it, so that nothing which a caller wrote in another way is judged as another.
    """
    found = (place for prefix, place in _PLACES.items() if route == prefix or route.startswith(f"{prefix}/"))
    return next(found, NOWHERE)
