"""The ways out as the settings name them: each with its certificate, or what is wrong with it, addresses and routes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from relay.compose.relay.build import egresses_of, tenant_of
from relay.compose.relay.ways import BuiltWay, build_ways, card_of, number_in
from relay.settings.card import Card
from relay.settings.relay import RelaySettings
from relay.settings.words import Environment
from relay.tenant.routing import Route
from relay.upstream.egress import Egress
from relay.upstream.keeper import Lack
from relay.upstream.passport import Passport
from relay.x509.mistake import Mistake

Place = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way out. `passport` is there unless `fault`, a key of the settings and what is wrong there, says why not, and
    `mistake` what was done wrong with the file, if that is known.

    `unfit` says that the certificate as it is kept is at fault, and not the way to it. `number` is the user number in
    the certificate, if it has one; `place` is where it is kept.
    """

    name: str
    tenant: str
    card: Card
    environment: Environment
    passport: Passport | None
    number: str | None
    fault: tuple[str, str] | None
    mistake: Mistake | None
    unfit: bool
    place: str
    egresses: tuple[Egress, ...]
    routes: tuple[Route, ...]
    trust: Path | None

    @property
    def places(self) -> Mapping[Place, list[Route]]:
        """Where its routes lead, each place once, those that VECOZO itself states first."""
        places: dict[Place, list[Route]] = {}
        for route in sorted(self.routes, key=lambda route: not route.verified):
            places.setdefault((route.host, route.port), []).append(route)
        return places


def built_ways(settings: RelaySettings, at: datetime) -> Mapping[str, BuiltWay]:
    """Return every way out as the relay would build it."""
    tenants = [(tenant_of(name, tenant), egresses_of(tenant)) for name, tenant in settings.tenants.items()]
    return build_ways(settings, tenants, at)[0]


def ways_of(settings: RelaySettings, ways: Mapping[str, BuiltWay]) -> Iterator[Way]:
    """Yield every way out that was built, with its routes and the card of its tenant."""
    routes = {name: list(tenant_of(name, tenant).routes) for name, tenant in settings.tenants.items()}
    for built in ways.values():
        tenant = settings.tenants[built.tenant]
        number = number_in(built.passport)
        yield Way(
            name=built.name,
            tenant=built.tenant,
            card=card_of(built, number),
            environment=built.environment,
            passport=built.passport,
            number=number,
            fault=None if built.fault is None else (built.key_of(built.fault), built.fault.detail),
            mistake=built.fault.mistake if built.fault else None,
            unfit=built.fault is not None and built.fault.lack is Lack.UNFIT,
            place=str(built.current.kept.keeper),
            egresses=built.egresses,
            routes=tuple(route for route in routes[built.tenant] if route.way == built.name),
            trust=tenant.trust,
        )
