"""A letter: to whom, about what, in Dutch; and the paragraphs that all of them share. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from relay.people.dutch import ENVIRONMENTS, day, listed, moment
from relay.people.matter import Facts, foreign
from relay.settings.card import Card


class Reader(StrEnum):
    """Who a letter is for."""

    CONTACT_PERSON = "contact_person"
    SOFTWARE_PARTY = "software_party"
    SUPPORT = "support"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message ready to send. `mails` is empty where the card gives none; `only_if` says, in English, when to send."""

    reader: Reader
    name: str
    mails: tuple[str, ...]
    subject: str
    text: str
    only_if: str = ""


SUPPORT: Final = "VECOZO Support"


def letter(reader: Reader, card: Card, facts: Facts, *, subject: str, body: Iterable[str], only_if: str = "") -> Letter:
    """Return the letter to `reader` with this body: a paragraph each; greeting, facts and signature come with it."""
    name, mails, greeting = _addressed(reader, card)
    paragraphs = [f"Beste {greeting},", *body, _known(card, facts), *_signature(card)]
    return Letter(
        reader=reader,
        name=name,
        mails=mails,
        subject=f"{subject} ({ENVIRONMENTS[facts.environment]})",
        text="\n\n".join(paragraphs) + "\n",
        only_if=only_if,
    )


def provider(card: Card) -> str:
    """Return the care provider as a Dutch sentence names it."""
    return card.organisation or "de zorgaanbieder"


def party(card: Card) -> str:
    """Return the software party as a Dutch sentence names it."""
    return card.party.name if card.party else "de softwarepartij"


def steps(*lines: str) -> str:
    """Return the lines as a numbered list."""
    return "\n".join(f"  {number}. {line}" for number, line in enumerate(lines, 1))


def _addressed(reader: Reader, card: Card) -> tuple[str, tuple[str, ...], str]:
    match reader:
        case Reader.CONTACT_PERSON:
            names = listed([contact.name for contact in card.contacts]) if card.contacts else "contactpersoon"
            return names, tuple(contact.mail for contact in card.contacts if contact.mail), names
        case Reader.SOFTWARE_PARTY:
            mail = card.party.mail if card.party else None
            return party(card), (mail,) if mail else (), f"medewerker van {party(card)}"
        case Reader.SUPPORT:
            return SUPPORT, (), "medewerker van VECOZO Support"


def _known(card: Card, facts: Facts) -> str:
    rows = [f"  {label + ':':<22}{value}" for label, value in _rows(card, facts)]
    return "\n".join(["De gegevens:", *rows])


def _rows(card: Card, facts: Facts) -> Iterator[tuple[str, str]]:
    if card.organisation or card.agb_code:
        code = f"AGB-code {card.agb_code}" if card.agb_code else ""
        yield "Zorgaanbieder", ", ".join(each for each in (card.organisation, code) if each)
    if card.user_number:
        yield "Gebruikersnummer", card.user_number
    if facts.serial:
        until = f", geldig tot en met {day(facts.not_after)}" if facts.not_after else ""
        yield "Systeemcertificaat", f"serienummer {facts.serial}{until}"
    yield "IP-adres", facts.egress
    yield "Omgeving", ENVIRONMENTS[facts.environment]
    if facts.service or facts.host:
        yield "Dienst", " op ".join(foreign(each) for each in (facts.service, facts.host) if each)
    if facts.phrase:
        yield "Antwoord van VECOZO", foreign(facts.phrase)
    yield "Tijdstip", f"{moment(facts.at)} (Nederlandse tijd)"
    if facts.last_good:
        yield "Laatst gelukt", f"{moment(facts.last_good)} (Nederlandse tijd)"
    if facts.trace_ids:
        yield "Kenmerken (trace-id)", ", ".join(map(foreign, facts.trace_ids))


def _signature(card: Card) -> Iterator[str]:
    if card.on_call:
        yield f"Hebt u een vraag, of lukt het niet? U bereikt ons via {card.on_call}."
    yield "Met vriendelijke groet,\n\nde beheerder van de relay (de koppeling tussen Microsoft Dynamics 365 en VECOZO)"
