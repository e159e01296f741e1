"""What guards and stops there are, as one value, and as the octets by which it survives a restart. Pure."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import orjson

from relay.upstream.guard import Guard, State, orphaned

# A certificate and an egress address; a certificate and a route.
Place = tuple[str, str]

_VERSION = 1


class BookUnreadable(ValueError):
    """Octets that are no book."""


@dataclass(slots=True)
class Book:
    """The guards by certificate and egress, the stops for quota by certificate and route with their times.

    `last_good` are the times of the last calls that went well, by the places of guards; 0 where none is known.
    """

    guards: dict[Place, Guard] = field(default_factory=dict)
    stops: dict[Place, float] = field(default_factory=dict)
    last_good: dict[Place, float] = field(default_factory=dict)

    def octets(self) -> bytes:
        """Return all of it."""
        guards = [
            {"way": way, "egress": egress, "last_good": self.last_good.get((way, egress), 0.0), **asdict(guard)}
            for (way, egress), guard in self.guards.items()
        ]
        stops = [{"way": way, "route": route, "at": at} for (way, route), at in self.stops.items()]
        return orjson.dumps({"version": _VERSION, "guards": guards, "stops": stops}, option=orjson.OPT_INDENT_2)

    @classmethod
    def read(cls, octets: bytes) -> "Book":
        """Return what `octets` hold. Raises BookUnreadable: what is not understood may have been a stop."""
        book = cls()
        try:
            told = orjson.loads(octets)
            if told["version"] != _VERSION:
                raise BookUnreadable("is of another version of relay")
            for each in told["guards"]:
                place = (each.pop("way"), each.pop("egress"))
                book.last_good[place] = float(each.pop("last_good"))
                book.guards[place] = Guard(**each | {"state": State(each["state"])})
            for each in told["stops"]:
                book.stops[each["way"], each["route"]] = float(each["at"])
        except BookUnreadable:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BookUnreadable("is not as relay writes it") from error
        return book

    def after_restart(self, places: Iterable[Place], at: float) -> "Book":
        """Return the book of a relay that starts with these guards: what probed is gone, and no stop is ever lost."""
        guards = {place: orphaned(self.guards.get(place, Guard()), at, owner="") for place in places}
        good = {place: self.last_good.get(place, 0.0) for place in guards}
        return Book(guards=guards, stops=dict(self.stops), last_good=good)

    def stopped(self, way: str) -> bool:
        """Whether VECOZO said of this certificate, on any route, that its quota is exceeded."""
        return any(of == way for of, _ in self.stops)


def moment(at: float) -> datetime | None:
    """Return a time of the book, None for the one that is not known."""
    return datetime.fromtimestamp(at, UTC) if at else None
