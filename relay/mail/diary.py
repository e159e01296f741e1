"""What has to be told to people, and what they were told: each thing once, and of one matter once a day. Pure."""

from dataclasses import dataclass, field
from typing import Final

import orjson

from relay.people.matter import Facts, Matter
from relay.settings.card import Card

# Seconds. Of one matter of one tenant nobody gets more than one mail within these.
QUIET: Final = 24 * 3600.0

_VERSION: Final = 1


class DiaryUnreadable(ValueError):
    """Octets that are no diary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """Something that people of a tenant have to hear of. `place` says where it is the matter: a way, an egress.

    `token` tells one occurrence from the next: the mark that a certificate reached, the address that is seen.
    """

    tenant: str
    matter: Matter
    place: str
    token: str
    card: Card
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Well:
    """It is known that this is the matter no more: if it ever is again, that is told again."""

    tenant: str
    matter: Matter
    place: str


@dataclass(slots=True)
class Diary:
    """What was told to whom, by mail address.

    `told` is the token by tenant, matter, place and address; `last` the time of the last mail, in seconds of the epoch,
    by tenant, matter and address.
    """

    told: dict[tuple[str, str, str, str], str] = field(default_factory=dict)
    last: dict[tuple[str, str, str], float] = field(default_factory=dict)

    def is_due(self, concern: Concern, address: str, at: float) -> bool:
        """Whether this has to be told to this address now."""
        told = self.told.get((concern.tenant, concern.matter, concern.place, address))
        last = self.last.get((concern.tenant, concern.matter, address))
        # A clock that was set back must not keep anybody waiting for years, nor have anybody told twice in a day.
        return told != concern.token and (last is None or abs(at - last) >= QUIET)

    def tell(self, concern: Concern, address: str, at: float) -> None:
        """Take that it was told."""
        self.told[concern.tenant, concern.matter, concern.place, address] = concern.token
        self.last[concern.tenant, concern.matter, address] = at

    def put_off(self, tenant: str, matter: Matter, address: str, at: float) -> None:
        """Take that it may have been told, so that nobody hears of it twice in a day."""
        self.last[tenant, matter, address] = at

    def forget(self, well: Well) -> bool:
        """Take that something is well; return whether anything was known of it. Who was mailed when is still known."""
        where = (well.tenant, well.matter, well.place)
        known = [key for key in self.told if key[:3] == where]
        for key in known:
            del self.told[key]
        return bool(known)

    def octets(self) -> bytes:
        """Return all of it."""
        told = [(*key, token) for key, token in self.told.items()]
        last = [(*key, at) for key, at in self.last.items()]
        return orjson.dumps({"version": _VERSION, "told": told, "last": last}, option=orjson.OPT_INDENT_2)

    @classmethod
    def read(cls, octets: bytes) -> "Diary":
        """Return what `octets` hold. Raises DiaryUnreadable."""
        try:
            known = orjson.loads(octets)
            if known["version"] != _VERSION:
                raise DiaryUnreadable("is of another version of relay")
            told = {(str(a), str(b), str(c), str(d)): str(token) for a, b, c, d, token in known["told"]}
            last = {(str(a), str(b), str(c)): float(at) for a, b, c, at in known["last"]}
        except DiaryUnreadable:
            raise
        except (ValueError, TypeError, KeyError) as error:
            raise DiaryUnreadable("is not as relay writes it") from error
        return cls(told, last)
