"""Each matter, for each form of registration: a remedy, and letters to whoever has to act, that name what they must."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from relay.people.advice import Advice, advise
from relay.people.letter import Letter, Reader
from relay.people.matter import Facts, Matter, foreign
from relay.people.remedies import MENDED_HERE
from relay.problems.table import PROBLEMS
from relay.settings.card import Card, Contact
from relay.settings.words import Environment, Registration
from relay.upstream.refusal import Cause
from relay.x509.mistake import MISTAKES, Mistake

AT = datetime(2026, 11, 25, 15, 2, tzinfo=UTC)
CONTACT, PARTY, SUPPORT = Reader.CONTACT_PERSON, Reader.SOFTWARE_PARTY, Reader.SUPPORT
OWN, BY_PARTY, CONSENT = Registration.OWN, Registration.PARTY, Registration.CONSENT

FACTS = Facts(
    at=AT,
    environment=Environment.ACCEPTANCE,
    egress="203.0.113.10",
    seen_as="198.51.100.7",
    serial="4A1F9C",
    not_after=AT + timedelta(days=30),
    phrase="403 Forbidden",
    service="cov",
    host="tst-api.vecozo.nl",
    trace_ids=("d4c3b2a1", "00-4bf92f35"),
    last_good=AT - timedelta(days=1),
)


def _card(registration: Registration) -> Card:
    return Card(
        registration=registration,
        organisation="Praktijk De Linde",
        agb_code="01234567",
        user_number="20001000001131",
        contacts=(
            Contact(name="Anna Voorbeeld", mail="anna@delinde.example"),
            Contact(name="Bram Voorbeeld", mail="bram@delinde.example"),
        ),
        party=Contact(name="Voorbeeld Software", mail="support@software.example"),
        on_call="relaybeheer, beheer@relay.example",
    )


# Who is written to, in this order.
READERS = {
    (Matter.ADDRESS_OR_BLOCKED, OWN): [CONTACT, SUPPORT],
    (Matter.ADDRESS_OR_BLOCKED, BY_PARTY): [PARTY, CONTACT, SUPPORT],
    (Matter.ADDRESS_OR_BLOCKED, CONSENT): [PARTY, SUPPORT],
    (Matter.CERTIFICATE_INVALID, OWN): [CONTACT, SUPPORT],
    (Matter.CERTIFICATE_INVALID, BY_PARTY): [CONTACT, SUPPORT],
    (Matter.CERTIFICATE_INVALID, CONSENT): [PARTY, SUPPORT],
    (Matter.SYSTEM_CERTIFICATE_REFUSED, OWN): [CONTACT, SUPPORT],
    (Matter.SYSTEM_CERTIFICATE_REFUSED, BY_PARTY): [CONTACT, SUPPORT],
    (Matter.SYSTEM_CERTIFICATE_REFUSED, CONSENT): [PARTY, SUPPORT],
    (Matter.CERTIFICATE_EXPIRING, OWN): [CONTACT],
    (Matter.CERTIFICATE_EXPIRING, BY_PARTY): [CONTACT],
    (Matter.CERTIFICATE_EXPIRING, CONSENT): [PARTY],
    (Matter.CERTIFICATE_UNUSABLE, OWN): [CONTACT],
    (Matter.CERTIFICATE_UNUSABLE, BY_PARTY): [CONTACT],
    (Matter.CERTIFICATE_UNUSABLE, CONSENT): [PARTY],
    (Matter.FUNCTIONAL, OWN): [CONTACT],
    (Matter.FUNCTIONAL, BY_PARTY): [CONTACT],
    (Matter.FUNCTIONAL, CONSENT): [CONTACT],
    (Matter.EGRESS_OUT, OWN): [CONTACT],
    (Matter.EGRESS_OUT, BY_PARTY): [PARTY, CONTACT],
    (Matter.EGRESS_OUT, CONSENT): [PARTY],
    (Matter.ADDRESS_NOT_REGISTERED, OWN): [CONTACT],
    (Matter.ADDRESS_NOT_REGISTERED, BY_PARTY): [PARTY, CONTACT],
    (Matter.ADDRESS_NOT_REGISTERED, CONSENT): [PARTY],
} | {
    (matter, registration): [SUPPORT]
    for matter in (Matter.QUOTA, Matter.BLOCKED, Matter.UPSTREAM_UNREACHABLE, Matter.UPSTREAM_OUT_OF_ORDER)
    for registration in Registration
}
EVERY = [(matter, registration) for matter in Matter for registration in Registration]
EACH = pytest.mark.parametrize(("matter", "registration"), EVERY, ids=lambda word: word.value)


def _advice(matter: Matter, registration: Registration, facts: Facts = FACTS) -> Advice:
    return advise(matter, _card(registration), facts)


def _letters() -> list[tuple[Matter, Registration, Letter]]:
    return [(*each, letter) for each in EVERY for letter in _advice(*each).letters]


EACH_LETTER = pytest.mark.parametrize(
    ("matter", "registration", "letter"),
    _letters(),
    ids=lambda part: part.reader.value if isinstance(part, Letter) else part.value,
)


@EACH
def test_a_matter_has_a_remedy_and_its_letters(matter: Matter, registration: Registration) -> None:
    advice = _advice(matter, registration)
    assert re.fullmatch(r"[A-Z].*\.", advice.remedy)
    assert [letter.reader for letter in advice.letters] == READERS.get((matter, registration), [])


@EACH_LETTER
def test_a_letter_names_what_whoever_acts_on_it_needs(
    matter: Matter, registration: Registration, letter: Letter
) -> None:
    del matter, registration
    for told in (
        "Praktijk De Linde",
        "01234567",
        "20001000001131",
        "4A1F9C",
        "203.0.113.10",
        "acceptatie",
        "cov op tst-api.vecozo.nl",
        "403 Forbidden",
        "woensdag 25 november 2026 om 16:02 uur",
        "dinsdag 24 november 2026 om 16:02 uur",
        "d4c3b2a1, 00-4bf92f35",
        "beheer@relay.example",
    ):
        assert told in letter.text
    assert letter.text.startswith("Beste ")
    assert "Met vriendelijke groet," in letter.text
    assert "(acceptatie)" in letter.subject
    assert not re.search(r"\bje\b|\bjij\b|\bjullie\b|None|\{|\}|  +\.", letter.text)


@EACH_LETTER
def test_nothing_in_a_letter_looks_like_a_citizen_service_number(
    matter: Matter, registration: Registration, letter: Letter
) -> None:
    facts = replace(FACTS, phrase="403 no 999979668", trace_ids=("999979668",), service="x-999979668")
    for each in (letter, *_advice(matter, registration, facts).letters):
        assert not re.search(r"(?<![0-9])[0-9]{9}(?![0-9])", each.subject + each.text)


@EACH
def test_no_remedy_does_either(matter: Matter, registration: Registration) -> None:
    facts = replace(FACTS, phrase="403 no 999979668", seen_as="999979668")
    assert "999979668" not in _advice(matter, registration, facts).remedy


@pytest.mark.parametrize(
    ("registration", "clicks"),
    [
        (OWN, ["Klik in de overzichtspagina op het systeemcertificaat met gebruikersnummer 20001000001131"]),
        (BY_PARTY, ["Instellen IP-adressen voor klanten", "Selecteer uw softwarepartij", "bij Voorbeeld Software"]),
        (CONSENT, ["het systeemcertificaat van uw organisatie", "Uw klant hoeft niets te doen"]),
    ],
)
def test_whoever_registers_is_told_where_to_click(registration: Registration, clicks: list[str]) -> None:
    for matter, address in (
        (Matter.ADDRESS_OR_BLOCKED, FACTS.egress),
        (Matter.ADDRESS_NOT_REGISTERED, FACTS.egress),
        (Matter.EGRESS_OUT, FACTS.seen_as),
    ):
        texts = [each.text for each in _advice(matter, registration).letters if each.reader is not SUPPORT]
        for click in ("klik op Inloggen", "Mijn gegevens", "Algemene instellingen", "knop IP-adressen"):
            assert all(click in text for text in texts)
        assert all(any(click in text for text in texts) for click in clicks)
        assert f"IP-adres {address}" in texts[0]


def test_under_consent_the_provider_is_never_asked_to_register_or_renew_anything() -> None:
    for matter in set(Matter) - {Matter.FUNCTIONAL}:
        assert CONTACT not in [letter.reader for letter in _advice(matter, CONSENT).letters]


def test_each_cause_has_a_remedy_of_its_own_and_that_of_the_address_names_both_readings() -> None:
    for registration in Registration:
        remedies = {_advice(Matter(cause.value), registration).remedy for cause in Cause}
        assert len(remedies) == len(Cause)
        address = _advice(Matter.ADDRESS_OR_BLOCKED, registration).remedy  # VECOZO answers both alike
        assert "register" in address
        assert "blocked" in address


def test_letters_go_to_the_addresses_on_the_card() -> None:
    party, contacts, support = _advice(Matter.ADDRESS_OR_BLOCKED, BY_PARTY).letters
    assert (party.name, party.mails) == ("Voorbeeld Software", ("support@software.example",))
    assert contacts.mails == ("anna@delinde.example", "bram@delinde.example")
    assert contacts.text.startswith("Beste Anna Voorbeeld en Bram Voorbeeld,")
    assert (support.name, support.mails) == ("VECOZO Support", ())


def test_support_is_asked_only_once_the_address_is_registered() -> None:
    for registration in Registration:
        *registering, support = _advice(Matter.ADDRESS_OR_BLOCKED, registration).letters
        assert "registered" in support.only_if
        assert {letter.only_if for letter in registering} == {""}


def test_a_new_address_is_registered_only_if_it_is_to_stay_and_asked_for_only_when_it_is_known() -> None:
    assert {"to stay" in letter.only_if for letter in _advice(Matter.EGRESS_OUT, OWN).letters} == {True}
    assert re.search(rf"IP-adres: +{FACTS.seen_as}", _advice(Matter.EGRESS_OUT, OWN).letters[0].text)
    assert _advice(Matter.EGRESS_OUT, OWN, replace(FACTS, seen_as="")).letters == ()


def test_after_too_many_calls_only_vecozos_word_lets_calls_pass_again() -> None:
    for matter in (Matter.QUOTA, Matter.BLOCKED):
        assert "only after their word" in _advice(matter, OWN).remedy
        assert "tot wij dat van u horen" in _advice(matter, OWN).letters[0].text


def test_a_renewal_says_when_what_is_needed_and_that_the_pin_stays_secret() -> None:
    [letter] = _advice(Matter.CERTIFICATE_EXPIRING, OWN).letters
    assert "verloopt op 25 december 2026" in letter.subject
    for told in ("pincode", "vijf foute pogingen", "persoonlijke sleutel", "nooit in één e-mail"):
        assert told in letter.text
    assert "in 30 days" in _advice(Matter.CERTIFICATE_EXPIRING, OWN).remedy
    over = replace(FACTS, not_after=AT - timedelta(days=2))
    assert "is op 23 november 2026 verlopen" in _advice(Matter.CERTIFICATE_EXPIRING, OWN, over).letters[0].subject
    assert "expired on 23 November 2026" in _advice(Matter.CERTIFICATE_EXPIRING, OWN, over).remedy


@EACH
def test_an_empty_card_and_few_facts_still_make_whole_sentences(matter: Matter, registration: Registration) -> None:
    bare = Card.model_construct(registration=registration)
    few = Facts(at=AT, environment=Environment.PRODUCTION, egress="203.0.113.10")
    advice = advise(matter, bare, few)
    for text in (advice.remedy, *(letter.text for letter in advice.letters)):
        assert not re.search(r"None|\w  \w| ,| \.\s|\(\)|''|Beste de", text)


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_of_a_refusal_is_a_matter(cause: Cause) -> None:
    assert Matter(cause.value)


# Of 503 is what never left: somebody has to mend the way out. But for the relay's own book of keys, and who calls.
_WAY_IN = ("ledger_unavailable", "caller_undecided")
WAY_OUT = [each.code for each in PROBLEMS.values() if each.status == 503 and each.code not in _WAY_IN]


@pytest.mark.parametrize("code", [*WAY_OUT, "upstream_timeout", "upstream_closed", "upstream_invalid"])
def test_every_error_of_the_way_out_is_a_matter(code: str) -> None:
    assert Matter.of(code) in Matter


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("403 Forbidden", "403 Forbidden"),
        ("a\r\nb\x1b[31m", "a  b [31m"),
        ("x" * 500, "x" * 120),
        ("no 999979668 here", "no [...] here"),
        ("no 123456789 here", "no 123456789 here"),
        ("20001000001131", "20001000001131"),
    ],
)
def test_words_from_outside_are_short_on_one_line_and_without_a_patients_number(text: str, told: str) -> None:
    assert foreign(text) == told


@pytest.mark.parametrize("mistake", [each for each, wording in MISTAKES.items() if wording.fatal])
def test_a_mistake_with_the_file_is_told_to_whoever_made_it(mistake: Mistake) -> None:
    advice = _advice(Matter.CERTIFICATE_UNUSABLE, OWN, replace(FACTS, mistake=mistake))
    [letter] = advice.letters
    assert MISTAKES[mistake].remedy in advice.remedy
    assert "Anna Voorbeeld or Bram Voorbeeld" in advice.remedy
    assert "Meestal" not in letter.text  # where it is known, nobody is left to guess
    assert (letter.only_if != "") is (mistake in MENDED_HERE)
