"""Which of two certificates a way out shows: the current one, or the next that is to take over. Pure.

Nothing is remembered but what is told here, so that a relay that restarts, and each of several, comes to the same.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Dated(Protocol):
    """What counts of a certificate."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its DER, hexadecimal."""
        ...

    @property
    def not_before(self) -> datetime:
        """Its first moment."""
        ...

    @property
    def not_after(self) -> datetime:
        """Its last moment."""
        ...


class Generation(StrEnum):
    """The certificate that has been in use, and the one that takes its place."""

    CURRENT = "current"
    NEXT = "next"


class Because(StrEnum):
    """Why that one is shown."""

    ALONE = "there is no other"
    ROLLED_BACK = "it was rolled back to"
    ORDERED = "it was ordered, or proved before a restart"
    UNUSABLE = "the current one cannot be used"
    NOT_YET_VALID = "the next one is not valid yet"
    TOO_EARLY = "the time of the next one has not come"
    UNPROVED = "no probe under the next one has succeeded yet"
    DUE = "its time has come"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When the next certificate takes over: from a moment on, once a probe under it has succeeded, or both."""

    at: datetime | None
    probed: bool


@dataclass(frozen=True, slots=True)
class Order:
    """What was ordered. It counts for one next certificate, by its fingerprint, and says nothing of a later one."""

    use: Generation
    next: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The certificate to show, and why."""

    generation: Generation
    because: Because


def choose(
    current: Dated | None, following: Dated | None, plan: Plan, *, order: Order | None, proved: bool, at: datetime
) -> Choice:
    """Return which to show at this moment. Each may be missing: its file is not there, or cannot be used.

    `proved`: a probe under the next certificate has succeeded.
    """
    if following is None or (current is not None and current.fingerprint == following.fingerprint):
        return Choice(Generation.CURRENT, Because.ALONE)
    if at < following.not_before:
        return Choice(Generation.CURRENT, Because.NOT_YET_VALID)
    if current is None or at > current.not_after:
        return Choice(Generation.NEXT, Because.UNUSABLE)
    if order is not None and order.next == following.fingerprint:
        rolled_back = order.use is Generation.CURRENT
        return Choice(order.use, Because.ROLLED_BACK if rolled_back else Because.ORDERED)
    if plan.at is not None and at < plan.at:
        return Choice(Generation.CURRENT, Because.TOO_EARLY)
    if plan.probed and not proved:
        return Choice(Generation.CURRENT, Because.UNPROVED)
    return Choice(Generation.NEXT, Because.DUE)
