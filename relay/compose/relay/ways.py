"""Ways out, built: the system certificates of each, which of them is shown, or why none can be."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from cryptography import x509

from relay.errors import RouteUnknown
from relay.settings.card import Card
from relay.settings.relay import CertificateFile as CertificateSettings
from relay.settings.relay import Probe, RelaySettings
from relay.settings.words import Environment, Family
from relay.tenant.directory import Tenant
from relay.tenant.harmless import got, is_alive
from relay.tenant.ways import way_name
from relay.upstream.certificate import CertificateFault, CertificateFile
from relay.upstream.egress import Egress
from relay.upstream.orders import Orders, OrdersFault, OrdersFile, orders_of
from relay.upstream.passport import Passport
from relay.upstream.probe import Question
from relay.upstream.rotation import Choice, Generation, Order, Plan, choose
from relay.x509.fitness import Fitness
from relay.x509.identity import identify
from relay.x509.watch import Stamp

_AT_ONCE: Final = Plan(at=None, probed=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A certificate file, and the passport made of it or what is wrong with it. `stamp` is from before it was read."""

    files: CertificateFile
    stamp: Stamp
    passport: Passport | None
    fault: CertificateFault | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltWay:
    """A way out: the certificate in use, and the one that takes over from it, if any is meant to.

    It is closed while it has no `passport` to show; `fault` tells why. `question` is the relay's own probe, if it has
    one. Of a `paused` tenant nothing goes out, no probe either.
    """

    name: str
    tenant: str
    environment: Environment
    egresses: tuple[Egress, ...]
    other_egress: bool
    current: Loaded
    next: Loaded | None
    plan: Plan
    question: Question | None
    paused: bool
    order: Order | None
    at: datetime

    @property
    def choice(self) -> Choice:
        """Which certificate it shows at the start, and why."""
        following = self.next.passport if self.next else None
        return choose(self.current.passport, following, self.plan, order=self.order, proved=False, at=self.at)

    @property
    def passport(self) -> Passport | None:
        """What it shows at the start."""
        if self.choice.generation is Generation.NEXT and self.next is not None:
            return self.next.passport
        return self.current.passport

    @property
    def fault(self) -> CertificateFault | None:
        """Why it is closed at the start; None where it is open."""
        return self.current.fault if self.passport is None else None

    @property
    def told(self) -> Iterator[tuple[str, str]]:
        """What is wrong with its files, as faults of the settings are told. A next one need not be there yet."""
        for loaded in filter(None, (self.current, self.next)):
            fault = loaded.fault
            if fault is not None and not (fault.absent and loaded is self.next):
                yield self.key_of(fault), fault.detail

    def key_of(self, fault: CertificateFault) -> str:
        """Return the culprit's full name in the settings."""
        return f"tenants.{self.tenant}.{fault.key}"

    def told_to_callers(self, cause: str) -> str:
        """Return why it is closed, in words for callers."""
        return f"The system certificate of {self.name} cannot be used. {cause}"


def ways_of(settings: RelaySettings) -> dict[str, tuple[str, Family | None]]:
    """Return the names of all ways, each with its tenant and the family that it is for; None: all others."""
    return {
        way_name(name, family): (name, family) for name, tenant in settings.tenants.items() for family in tenant.ways
    }


def build_ways(
    settings: RelaySettings, tenants: Iterable[tuple[Tenant, tuple[Egress, ...]]], at: datetime
) -> tuple[dict[str, BuiltWay], list[tuple[str, str]]]:
    """Return all ways by name, those that cannot be used closed, and what is wrong besides."""
    faults: list[tuple[str, str]] = []
    orders: Orders = {}
    try:
        orders = OrdersFile(orders_of(settings.state)).read()
    except OrdersFault as fault:
        faults.append(("state", fault.detail))
    ways = []
    for tenant, egresses in tenants:
        for family, certificate in settings.tenants[tenant.name].ways.items():
            name = way_name(tenant.name, family)
            question = None
            try:
                question = _question(tenant, name, certificate.probe)
            except RouteUnknown as fault:
                faults.append((f"tenants.{tenant.name}.{key_of(family)}.probe", fault.detail))
            following = certificate.next
            ways.append(
                BuiltWay(
                    name=name,
                    tenant=tenant.name,
                    environment=settings.tenants[tenant.name].environment,
                    egresses=egresses,
                    other_egress=settings.tenants[tenant.name].other_egress,
                    current=_load(file_of(settings, tenant.name, family), at),
                    next=_load(next_file_of(settings, tenant.name, family), at) if following else None,
                    plan=Plan(at=following.at, probed=question is not None) if following else _AT_ONCE,
                    question=question,
                    paused=bool(tenant.paused),
                    order=orders.get(name),
                    at=at,
                )
            )
    return {way.name: way for way in _apart(ways)}, faults


def card_of(card: Card, way: BuiltWay, number: str | None) -> Card:
    """Return the card with the certificate's own `number` where it has none; a family's certificate has another."""
    of_a_family = way.name != way.tenant
    return card.model_copy(update={"user_number": number}) if of_a_family or not card.user_number else card


def number_in(passport: Passport | None) -> str | None:
    """Return the user number in a certificate, None where there is none."""
    if passport is None or passport.papers is None:
        return None
    return identify(x509.load_pem_x509_certificates(passport.papers.chain.encode())[0]).user_number


def key_of(family: Family | None) -> str:
    """Return the settings' name of a certificate below its tenant."""
    return "certificate" if family is None else f"certificates.{family}"


def file_of(settings: RelaySettings, tenant: str, family: Family | None) -> CertificateFile:
    """Return the file of the certificate in use."""
    return _file(settings, tenant, settings.tenants[tenant].ways[family], key_of(family))


def next_file_of(settings: RelaySettings, tenant: str, family: Family | None) -> CertificateFile:
    """Return the file of the certificate that takes over, which may come before its first day."""
    following = settings.tenants[tenant].ways[family].next
    assert following is not None  # noqa: S101  # asked for only where there is one
    return replace(_file(settings, tenant, following, f"{key_of(family)}.next"), early=True)


def _file(settings: RelaySettings, tenant: str, certificate: CertificateSettings, key: str) -> CertificateFile:
    of = settings.tenants[tenant]
    return CertificateFile(
        file=certificate.file,
        password_file=certificate.password_file,
        password=certificate.password.get_secret_value() if certificate.password else None,
        trust=of.trust,
        revocations=of.trust_revocations,
        fitness=Fitness(
            production=of.environment is Environment.PRODUCTION,
            test_words=frozenset(word.casefold() for word in settings.test_certificate_words),
            fingerprints=frozenset(certificate.fingerprints),
        ),
        key=key,
    )


def _load(files: CertificateFile, at: datetime) -> Loaded:
    stamp = files.stamp()  # before reading: what changes meanwhile is then looked at again
    try:
        return Loaded(files=files, stamp=stamp, passport=files.passport(at), fault=None)
    except CertificateFault as fault:
        return Loaded(files=files, stamp=stamp, passport=None, fault=fault)


def _question(tenant: Tenant, way: str, probe: Probe | None) -> Question | None:
    """Return what the relay itself asks through a way. Raises RouteUnknown."""
    if probe is None:
        return None
    route = tenant.routes.route_for(probe.path.partition("?")[0].encode())
    if route.way != way:
        raise RouteUnknown(f"route {route.name}, which has this path, goes out under another certificate")
    if probe.get is not None:
        return got(route, probe.get)
    if route.family is not Family.SOAP:
        raise RouteUnknown(f"route {route.name}, which has this path, leads to no SOAP service")
    return is_alive(route, probe.path)


def _apart(ways: list[BuiltWay]) -> Iterator[BuiltWay]:
    """Yield the ways, without certificates that ways of different environments have: which is right, nobody knows."""
    users: defaultdict[str, list[BuiltWay]] = defaultdict(list)
    for way in ways:
        for loaded in (way.current, way.next):
            if loaded is not None and loaded.passport is not None:
                users[loaded.passport.fingerprint].append(way)
    for way in ways:
        following = way.next and _alone(way, way.next, users)
        yield replace(way, current=_alone(way, way.current, users), next=following)


def _alone(way: BuiltWay, loaded: Loaded, users: Mapping[str, list[BuiltWay]]) -> Loaded:
    passport = loaded.passport
    sharers = users[passport.fingerprint] if passport else []
    other = next((other for other in sharers if other.environment is not way.environment), None)
    return loaded if other is None else replace(loaded, passport=None, fault=mixed(way, loaded.files, other))


def mixed(way: BuiltWay, files: CertificateFile, other: BuiltWay) -> CertificateFault:
    """Return what is wrong with a certificate that another way has in another environment."""
    cause = (
        f"This is the certificate of {other.name} in {other.environment}, and {way.name} is in {way.environment}: "
        "VECOZO gives each environment its own."
    )
    return CertificateFault(f"{files.key}.file", f"{files.file}: {cause}", cause=cause)
