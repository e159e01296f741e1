"""What is known of an egress: a pure state machine over what was looked at and told, with time as an argument.

An egress is `out` when its local address is gone, or when the gate, or two other witnesses, see another address than
the configured one. Silence changes nothing: it puts no egress out, and while one is out, the words against it stand
until the witnesses who gave them take them back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Final

import orjson

from relay.errors import AddressNotRegistered, EgressOut, RelayError, SourceAddressMissing

# Of witnesses that are not the gate, it takes so many to put an egress out.
_ENOUGH: Final = 2


class State(StrEnum):
    """How an egress stands."""

    PROVEN = "proven"
    UNKNOWN = "unknown"
    OUT = "out"


class Why(StrEnum):
    """Why an egress is out."""

    ADDRESS_MISSING = "address_missing"
    ADDRESS_DIFFERS = "address_differs"
    ADDRESS_NOT_REGISTERED = "address_not_registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What one witness said last: which address it saw, when, and whether its word alone is enough."""

    witness: str
    address: IPv4Address
    at: float
    gate: bool


@dataclass(frozen=True, slots=True)
class Footing:
    """How an egress stands, as those hear it who use it. `usable` says whether calls may leave from it all the same.

    `seen_as` is the address that all see who see another than the configured one, None where they do not agree.
    `registered` says whether a registry has it, None where that is not known. Neither is told to other processes.
    """

    state: State
    usable: bool = True
    why: Why | None = None
    detail: str = ""
    seen_as: IPv4Address | None = None
    registered: bool | None = None

    def fault(self) -> RelayError:
        """Return what a call is told that may not leave."""
        match self.why:
            case Why.ADDRESS_MISSING:
                return SourceAddressMissing(self.detail)
            case Why.ADDRESS_NOT_REGISTERED:
                return AddressNotRegistered(self.detail)
            case _:
                return EgressOut(self.detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is known of one egress. A word counts for `lasts` seconds; `at` is in seconds, of any clock."""

    source: IPv4Address
    seen_as: IPv4Address
    lasts: float
    here: bool = True
    words: Mapping[int, Word] = field(default_factory=dict)
    state: State = State.UNKNOWN

    def looked(self, *, here: bool, at: float) -> "Proof":
        """Return what is known after a look whether the local address is here."""
        words = self.words
        if here and not self.here:
            # It may be behind another NAT now: what spoke for it has to be said anew, what spoke against it stands.
            words = {number: word for number, word in words.items() if word.address != self.seen_as}
        return _judged(replace(self, here=here, words=words), at)

    def heard(self, words: Mapping[int, Word], *, at: float) -> "Proof":
        """Return what is known after a round of asking: what those said, by number, who were not silent."""
        return _judged(replace(self, words=dict(self.words) | dict(words)), at)

    def footing(self, *, refuse: bool) -> Footing:
        """Return it for those who use the egress; `refuse` says whether nothing may leave under another address."""
        match self.why:
            case Why.ADDRESS_MISSING:
                detail = f"{self.source} is not an address of this machine"
                return Footing(self.state, usable=False, why=self.why, detail=detail)
            case None:
                return Footing(self.state)
            case _:
                seen = {word.address for word in self.against}
                seen_as = seen.pop() if len(seen) == 1 else None
                detail = self._difference()
                return Footing(self.state, usable=not refuse, why=self.why, detail=detail, seen_as=seen_as)

    @property
    def why(self) -> Why | None:
        """Why it is out, None while it is not."""
        if self.state is not State.OUT:
            return None
        return Why.ADDRESS_DIFFERS if self.here else Why.ADDRESS_MISSING

    @property
    def against(self) -> list[Word]:
        """The words of those who see another address."""
        return [word for word in self.words.values() if word.address != self.seen_as]

    def _difference(self) -> str:
        told = [f"{word.address} by {word.witness}" for word in self.against]
        return f"calls from {self.source} should be seen as {self.seen_as}, and are seen as {' and '.join(told)}"


def _judged(proof: Proof, at: float) -> Proof:
    """Return it with the words that still count, and the state that follows from them."""
    stands = proof.state is State.OUT
    words = {number: word for number, word in proof.words.items() if _counts(proof, word, at, stands=stands)}
    proof = replace(proof, words=words)
    against = proof.against
    if not proof.here or any(word.gate for word in against) or len(against) >= _ENOUGH:
        return replace(proof, state=State.OUT)
    confirming = [word for word in words.values() if word.address == proof.seen_as]
    proven = any(word.gate for word in confirming) if against else bool(confirming)
    return replace(proof, state=State.PROVEN if proven else State.UNKNOWN)


def _counts(proof: Proof, word: Word, at: float, *, stands: bool) -> bool:
    """Whether a word still counts; those against an egress that is out stand however old they are."""
    return at - word.at <= proof.lasts or (stands and word.address != proof.seen_as)


def chosen(footings: Sequence[Footing]) -> int | None:
    """Return which of a tenant's egresses calls leave from: the first that is not out, or else may be used anyway."""
    usable = [place for place, footing in enumerate(footings) if footing.usable]
    return next((place for place in usable if footings[place].state is not State.OUT), usable[0] if usable else None)


def none_left(footings: Sequence[Footing]) -> Footing:
    """Return what a call is told where no egress may be used: the first one's fault, with what is wrong of each."""
    return replace(footings[0], detail="; ".join(footing.detail for footing in footings))


def packed(footings: Sequence[Footing]) -> bytes:
    """Return footings for another process."""
    return orjson.dumps([(each.state, each.usable, each.why, each.detail) for each in footings])


def unpacked(octets: bytes) -> tuple[Footing, ...]:
    """Return what `packed` wrote."""
    return tuple(
        Footing(State(state), usable=usable, why=None if why is None else Why(why), detail=detail)
        for state, usable, why, detail in orjson.loads(octets)
    )
