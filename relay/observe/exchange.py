"""One exchange as it is remembered: never a body, a path, a query or a credential."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from relay.errors import Sent


class Source(StrEnum):
    """Who made the answer."""

    UPSTREAM = "upstream"
    RELAY = "relay"
    CALLER = "caller"


class Again(StrEnum):
    """What became of a call that was refused for its address and went out once more."""

    PASSED = "passed"
    REFUSED = "refused"
    FAILED = "failed"
    UNSENT = "unsent"


class Exchange:
    """What is known of a call, filled in as it goes. Times are in seconds, sizes in octets of body.

    `status` is what the caller got (499: it left), `upstream_status` what VECOZO answered. `cause` names a refusal
    or an error; empty when there was none. `refusal` is the cause of a refusal by VECOZO, whatever became of the
    caller; or of earlier ones, for which this call was not sent. `again` is empty unless the call went out once more,
    from `egress`, after it was refused from `refused_egress`. `credential` is the identifier of the key that was shown,
    `actor` who the caller says is behind the call; `would_refuse` the condition of the client's policy that it did not
    meet, where that is only to be noted.
    """

    id: str
    at: datetime
    peer: str
    method: str
    client: str = ""
    way: str = ""
    credential: str = ""
    tenant: str = ""
    environment: str = ""
    route: str = ""
    status: int = 0
    upstream_status: int = 0
    source: Source = Source.RELAY
    cause: str = ""
    refusal: str = ""
    explanation: str = ""
    remedy: str = ""
    sent: Sent = Sent.NO
    seconds: float = 0.0
    upstream_seconds: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    egress: str = ""
    certificate: str = ""
    upstream: str = ""
    reused: bool = False
    refused_egress: str = ""
    again: str = ""
    actor: str = ""
    would_refuse: str = ""

    def __init__(self, *, id: str, at: datetime, peer: str, method: str, **known: object) -> None:  # noqa: A002  # as logged
        # What is not known yet is the class's: twenty assignments fewer for every call.
        self.id = id
        self.at = at
        self.peer = peer
        self.method = method
        for name, value in known.items():
            setattr(self, name, value)

    def __repr__(self) -> str:
        return f"<Exchange {self.id} {self.tenant}/{self.route} {self.status}>"


class Journal(Protocol):
    """Whoever wants to know of every exchange."""

    def note(self, exchange: Exchange) -> None:
        """Take note of an exchange that has ended."""
        ...


class Journals:
    """Several journals as one."""

    def __init__(self, journals: Sequence[Journal]) -> None:
        self._journals = tuple(journals)

    def note(self, exchange: Exchange) -> None:
        """Tell each of them."""
        for journal in self._journals:
            journal.note(exchange)
