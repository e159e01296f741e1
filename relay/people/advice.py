"""Advice: a remedy for the operator, and ready to send what somebody else has to be asked. Pure."""

from dataclasses import dataclass

from relay.people.letter import Letter
from relay.people.letters import letters
from relay.people.matter import Facts, Matter
from relay.people.remedies import remedy
from relay.settings.card import Card


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do next, in English; and the letters that go with it, in Dutch, the most urgent first."""

    remedy: str
    letters: tuple[Letter, ...] = ()


def advise(matter: Matter, card: Card, facts: Facts) -> Advice:
    """Return what to do when this is the matter with the tenant whose card it is."""
    return Advice(remedy=remedy(matter, card, facts), letters=letters(matter, card, facts))
