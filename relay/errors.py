"""What can go wrong, in the caller's words. `relay.problems` alone turns these into answers."""

from enum import StrEnum
from typing import ClassVar


class Sent(StrEnum):
    """Whether the call can have reached the upstream. `UNKNOWN` must never lead to a repeat."""

    NO = "false"
    YES = "true"
    UNKNOWN = "unknown"


class RelayError(Exception):
    """The root of everything that relay itself can answer. The message is safe to show: no secret, body or query."""

    sent: ClassVar[Sent] = Sent.NO

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class SettingsFault(Exception):
    """One or more things are wrong in the settings or the files that they name; all are told at once.

    `faults` are pairs of a key's full name (`tenants.praktijk-a.certificate.file`) and what is wrong with the remedy.
    """

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{key}: {fault}" for key, fault in faults))
        self.faults = faults
