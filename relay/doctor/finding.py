"""What is found on the way: at which step, how it stands, and what to do next."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from relay.people.letter import Letter


class Step(StrEnum):
    """The steps, in the order in which a person would take them."""

    SETTINGS = "settings"
    SERVER_CERTIFICATE = "server certificate"
    SYSTEM_CERTIFICATE = "system certificate"
    NAME = "name resolution"
    SOURCE = "source address"
    SEEN = "what the world sees"
    CLOCK = "clock"
    TCP = "TCP"
    TLS = "TLS"
    ACCEPTED = "certificate accepted"
    REGISTERED = "address registered"
    CALL = "one harmless call"
    SHARED = "shared counts"
    MAIL = "mail"


class State(StrEnum):
    """How it stands: a note is not known or not looked at, a warning goes on, a failure ends the road."""

    GOOD = "good"
    NOTE = "note"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found. `way` is the way out that was walked, empty where callers come in; `place` is where it leads.

    `at` is when. What is not good says what comes `next`, and `letters` are ready for whoever has to do it.
    """

    step: Step
    state: State
    what: str
    at: datetime
    way: str = ""
    place: str = ""
    next: str = ""
    letters: tuple[Letter, ...] = ()
