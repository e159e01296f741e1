"""A tenant's card: what is refused, in words that help, and never with the value that was wrong."""

from pathlib import Path

import pytest

from relay.errors import SettingsFault
from relay.settings.card import Card
from relay.settings.words import Registration
from tests.kit.relay import read_settings, write_settings

ANNA = {"name": "Anna Voorbeeld", "mail": "a.voorbeeld@delinde.example"}


def _card(folder: Path, **told: object) -> Card:
    write_settings(folder, 443, changes={f"tenants.linde.card.{key}": value for key, value in told.items()})
    return read_settings(folder).tenants["linde"].card


def _faults(folder: Path, **told: object) -> dict[str, str]:
    with pytest.raises(SettingsFault) as raised:
        _card(folder, **told)
    return {key.removeprefix("tenants.linde.card."): fault for key, fault in raised.value.faults}


def test_without_a_card_the_provider_registers_itself_and_nothing_is_paused(tmp_path: Path) -> None:
    card = _card(tmp_path)
    assert (card.registration, card.paused, card.contacts, card.party) == (Registration.OWN, None, (), None)


def test_a_whole_card_is_read(tmp_path: Path) -> None:
    card = _card(
        tmp_path,
        registration="party",
        organisation="Praktijk De Linde",
        agb_code="01234567",
        user_number="20001000001131",
        contacts=[ANNA, {"name": "Bram Voorbeeld"}],
        party={"name": "Voorbeeld Software", "mail": "support@software.example"},
        on_call="beheer, 010 000 00 00",
        paused="the practice moves on Saturday",
    )
    assert (card.agb_code, card.user_number) == ("01234567", "20001000001131")
    assert [(contact.name, contact.mail) for contact in card.contacts] == [
        ("Anna Voorbeeld", "a.voorbeeld@delinde.example"),
        ("Bram Voorbeeld", None),
    ]
    assert card.party is not None
    assert card.party.name == "Voorbeeld Software"


@pytest.mark.parametrize("code", ["1234567", "123456789", "0123456a", "", "２２２２２２２２"])
def test_an_agb_code_has_8_digits(tmp_path: Path, code: str) -> None:
    assert "8 digits" in _faults(tmp_path, agb_code=code)["agb_code"]


@pytest.mark.parametrize("number", ["2000100000113", "200010000011310", "2000100000113x", ""])
def test_a_user_number_has_14_digits(tmp_path: Path, number: str) -> None:
    assert "14 digits" in _faults(tmp_path, user_number=number)["user_number"]


@pytest.mark.parametrize("key", ["agb_code", "user_number"])
def test_digits_without_quotes_have_lost_their_leading_zeros(tmp_path: Path, key: str) -> None:
    assert "quotes" in _faults(tmp_path, **{key: 12345678})[key]


def test_a_wrong_number_is_not_repeated_for_it_may_be_a_patients(tmp_path: Path) -> None:
    faults = _faults(tmp_path, agb_code="999979668", user_number="999979668")
    assert set(faults) == {"agb_code", "user_number"}
    assert "999979668" not in str(faults)


@pytest.mark.parametrize(
    "mail", ["anna", "anna@", "@delinde.example", "anna@delinde", "Anna <anna@delinde.example>", "a b@delinde.example"]
)
def test_a_mail_address_is_one_and_bare(tmp_path: Path, mail: str) -> None:
    assert "mail address" in _faults(tmp_path, contacts=[{"name": "Anna", "mail": mail}])["contacts.0.mail"]


def test_vecozo_knows_two_contact_persons_at_most(tmp_path: Path) -> None:
    assert "at most 2" in _faults(tmp_path, contacts=[ANNA, ANNA, ANNA])["contacts"]


@pytest.mark.parametrize("registration", ["party", "consent"])
def test_a_party_that_has_to_act_has_a_name(tmp_path: Path, registration: str) -> None:
    [fault] = _faults(tmp_path, registration=registration).values()
    assert "party = {" in fault


@pytest.mark.parametrize("name", ["", "  ", "a\u2028b", "x" * 201])
def test_what_messages_are_made_of_is_one_line(tmp_path: Path, name: str) -> None:
    assert "one line" in _faults(tmp_path, organisation=name)["organisation"]


@pytest.mark.parametrize("paused", [True, False, ""])
def test_a_pause_says_why(tmp_path: Path, paused: object) -> None:
    assert "say why" in _faults(tmp_path, paused=paused)["paused"]
