"""The insured persons of the reference service: all fictitious, one for every result that a client must handle.

The first is the test person of public clients. The numbers of the others pass the eleven-test and start with
9999; the address does not exist.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Sex(StrEnum):
    """As the answer spells it."""

    MALE = "Man"
    FEMALE = "Vrouw"


class PolicyKind(StrEnum):
    """As the answer spells it. Only one basic policy can be active at a time."""

    BASIC = "Basis"
    ADDITIONAL = "Aanvullend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One policy; `ends` is its last day. A policy that is not `shared` hides all but its insurer."""

    uzovi: str
    insured_number: str
    kind: PolicyKind
    begins: date
    ends: date | None = None
    package: tuple[str, str] | None = None
    label: tuple[str, str] | None = None
    shared: bool = True

    def active_on(self, day: date) -> bool:
        """Tell whether the policy runs on this day."""
        return self.begins <= day and (self.ends is None or day <= self.ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class Insured:
    """A fictitious person with a place to live and policies."""

    bsn: str
    born: date
    sex: Sex
    initials: str
    name: str
    prefix: str | None = None
    partner_name: str | None = None
    partner_prefix: str | None = None
    deceased: bool = False
    postcode: str = "9999ZZ"
    house_number: int
    house_number_addition: str | None = None
    policies: tuple[Policy, ...]


def _basic(uzovi: str, number: str, begins: int = 2020, *, shared: bool = True) -> Policy:
    return Policy(
        uzovi=uzovi,
        insured_number=number,
        kind=PolicyKind.BASIC,
        begins=date(begins, 1, 1),
        package=("B1", "Basisverzekering"),
        label=("L1", "Voorbeeldlabel"),
        shared=shared,
    )


TEST_PERSON = Insured(
    bsn="999979668",
    born=date(1962, 3, 15),
    sex=Sex.FEMALE,
    initials="OP",
    name="Ommeren",
    prefix="van",
    partner_name="Prater",
    partner_prefix="de",
    house_number=1,
    policies=(Policy(uzovi="3000", insured_number="559", kind=PolicyKind.ADDITIONAL, begins=date(2017, 1, 1)),),
)

COMPLETE = Insured(
    bsn="999970008",
    born=date(1980, 6, 1),
    sex=Sex.MALE,
    initials="V",
    name="Voorbeeld",
    house_number=2,
    house_number_addition="A",
    policies=(
        _basic("9001", "1001"),
        Policy(
            uzovi="9001",
            insured_number="1001",
            kind=PolicyKind.ADDITIONAL,
            begins=date(2020, 1, 1),
            ends=date(2099, 12, 31),
            package=("A2", "Aanvullend twee"),
        ),
    ),
)

TWINS = tuple(
    Insured(
        bsn=bsn,
        born=date(2001, 2, 3),
        sex=Sex.FEMALE,
        initials=initials,
        name="Tweeling",
        house_number=3,
        policies=(_basic("9001", number),),
    )
    for bsn, initials, number in (("999970021", "A", "1002"), ("999970069", "B", "1003"))
)

DOUBLE_INSURED = Insured(
    bsn="999970033",
    born=date(1975, 12, 31),
    sex=Sex.MALE,
    initials="D",
    name="Dubbel",
    house_number=4,
    policies=(_basic("9001", "1004"), _basic("9002", "2004", 2021)),
)

NO_LONGER_INSURED = Insured(
    bsn="999970045",
    born=date(1930, 1, 2),
    sex=Sex.FEMALE,
    initials="E",
    name="Eerder",
    deceased=True,
    house_number=5,
    policies=(
        Policy(
            uzovi="9002",
            insured_number="2005",
            kind=PolicyKind.BASIC,
            begins=date(2006, 1, 1),
            ends=date(2020, 12, 31),
        ),
    ),
)

NOT_SHARED = Insured(
    bsn="999970057",
    born=date(1990, 9, 9),
    sex=Sex.MALE,
    initials="G",
    name="Gesloten",
    house_number=6,
    policies=(_basic("9003", "3006", shared=False),),
)

PERSONS = (TEST_PERSON, COMPLETE, *TWINS, DOUBLE_INSURED, NO_LONGER_INSURED, NOT_SHARED)
