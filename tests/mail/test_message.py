"""A mail as it travels: the form of RFC 5322, Dutch text whole, and no header that a letter could make."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from relay.mail.message import message
from relay.settings.card import Card, Contact

AT = datetime(2026, 11, 25, 15, 2, tzinfo=UTC)


def _made(subject: str = "Één vraag", text: str = "Beste Zoë,\n", to: str = "zoe@delinde.example") -> bytes:
    return message(
        sender="relay@beheer.example", to=[to], subject=subject, text=text, at=AT, occasion=["linde", "held"]
    )


def test_it_has_the_headers_of_a_mail_that_no_person_wrote() -> None:
    mail = message_from_bytes(_made(), policy=policy.default)
    assert parsedate_to_datetime(mail["Date"]) == AT
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@beheer.example>")
    assert (mail["To"], mail["Subject"]) == ("zoe@delinde.example", "Één vraag")
    assert mail["From"].addresses[0].addr_spec == "relay@beheer.example"
    assert mail.get_content_type() == "text/plain"
    assert len(mail.keys()) == len(set(mail.keys()))


def test_the_same_occasion_has_the_same_id_and_another_another() -> None:
    def id_of(occasion: str, to: str) -> str:
        octets = message(sender="a@b.example", to=[to], subject="x", text="x", at=AT, occasion=[occasion])
        return str(message_from_bytes(octets)["Message-ID"])

    assert id_of("held", "zoe@c.example") == id_of("held", "zoe@c.example")
    assert len({id_of("held", "zoe@c.example"), id_of("again", "zoe@c.example"), id_of("held", "bo@c.example")}) == 3


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=3000))
def test_whatever_is_written_comes_whole_in_lines_of_seven_bits_that_every_server_takes(text: str) -> None:
    octets = _made(text=text + "\n")
    lines = octets.split(b"\r\n")
    assert all(len(line) <= 998 and line.isascii() and b"\n" not in line and b"\r" not in line for line in lines)
    mail = message_from_bytes(octets, policy=policy.default)
    assert mail.get_payload(decode=True).decode().replace("\r\n", "\n") == text + "\n"  # type: ignore[union-attr]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300).filter(str.isprintable))
def test_no_line_of_a_card_adds_a_header(line: str) -> None:
    plain = message_from_bytes(_made(), policy=policy.default)
    mail = message_from_bytes(_made(subject=f"Aan {line}: Bcc: kwaad@elders.example"), policy=policy.default)
    assert mail.keys() == plain.keys()
    assert (mail["To"], mail["From"]) == (plain["To"], plain["From"])


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_line_end_in_a_header_is_refused(end: str) -> None:
    with pytest.raises(ValueError, match=r"linefeed|carriage"):
        _made(subject=f"Vraag{end}Bcc: kwaad@elders.example")


@pytest.mark.parametrize(
    "mail",
    [
        "anna@delinde.example\nBcc: kwaad@elders.example",
        "anna@delinde.example\r",
        "anna\u0000@delinde.example",
        "anna\u0085@delinde.example",
        "anna>@delinde.example",
        "anna,kwaad@delinde.example",
        "anna kwaad@delinde.example",
        "ünna@delinde.example",
        ".anna@delinde.example",
        "anna..kwaad@delinde.example",
        "a" * 65 + "@delinde.example",
        "anna@delinde",
        "@delinde.example",
    ],
)
def test_an_address_that_is_none_never_gets_onto_a_card(mail: str) -> None:
    with pytest.raises(ValidationError, match="is no mail address"):
        Contact(name="Anna", mail=mail)


@pytest.mark.parametrize("name", ["Anna\nBcc: kwaad@elders.example", "Anna\rX: y", "Anna\u2028X: y", "Anna\u0000"])
def test_a_name_of_more_than_one_line_never_gets_onto_a_card(name: str) -> None:
    with pytest.raises(ValidationError, match="one line"):
        Card(organisation=name)
    with pytest.raises(ValidationError, match="one line"):
        Contact(name=name)


@pytest.mark.parametrize("mail", ["a.voorbeeld@praktijk.example", "o'hara+vecozo_1@sub.praktijk.example"])
def test_a_usual_address_does(mail: str) -> None:
    assert Contact(name="Anna", mail=mail).mail == mail
