"""What there is to tell people of now: read from certificates, guards and egresses as they stand."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from relay.compose.relay.build import Built
from relay.compose.relay.rotation import Rotation, Shown
from relay.compose.relay.ways import card_of, number_in
from relay.mail.diary import Concern, Well
from relay.observe.history import History, Refused
from relay.people.matter import Facts, Matter
from relay.tenant.routing import Route
from relay.upstream.book import Book, moment
from relay.upstream.expiry import BY_MAIL, mark
from relay.upstream.guard import State
from relay.upstream.proof import Footing
from relay.upstream.proof import State as Proven

# A guard holds for the one or the other.
_HELD = (Matter.ADDRESS_OR_BLOCKED, Matter.BLOCKED)

# Seconds. Workers tell of a refused call a moment after the guard knows, and the letter is worth more with that in it.
_TOLD_WITHIN = 3.0


def concerns(
    built: Built, rotations: Mapping[str, Rotation], ways: Mapping[str, Shown], history: History, at: datetime
) -> Iterator[Concern | Well]:
    """Yield everything that is the matter at this moment, and what is known not to be."""
    book = built.guardroom.book()
    for name, rotation in rotations.items():
        here = _Here(built=built, rotation=rotation, facts=rotation.facts(at))
        yield from here.end_of_certificate()
        yield from here.held(book, history)
        yield from here.stopped(book)
        yield from here.seen_elsewhere(ways[name].footings)
        yield from here.not_registered(ways[name].footings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Here:
    """One way out, and what is known of it whatever is the matter."""

    built: Built
    rotation: Rotation
    facts: Facts

    def end_of_certificate(self) -> Iterator[Concern]:
        """Nobody need renew what is renewed: the certificate that ends last counts, in force or waiting for it."""
        if self.rotation.in_force is None:
            return
        last = max(self.rotation.has, key=lambda passport: passport.not_after)
        reached = mark(last.not_after, self.facts.at, BY_MAIL)
        if reached is not None:
            facts = replace(self.facts, serial=last.serial, not_after=last.not_after)
            yield self._concern(Matter.CERTIFICATE_EXPIRING, "", f"{last.fingerprint}:{reached}", facts)

    def held(self, book: Book, history: History) -> Iterator[Concern | Well]:
        way = self.rotation.way
        for egress in way.egresses:
            guard = book.guards[way.name, egress.text]
            last = history.last_of(way.name, egress.text)
            if last is None and 0 <= self.facts.at.timestamp() - guard.since < _TOLD_WITHIN:
                continue
            now = None
            if guard.state is not State.PASSING:
                now = Matter.BLOCKED if book.stopped(way.name) else Matter.ADDRESS_OR_BLOCKED
                last_good = moment(book.last_good[way.name, egress.text])
                facts = replace(self.facts, egress=egress.text, last_good=last_good)
                yield self._concern(now, egress.text, "held", _of_the_last(facts, last, self._routes))
            yield from (self._well(matter, egress.text) for matter in _HELD if matter is not now)

    def stopped(self, book: Book) -> Iterator[Concern | Well]:
        way = self.rotation.way
        for route in self._routes:
            if (since := book.stops.get((way.name, route.name))) is None:
                yield self._well(Matter.QUOTA, route.name)
            else:
                at = moment(since) or self.facts.at
                facts = replace(self.facts, at=at, service=route.name, host=route.host, phrase="429")
                yield self._concern(Matter.QUOTA, route.name, "stopped", facts)

    def seen_elsewhere(self, footings: Sequence[Footing]) -> Iterator[Concern | Well]:
        """The letter says that nothing is sent, so it is for where that is so."""
        for egress, footing in zip(self.rotation.way.egresses, footings, strict=False):
            if footing.state is Proven.PROVEN:
                yield self._well(Matter.EGRESS_OUT, egress.text)
            elif footing.seen_as is not None and not footing.usable:
                seen_as = str(footing.seen_as)
                facts = replace(self.facts, egress=egress.text, seen_as=seen_as)
                yield self._concern(Matter.EGRESS_OUT, egress.text, seen_as, facts)

    def not_registered(self, footings: Sequence[Footing]) -> Iterator[Concern | Well]:
        """What a registry says, where one is asked; whether calls are sent all the same makes no difference to it."""
        for egress, footing in zip(self.rotation.way.egresses, footings, strict=False):
            if footing.registered:
                yield self._well(Matter.ADDRESS_NOT_REGISTERED, egress.text)
            elif footing.registered is not None:
                facts = replace(self.facts, egress=egress.text)
                yield self._concern(Matter.ADDRESS_NOT_REGISTERED, egress.text, "not_registered", facts)

    @property
    def _routes(self) -> list[Route]:
        way = self.rotation.way
        return [route for route in self.built.tenants[way.tenant].tenant.routes if route.way == way.name]

    def _concern(self, matter: Matter, place: str, token: str, facts: Facts) -> Concern:
        way = self.rotation.way
        card = card_of(way, number_in(self.rotation.in_force))
        where = f"{way.name} {place}".strip()
        return Concern(tenant=way.tenant, matter=matter, place=where, token=token, card=card, facts=facts)

    def _well(self, matter: Matter, place: str) -> Well:
        way = self.rotation.way
        return Well(tenant=way.tenant, matter=matter, place=f"{way.name} {place}")


def _of_the_last(facts: Facts, last: Refused | None, routes: Iterable[Route]) -> Facts:
    """Return the facts with those of the call that was refused last, if it is known: by it VECOZO finds it."""
    if last is None or last.cause not in _HELD:
        return facts
    hosts = {route.name: route.host for route in routes}
    return replace(
        facts,
        at=last.at,
        service=last.route,
        host=hosts.get(last.route, ""),
        phrase=f"{last.status} {last.reason}",
        trace_ids=(last.trace,) if last.trace else (),
    )
