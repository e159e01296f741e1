"""Letters that go out by themselves: to whom, and with which words before them where others have to act first. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from relay.people.letter import Letter, Reader
from relay.people.letters import letters
from relay.people.matter import Facts, Matter
from relay.settings.card import Card, Contact
from relay.settings.words import Registration

# What people hear of without anybody's doing.
UNASKED: Final = (
    Matter.CERTIFICATE_EXPIRING,
    Matter.ADDRESS_OR_BLOCKED,
    Matter.BLOCKED,
    Matter.QUOTA,
    Matter.EGRESS_OUT,
    Matter.ADDRESS_NOT_REGISTERED,
)

_NOT_YET: Final = (
    "Let op: doe nog niets. De aanroepen van de relay komen van een ander IP-adres dan bedoeld, en daarom verstuurt "
    "hij niets. De beheerder van de relay zoekt uit hoe dat komt. Het bericht hieronder geldt pas als die u laat "
    "weten dat het nieuwe adres blijft."
)
_BETWEEN: Final = "-" * 60


def unasked(matter: Matter, card: Card, facts: Facts) -> Iterator[Letter]:
    """Yield the letters to mail, as they are; `mails` is empty where the card has no address at all.

    One that is only sent if something is so, which a person has to find out, stays behind. That an egress is seen under
    another address people hear at once all the same, with the word to wait. What is for somebody without an address
    goes to those who can pass it on.
    """
    for letter in letters(matter, card, facts):
        waits = matter is Matter.EGRESS_OUT
        if letter.only_if and not waits:
            continue
        before = [_NOT_YET] if waits else []
        mails = letter.mails
        if not mails:
            mails = _go_betweens(letter.reader, card)
            before.append(
                f"Het bericht hieronder is bestemd voor {letter.name}. Wilt u het daarheen sturen? De relay heeft er "
                "geen e-mailadres van."
            )
        text = "\n\n".join([*before, _BETWEEN, letter.text]) if before else letter.text
        yield replace(letter, mails=mails, text=text)


def together(several: Sequence[Letter]) -> tuple[str, str]:
    """Return subject and text of one mail that holds these letters, one at least."""
    first, more = several[0], len(several) - 1
    subject = f"{first.subject} (en nog {more})" if more else first.subject
    return subject, f"\n{_BETWEEN}\n\n".join(letter.text for letter in several)


def _go_betweens(reader: Reader, card: Card) -> tuple[str, ...]:
    """Return whoever is closest to `reader`: under a consent certificate and address are the party's own matter."""
    contacts = _mails(card.contacts)
    party = _mails((card.party,) if card.party else ())
    if reader is Reader.CONTACT_PERSON:
        return party
    return party or contacts if card.registration is Registration.CONSENT else contacts or party


def _mails(people: tuple[Contact, ...]) -> tuple[str, ...]:
    return tuple(person.mail for person in people if person.mail)
