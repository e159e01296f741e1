"""The ways out as the settings name them: each with its certificate, or what is wrong with it, addresses and routes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from relay.compose.relay.build import routes_of
from relay.compose.relay.ways import file_of
from relay.compose.relay.ways import ways_of as names_of
from relay.settings.card import Card
from relay.settings.relay import RelaySettings
from relay.settings.words import Environment
from relay.tenant.routing import Route
from relay.tenant.ways import with_ways
from relay.upstream.certificate import CertificateFault
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
    for way, (name, family) in names_of(settings).items():
        tenant, files = settings.tenants[name], file_of(settings, name, family)
        passport, fault = None, None
        try:
            passport = files.passport(at)
        except CertificateFault as found:
            fault = (f"tenants.{name}.{found.key}", found.detail)
        number = _number(passport)
        routes = with_ways(routes_of(tenant), name, tenant.certificates)
        yield Way(
            name=way,
            tenant=name,
            card=_card(tenant.card, number, of_a_family=family is not None),
            environment=tenant.environment,
            passport=passport,
            number=number,
            fault=fault,
            file=files.file,
            egresses=tuple(Egress(each.source_address, each.seen_as) for each in tenant.egress),
            routes=tuple(route for route in routes if route.way == way),
            trust=tenant.trust,
        )


def _card(card: Card, number: str | None, *, of_a_family: bool) -> Card:
    """Return the card with the certificate's own number where it has none; a family's certificate has another."""
    return card.model_copy(update={"user_number": number}) if of_a_family or not card.user_number else card


def _number(passport: Passport | None) -> str | None:
    if passport is None or passport.papers is None:
        return None
    return identify(x509.load_pem_x509_certificates(passport.papers.chain.encode())[0]).user_number
