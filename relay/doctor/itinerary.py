"""The ways out as the settings name them: each with its certificate, or what is wrong with it, addresses and routes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from relay.compose.relay.build import egresses_of, tenant_of
from relay.compose.relay.ways import build_ways
from relay.settings.card import Card
from relay.settings.relay import RelaySettings
from relay.settings.words import Environment
from relay.tenant.routing import Route
from relay.upstream.egress import Egress
from relay.upstream.passport import Passport
from relay.x509.identity import identify

Place = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way out. `passport` is there unless `fault`, a key of the settings and what is wrong there, says why not.

    `number` is the user number in the certificate, if it has one; `file` is where it is kept.
    """

    name: str
    tenant: str
    card: Card
    environment: Environment
    passport: Passport | None
    number: str | None
    fault: tuple[str, str] | None
    file: Path
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


def ways_of(settings: RelaySettings, at: datetime) -> Iterator[Way]:
    """Yield every way out, with its certificate as it would be used at `at`."""
    tenants = [(tenant_of(name, tenant), egresses_of(tenant)) for name, tenant in settings.tenants.items()]
    routes = {tenant.name: list(tenant.routes) for tenant, _ in tenants}
    for built in build_ways(settings, tenants, at)[0].values():
        tenant = settings.tenants[built.tenant]
        number = _number(built.passport)
        yield Way(
            name=built.name,
            tenant=built.tenant,
            card=_card(tenant.card, number, of_a_family=built.name != built.tenant),
            environment=built.environment,
            passport=built.passport,
            number=number,
            fault=None if built.fault is None else (built.key_of(built.fault), built.fault.detail),
            file=built.current.files.file,
            egresses=built.egresses,
            routes=tuple(route for route in routes[built.tenant] if route.way == built.name),
            trust=tenant.trust,
        )


def _card(card: Card, number: str | None, *, of_a_family: bool) -> Card:
    """Return the card with the certificate's own number where it has none; a family's certificate has another."""
    return card.model_copy(update={"user_number": number}) if of_a_family or not card.user_number else card


def _number(passport: Passport | None) -> str | None:
    if passport is None or passport.papers is None:
        return None
    return identify(x509.load_pem_x509_certificates(passport.papers.chain.encode())[0]).user_number
