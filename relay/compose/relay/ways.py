"""Ways out, built: the system certificate of each, or why it cannot be used."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from relay.settings.relay import Certificate, RelaySettings
from relay.settings.words import Environment, Family
from relay.tenant.ways import way_name
from relay.upstream.certificate import CertificateFault, CertificateFile
from relay.upstream.egress import Egress
from relay.upstream.passport import Passport
from relay.x509.fitness import Fitness
from relay.x509.watch import Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltWay:
    """A way out: the certificate file, and the passport made of it, or the fault that keeps this way closed."""

    name: str
    tenant: str
    environment: Environment
    egress: Egress
    files: CertificateFile
    stamp: Stamp
    passport: Passport | None
    fault: CertificateFault | None

    @property
    def told(self) -> list[tuple[str, str]]:
        """The fault as those of the settings are told; none where the way is open."""
        return [] if self.fault is None else [(self.key_of(self.fault), self.fault.detail)]

    def told_to_callers(self, cause: str) -> str:
        """Return why it is closed, in words for callers."""
        return f"The system certificate of {self.name} cannot be used. {cause}"

    def key_of(self, fault: CertificateFault) -> str:
        """Return the culprit's full name in the settings."""
        return f"tenants.{self.tenant}.{fault.key}"


def build_ways(settings: RelaySettings, egresses: dict[str, Egress], at: datetime) -> dict[str, BuiltWay]:
    """Return all ways of the tenants that have an egress, by name; those that cannot be used are closed."""
    ways = [
        _build(settings, tenant, family, certificate, egress, at)
        for tenant, egress in egresses.items()
        for family, certificate in settings.tenants[tenant].ways.items()
    ]
    return {way.name: way for way in _apart(ways)}


def _build(
    settings: RelaySettings, tenant: str, family: Family | None, certificate: Certificate, egress: Egress, at: datetime
) -> BuiltWay:
    files = certificate_file(settings, tenant, family, certificate)
    stamp = files.stamp()  # before reading: what changes meanwhile is then looked at again
    passport, fault = None, None
    try:
        passport = files.passport(at)
    except CertificateFault as found:
        fault = found
    return BuiltWay(
        name=way_name(tenant, family),
        tenant=tenant,
        environment=settings.tenants[tenant].environment,
        egress=egress,
        files=files,
        stamp=stamp,
        passport=passport,
        fault=fault,
    )


def certificate_file(
    settings: RelaySettings, tenant: str, family: Family | None, certificate: Certificate
) -> CertificateFile:
    """Return the file of one way's certificate, and what it has to be there."""
    of = settings.tenants[tenant]
    return CertificateFile(
        file=certificate.file,
        password_file=certificate.password_file,
        password=certificate.password.get_secret_value() if certificate.password else None,
        trust=of.trust,
        fitness=Fitness(
            production=of.environment is Environment.PRODUCTION,
            test_words=frozenset(word.casefold() for word in settings.test_certificate_words),
            fingerprints=frozenset(certificate.fingerprints),
        ),
        key="certificate" if family is None else f"certificates.{family}",
    )


def _apart(ways: Iterable[BuiltWay]) -> list[BuiltWay]:
    """Close the ways of different environments that have the same certificate: which of them is right, nobody knows."""
    ways = list(ways)
    users: defaultdict[str, list[BuiltWay]] = defaultdict(list)
    for way in ways:
        if way.passport is not None:
            users[way.passport.fingerprint].append(way)
    return [
        replace(way, passport=None, fault=mixed(way, others[0]))
        if way.passport is not None and (others := _elsewhere(way, users[way.passport.fingerprint]))
        else way
        for way in ways
    ]


def _elsewhere(way: BuiltWay, users: list[BuiltWay]) -> list[BuiltWay]:
    return [other for other in users if other.environment is not way.environment]


def mixed(way: BuiltWay, other: BuiltWay) -> CertificateFault:
    """Return what is wrong with a certificate that another way has in another environment."""
    cause = (
        f"This is the certificate of {other.name} in {other.environment}, and {way.name} is in {way.environment}: "
        "VECOZO gives each environment its own."
    )
    return CertificateFault(f"{way.files.key}.file", f"{way.files.file}: {cause}", cause=cause)
