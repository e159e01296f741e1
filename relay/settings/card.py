"""A tenant's card: who registers its address, whom to write to, and whether its calls are paused."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from relay.settings.load import Branch
from relay.settings.shapes import formed
from relay.settings.words import Registration

_AGB_CODE = re.compile(r"[0-9]{8}\Z")
_USER_NUMBER = re.compile(r"[0-9]{14}\Z")
# A Dot-string of RFC 5321 and a host name: nothing in it can end a header or a command.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_MAIL = re.compile(rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+\Z")
_LONGEST_LINE = 200
# VECOZO knows at most so many for an AGB code.
_MOST_CONTACTS = 2


def _quoted(value: object) -> object:
    if isinstance(value, int):
        raise ValueError('write the digits in quotes, such as "01234567": leading zeros count')
    return value


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > _LONGEST_LINE:
        raise ValueError(f"has to be one line of at most {_LONGEST_LINE} characters, and not empty")
    return text.strip()


def _mail(text: str) -> str:
    if not _MAIL.match(text) or len(text) > _LONGEST_LINE:
        raise ValueError("is no mail address; write it bare, such as a.voorbeeld@praktijk.example")
    return text


def _few(contacts: tuple[object, ...]) -> tuple[object, ...]:
    if len(contacts) > _MOST_CONTACTS:
        raise ValueError(f"VECOZO knows at most {_MOST_CONTACTS} contact persons for an AGB code; name those")
    return contacts


def _reason(value: object) -> object:
    if isinstance(value, bool) or value == "":
        raise ValueError("say why calls are paused, in quotes: callers read it. To let calls pass, leave it out")
    return value


Line = Annotated[str, AfterValidator(_line)]
Mail = Annotated[str, AfterValidator(_mail)]


class Contact(Branch):
    """Somebody to write to."""

    name: Line = Field(description="As a message begins: Beste ...")
    mail: Mail | None = Field(default=None, description="Where messages go; without it they say by name whom to reach.")


class Card(Branch):
    """What the relay needs to know of a tenant to say who does what when something is wrong."""

    registration: Registration = Field(
        default=Registration.OWN,
        description="Who registers the address: own (FAQ Q23), party (Q26), or consent (Q25, Q31).",
    )
    organisation: Line | None = Field(default=None, description="The care provider's name, as messages write it.")
    agb_code: Annotated[str, BeforeValidator(_quoted), formed(_AGB_CODE, "an AGB code has 8 digits")] | None = Field(
        default=None, description="The care provider's, 8 digits in quotes."
    )
    user_number: (
        Annotated[str, BeforeValidator(_quoted), formed(_USER_NUMBER, "a user number has 14 digits")] | None
    ) = Field(default=None, description="VECOZO's for the system certificate, 14 digits in quotes. Never the PIN.")
    contacts: Annotated[tuple[Contact, ...], AfterValidator(_few)] = Field(
        default=(), description="The provider's contact persons at VECOZO, two at most."
    )
    party: Contact | None = Field(default=None, description="The software party; needed unless registration is own.")
    on_call: Line | None = Field(
        default=None, description="Who looks after the relay, with phone or mail: messages are signed with it."
    )
    paused: Annotated[Line, BeforeValidator(_reason)] | None = Field(
        default=None, description="Why this tenant's calls are not sent for now; each is answered 503 with these words."
    )

    @model_validator(mode="after")
    def _party_named(self) -> Self:
        if self.registration is not Registration.OWN and self.party is None:
            raise ValueError(
                f'with registration = "{self.registration}" the software party acts: give party = {{ name, mail }}'
            )
        return self

    def for_log(self) -> "Card":
        """Return it without its contact persons: no name of theirs has any business in a log that is kept for years."""
        return self.model_copy(update={"contacts": ()})
