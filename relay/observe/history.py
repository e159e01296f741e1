"""The latest refusals, for people to look at: a bounded record of each way out, kept in memory alone."""

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Final

import orjson

# Of one cause on one way out: calls that a service refuses must not push out the day's only refusal of an address.
MOST: Final = 20

_AT: Final = attrgetter("at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A call that VECOZO refused: what a person needs to trace it, and nothing that was asked or answered.

    `at` is when the call came and `id` its name in the log; `trace` is its trace id at VECOZO. Where TLS refused the
    certificate, `status` is 0 and `reason` empty. `last_good` is when a call last went well on this way.
    """

    at: datetime
    id: str
    trace: str
    tenant: str
    environment: str
    family: str
    way: str
    route: str
    egress: str
    certificate: str
    cause: str
    status: int
    reason: str
    sent: str
    last_good: datetime | None


class History:
    """The latest `MOST` refusals of each tenant, environment, family of routes, egress and cause, by time.

    All of these are names from the settings, or of a table: there are only so many.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str, str, str], list[Refused]] = {}

    def __repr__(self) -> str:
        return f"<History of {sum(map(len, self._kept.values()))} refusals>"

    def note(self, refused: Refused) -> None:
        """Remember a refusal, and forget the oldest of its kind that is one too many."""
        place = (refused.tenant, refused.environment, refused.family, refused.egress, refused.cause)
        kept = self._kept.setdefault(place, [])
        insort(kept, refused, key=_AT)  # processes tell in turns, so news may be older than what is here
        del kept[:-MOST]

    def latest(self) -> list[Refused]:
        """Return all that is remembered, the newest first."""
        return sorted((each for kept in self._kept.values() for each in kept), key=_AT, reverse=True)

    def last_of(self, way: str, egress: str) -> Refused | None:
        """Return the newest refusal of a certificate from an egress address."""
        # Of each kind the last alone: a tenant's family of routes has one way.
        newest = (kept[-1] for kept in self._kept.values())
        return max((each for each in newest if (each.way, each.egress) == (way, egress)), key=_AT, default=None)

    def packed(self) -> bytes:
        """Return all of it, for the history of another process to absorb; empty where there is nothing."""
        return orjson.dumps(self.latest()) if self._kept else b""

    def absorb(self, packed: bytes) -> None:
        """Add what another process has packed."""
        for refused in _unpacked(packed):
            self.note(refused)

    def forget(self) -> None:
        """Forget all: it was told on."""
        self._kept.clear()


def _unpacked(packed: bytes) -> Iterator[Refused]:
    for row in orjson.loads(packed):
        last_good = row.pop("last_good")
        yield Refused(
            **row | {"at": datetime.fromisoformat(row["at"])},
            last_good=None if last_good is None else datetime.fromisoformat(last_good),
        )
