"""Ways out, built: the system certificates of each, which of them is shown, or why none can be."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from cryptography import x509

from relay.errors import RouteUnknown
from relay.settings.card import Card
from relay.settings.relay import Probe, RelaySettings, StoredCertificate
from relay.settings.words import Environment, Family
from relay.tenant.directory import Tenant
from relay.tenant.harmless import got, is_alive
from relay.tenant.ways import way_name
from relay.upstream.aws import SecretsManager
from relay.upstream.azure import fetch_from_key_vault
from relay.upstream.certificate import CertificateFault, KeptCertificate
from relay.upstream.egress import Egress
from relay.upstream.keeper import File, Keeper, Lack, Vault
from relay.upstream.orders import Orders, OrdersFault, OrdersFile, orders_of
from relay.upstream.passport import Passport
from relay.upstream.probe import Question
from relay.upstream.rotation import Choice, Generation, Order, Plan, choose
from relay.x509.fitness import Fitness
from relay.x509.identity import identify
from relay.x509.watch import Stamp

_AT_ONCE: Final = Plan(at=None, probed=False)
# So many certificates are read at a time.
_SIDE_BY_SIDE: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A certificate as kept, and the passport made of it or what is wrong with it; `stamp` is from before reading."""

    kept: KeptCertificate
    stamp: Stamp
    passport: Passport | None
    fault: CertificateFault | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltWay:
    """A way out: the certificate in use, and the one that takes over from it, if any is meant to.

    It is closed while it has no `passport` to show; `fault` tells why. `question` is the relay's own probe, if it has
    one; `card` is its tenant's.
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
    card: Card
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
    def hopeless(self) -> bool:
        """Whether it can open only once somebody mends something."""
        return self.fault is not None and self.fault.lack is not Lack.UNREACHED

    @property
    def told(self) -> Iterator[tuple[str, str]]:
        """What is wrong with its certificates, as faults of the settings are told. A next one need not be there yet."""
        for loaded in filter(None, (self.current, self.next)):
            fault = loaded.fault
            if fault is not None and not (fault.lack is Lack.ABSENT and loaded is self.next):
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
    loaded = _load_all(settings, at)
    ways = []
    for tenant, egresses in tenants:
        of = settings.tenants[tenant.name]
        for family, certificate in of.ways.items():
            name, key = way_name(tenant.name, family), f"tenants.{tenant.name}.{key_of(family)}"
            question = None
            try:
                question = _question(tenant, name, certificate.probe)
            except RouteUnknown as fault:
                faults.append((f"{key}.probe", fault.detail))
            following = certificate.next
            ways.append(
                BuiltWay(
                    name=name,
                    tenant=tenant.name,
                    environment=of.environment,
                    egresses=egresses,
                    other_egress=of.other_egress,
                    current=loaded[key],
                    next=loaded.get(f"{key}.next"),
                    plan=Plan(at=following.at, probed=question is not None) if following else _AT_ONCE,
                    question=question,
                    card=of.card,
                    order=orders.get(name),
                    at=at,
                )
            )
    return {way.name: way for way in _apart(ways)}, faults


def card_of(way: BuiltWay, number: str | None) -> Card:
    """Return the tenant's card with the certificate's own `number` where it has none; a family's has another."""
    card, of_a_family = way.card, way.name != way.tenant
    return card.model_copy(update={"user_number": number}) if of_a_family or not card.user_number else card


def number_in(passport: Passport | None) -> str | None:
    """Return the user number in a certificate, None where there is none."""
    if passport is None or passport.papers is None:
        return None
    return identify(x509.load_pem_x509_certificates(passport.papers.chain.encode())[0]).user_number


def key_of(family: Family | None) -> str:
    """Return the settings' name of a certificate below its tenant."""
    return "certificate" if family is None else f"certificates.{family}"


def kept_of(settings: RelaySettings, tenant: str, family: Family | None) -> KeptCertificate:
    """Return where the certificate in use is kept."""
    return _kept(settings, tenant, settings.tenants[tenant].ways[family], key_of(family))


def next_kept_of(settings: RelaySettings, tenant: str, family: Family | None) -> KeptCertificate:
    """Return where the certificate that takes over is kept; it may come before its first day."""
    following = settings.tenants[tenant].ways[family].next
    assert following is not None  # noqa: S101  # asked for only where there is one
    return replace(_kept(settings, tenant, following, f"{key_of(family)}.next"), early=True)


def _kept(settings: RelaySettings, tenant: str, certificate: StoredCertificate, key: str) -> KeptCertificate:
    of = settings.tenants[tenant]
    return KeptCertificate(
        keeper=_keeper(certificate),
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


def _keeper(certificate: StoredCertificate) -> Keeper:
    if certificate.azure_secret is not None:
        return Vault("azure_secret", certificate.azure_secret, fetch_from_key_vault)
    if certificate.aws_secret is not None:
        return Vault("aws_secret", certificate.aws_secret, SecretsManager().fetch)
    assert certificate.file is not None  # noqa: S101  # the settings ask for one of the three
    return File(certificate.file)


def _load_all(settings: RelaySettings, at: datetime) -> dict[str, Loaded]:
    """Return all certificates by their full keys, read side by side: a vault that does not answer takes seconds."""
    kept: dict[str, KeptCertificate] = {}
    for name, tenant in settings.tenants.items():
        for family, certificate in tenant.ways.items():
            key = f"tenants.{name}.{key_of(family)}"
            kept[key] = kept_of(settings, name, family)
            if certificate.next is not None:
                kept[f"{key}.next"] = next_kept_of(settings, name, family)
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as readers:
        return dict(zip(kept, readers.map(partial(_load, at=at), kept.values()), strict=True))


def _load(kept: KeptCertificate, at: datetime) -> Loaded:
    stamp = kept.stamp()  # before reading: what changes meanwhile is then looked at again
    try:
        return Loaded(kept=kept, stamp=stamp, passport=kept.passport(at), fault=None)
    except CertificateFault as fault:
        return Loaded(kept=kept, stamp=stamp, passport=None, fault=fault)


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
    return loaded if other is None else replace(loaded, passport=None, fault=mixed(way, loaded.kept, other))


def mixed(way: BuiltWay, kept: KeptCertificate, other: BuiltWay) -> CertificateFault:
    """Return what is wrong with a certificate that another way has in another environment."""
    cause = (
        f"This is the certificate of {other.name} in {other.environment}, and {way.name} is in {way.environment}: "
        "VECOZO gives each environment its own."
    )
    return CertificateFault(kept.place, f"{kept.keeper}: {cause}", cause=cause, lack=Lack.UNFIT)
