"""Faults on demand, for rehearsals: what can go wrong at VECOZO's, for so many calls and no more. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from relay.enforcer.places import Family

MOST_WAITING: Final = 64
"""Faults that can wait at once."""


class Kind(StrEnum):
    """What happens to a call that would have passed."""

    QUOTA = "quota"
    STATUS = "status"
    SLOW = "slow"
    PHRASE = "phrase"
    CLOSE = "close"


MEANS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.QUOTA: "429; after the last of them the certificate is blocked, until Support lifts it",
        Kind.STATUS: "`status`, from 500 to 599, with nothing in it",
        Kind.SLOW: "the answer comes `seconds` late",
        Kind.PHRASE: "403 with `phrase`, whatever that is",
        Kind.CLOSE: "the connection is closed after `octets` octets of the answer",
    }
)


LATER: Final = frozenset((Kind.SLOW, Kind.CLOSE))
"""Of these, the service behind the gate hears first."""


class Fault(BaseModel):
    """What an operator orders: a kind of fault for `times` calls of a family of routes, or of any."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Annotated[Kind, Field(strict=False)]
    routes: Annotated[Family | None, Field(strict=False)] = None
    times: Annotated[int, Field(ge=1, le=1000)] = 1
    status: Annotated[int, Field(ge=500, le=599)] = 503
    seconds: Annotated[float, Field(gt=0, le=300)] = 30.0
    phrase: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]+( [A-Za-z]+)*\z", max_length=80)] = "Not Allowed"
    octets: Annotated[int, Field(ge=0, le=1 << 24)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A fault that a call has met; the `last` of those that were ordered together."""

    fault: Fault
    last: bool


@dataclass(frozen=True, slots=True)
class _Waiting:
    fault: Fault
    left: int


class TooMany(Exception):
    """More faults wait than anybody can keep in mind."""


class Faults:
    """The faults that wait for calls, in the order in which they were ordered."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def __repr__(self) -> str:
        return f"<Faults: {sum(each.left for each in self._waiting)} wait>"

    def order(self, fault: Fault) -> None:
        """Have a fault wait. Raises TooMany."""
        if len(self._waiting) >= MOST_WAITING:
            raise TooMany
        self._waiting.append(_Waiting(fault, fault.times))

    def take_back(self) -> None:
        """Have none wait."""
        self._waiting = []

    def waiting(self) -> tuple[tuple[Fault, int], ...]:
        """Return what waits, and for how many calls yet."""
        return tuple((each.fault, each.left) for each in self._waiting)

    def meet(self, routes: Family | None) -> Due | None:
        """Return the fault that a call meets on these routes, if one waits for it. Each call uses one up."""
        for place, each in enumerate(self._waiting):
            if each.fault.routes in (None, routes):
                left = each.left - 1
                self._waiting[place : place + 1] = [replace(each, left=left)] if left else []
                return Due(fault=each.fault, last=not left)
        return None
