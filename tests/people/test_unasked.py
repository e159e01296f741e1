"""Letters that go out by themselves: as they are, to whom the card names, and with a word before them where needed."""

from dataclasses import replace

import pytest

from relay.people.advice import advise
from relay.people.letter import Letter
from relay.people.matter import Matter
from relay.people.unasked import UNASKED, together, unasked
from relay.settings.card import Card, Contact
from relay.settings.words import Registration
from tests.people.test_advice import FACTS, _card

OWN, BY_PARTY, CONSENT = Registration.OWN, Registration.PARTY, Registration.CONSENT
CONTACTS = ("anna@delinde.example", "bram@delinde.example")
PARTY = ("support@software.example",)


def _unasked(matter: Matter, card: Card) -> list[Letter]:
    return list(unasked(matter, card, FACTS))


@pytest.mark.parametrize(
    ("matter", "registration", "mails"),
    [
        (Matter.CERTIFICATE_EXPIRING, OWN, [CONTACTS]),
        (Matter.CERTIFICATE_EXPIRING, BY_PARTY, [CONTACTS]),
        (Matter.CERTIFICATE_EXPIRING, CONSENT, [PARTY]),
        (Matter.ADDRESS_OR_BLOCKED, OWN, [CONTACTS]),
        (Matter.ADDRESS_OR_BLOCKED, BY_PARTY, [PARTY, CONTACTS]),
        (Matter.ADDRESS_OR_BLOCKED, CONSENT, [PARTY]),
        (Matter.EGRESS_OUT, OWN, [CONTACTS]),
        (Matter.EGRESS_OUT, BY_PARTY, [PARTY, CONTACTS]),
        (Matter.EGRESS_OUT, CONSENT, [PARTY]),
        (Matter.ADDRESS_NOT_REGISTERED, OWN, [CONTACTS]),
        (Matter.ADDRESS_NOT_REGISTERED, CONSENT, [PARTY]),
        (Matter.QUOTA, OWN, [CONTACTS]),
        (Matter.QUOTA, BY_PARTY, [CONTACTS]),
        (Matter.QUOTA, CONSENT, [PARTY]),
        (Matter.BLOCKED, OWN, [CONTACTS]),
        (Matter.BLOCKED, CONSENT, [PARTY]),
    ],
)
def test_each_goes_to_those_whom_the_card_names(
    matter: Matter, registration: Registration, mails: list[tuple[str, ...]]
) -> None:
    assert [letter.mails for letter in _unasked(matter, _card(registration))] == mails


@pytest.mark.parametrize("registration", Registration)
@pytest.mark.parametrize("matter", UNASKED)
def test_the_letter_is_in_the_mail_as_it_is(matter: Matter, registration: Registration) -> None:
    ready = [letter.text for letter in advise(matter, _card(registration), FACTS).letters]
    for letter in _unasked(matter, _card(registration)):
        assert any(letter.text.endswith(text) for text in ready)


def test_what_a_person_has_to_find_out_first_stays_behind() -> None:
    texts = [letter.text for letter in _unasked(Matter.ADDRESS_OR_BLOCKED, _card(OWN))]
    assert len(texts) == 1
    assert "VECOZO Support," not in texts[0]


def test_nobody_is_had_register_an_address_that_nobody_said_is_to_stay() -> None:
    [letter] = _unasked(Matter.EGRESS_OUT, _card(OWN))
    assert letter.text.startswith("Let op: doe nog niets.")
    assert "198.51.100.7" in letter.text
    assert not any("doe nog niets" in each.text for each in _unasked(Matter.ADDRESS_OR_BLOCKED, _card(OWN)))


def test_what_is_for_somebody_without_an_address_says_whom_to_send_it_to() -> None:
    [letter] = _unasked(Matter.QUOTA, _card(OWN))
    assert letter.text.startswith("Het bericht hieronder is bestemd voor VECOZO Support. Wilt u het daarheen sturen?")
    card = _card(BY_PARTY).model_copy(update={"party": Contact(name="Voorbeeld Software")})
    first, second = _unasked(Matter.ADDRESS_OR_BLOCKED, card)
    assert (first.mails, second.mails) == (CONTACTS, CONTACTS)
    assert "bestemd voor Voorbeeld Software" in first.text
    assert "bestemd voor" not in second.text


@pytest.mark.parametrize("matter", UNASKED)
def test_a_card_without_any_address_leaves_letters_without_any(matter: Matter) -> None:
    assert {letter.mails for letter in _unasked(matter, Card())} == {()}


def test_several_letters_are_one_mail() -> None:
    [one] = _unasked(Matter.CERTIFICATE_EXPIRING, _card(OWN))
    assert together([one]) == (one.subject, one.text)
    subject, text = together([one, replace(one, text="Een ander.\n")])
    assert subject == f"{one.subject} (en nog 1)"
    assert text.startswith(one.text)
    assert text.endswith("Een ander.\n")
