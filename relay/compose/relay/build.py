"""Build: everything that can be made without listening or calling, and every fault in it at once."""

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from relay.auth.client_trust import ClientTrust, ClientTrustFault, ClientTrustFiles
from relay.compose.relay.callers import BuiltCallers, build_callers, tags_of
from relay.compose.relay.directories import BuiltDirectory, build_directories
from relay.compose.relay.guards import guardroom
from relay.compose.relay.registered import Entry, build_entries
from relay.compose.relay.settings import SettingsFile
from relay.compose.relay.ways import BuiltWay, build_ways
from relay.errors import RelayError, SettingsFault
from relay.front.certificate import ServerCertificate, ServerFiles
from relay.gateway.admission import Hosts
from relay.gateway.common_count import RedisCount
from relay.gateway.meter import MeterRoom
from relay.gateway.shares import CommonCount
from relay.mail.server import MailFault, MailServer
from relay.settings.client import Client
from relay.settings.relay import RelaySettings
from relay.settings.relay import Tenant as TenantSettings
from relay.settings.secret import SecretFault
from relay.settings.words import Family
from relay.tenant.directory import Tenant
from relay.tenant.routing import Route, RouteTable
from relay.tenant.vecozo import vecozo_routes
from relay.tenant.ways import with_ways
from relay.upstream.egress import Egress
from relay.upstream.guardroom import Guardroom
from relay.upstream.witness import UrlWitness, Witness
from relay.x509.any_client import AnyClientImpossible
from relay.x509.context import TlsFileFault, client_context
from relay.x509.tickets import new_ticket_keys
from relay.x509.watch import Stamp

_MAIL_PORTS: Final = {"starttls": 587, "implicit": 465, "none": 25}


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltTenant:
    """A tenant of whose egress addresses one at least is here."""

    tenant: Tenant
    egresses: tuple[Egress, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltListener:
    """A server certificate that can be shown, and the keys of its session tickets: the same in every worker."""

    files: ServerFiles
    stamp: Stamp
    certificate: ServerCertificate
    ticket_keys: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltTrust:
    """Whose client certificates count."""

    files: ClientTrustFiles
    stamp: Stamp
    trust: ClientTrust


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """Everything that can be made without listening or calling; `file` is where the settings came from, if from one.

    Some of the `ways` may be closed, for want of a certificate that can be used; never all of them. `entries` has one
    for each way whose addresses a registry is asked about.
    """

    settings: RelaySettings
    file: SettingsFile | None
    listener: BuiltListener
    hosts: Hosts
    tenants: dict[str, BuiltTenant]
    ways: dict[str, BuiltWay]
    trust: BuiltTrust
    callers: BuiltCallers
    directories: Sequence[BuiltDirectory]
    guardroom: Guardroom
    meter_room: MeterRoom
    common: CommonCount | None
    witnesses: tuple[Witness, ...]
    mail: MailServer | None
    entries: dict[str, Entry]

    @property
    def closed(self) -> list[tuple[str, str]]:
        """What is wrong with system certificates, each told once: it may keep ways closed."""
        return list(dict.fromkeys(each for way in self.ways.values() for each in way.told))


def build(settings: RelaySettings, at: datetime, file: SettingsFile | None = None) -> Built:
    """Return everything made from `settings`, read from `file`, or raise SettingsFault with every fault there is.

    A certificate that cannot be used closes its way and is no reason not to start, unless all are closed until somebody
    mends something: a vault that does not answer may do so later.
    """
    faults = list(_loop_faults(settings))
    tenants: dict[str, BuiltTenant] = {}
    for name, tenant in settings.tenants.items():
        built, found = _build_tenant(name, tenant)
        tenants[name] = built
        faults += found
    ways, found = build_ways(settings, [(tenant.tenant, tenant.egresses) for tenant in tenants.values()], at)
    faults += found
    closed = list(dict.fromkeys(each for way in ways.values() for each in way.told))
    all_closed = all(way.hopeless for way in ways.values())
    with _gathered(faults):
        listener, hosts = build_listener(settings)
    with _gathered(faults):
        trust = _build_trust(settings)
    with _gathered(faults):
        callers = callers_of(settings, settings.clients)
    with _gathered(faults):
        directories = build_directories(settings.directories)
    with _gathered(faults):
        room = _build_guardroom(settings, tenants, ways, at)
    with _gathered(faults):
        witnesses = build_witnesses(settings)
    with _gathered(faults):
        mail = build_mail(settings)
    with _gathered(faults):
        entries = build_entries(settings, ways)
    with _gathered(faults):
        common = build_count(settings)
    if faults or all_closed:
        raise SettingsFault(faults + closed)
    return Built(
        settings=settings,
        file=file,
        listener=listener,
        hosts=hosts,
        tenants=tenants,
        ways=ways,
        trust=trust,
        callers=callers,
        directories=directories,
        guardroom=room,
        meter_room=MeterRoom(alone=settings.workers == 1),
        common=common,
        witnesses=witnesses,
        mail=mail,
        entries=entries,
    )


def callers_of(settings: RelaySettings, clients: Mapping[str, Client]) -> BuiltCallers:
    """Return these clients of the settings as they are known, with policies that name routes. Raises SettingsFault."""
    faults = list(_policy_faults(settings))
    with _gathered(faults):
        callers = build_callers(clients, tags_of(settings))
    if faults:
        raise SettingsFault(faults)
    return callers


def _policy_faults(settings: RelaySettings) -> Iterator[tuple[str, str]]:
    for name, client in settings.clients.items():
        bound = [settings.tenants[each] for each in client.tenants if each in settings.tenants]
        known = {word for tenant in bound for route in routes_of(tenant) for word in (route.name, route.family.value)}
        for each in (client.policy and client.policy.routes) or ():
            if each not in known:
                fault = f"{each} is no route of its tenants, nor a family of them; `relay check` lists the routes"
                yield f"clients.{name}.policy.routes", fault


@contextmanager
def _gathered(faults: list[tuple[str, str]]) -> Iterator[None]:
    """Add what the block finds wrong, so that the next one is looked at all the same."""
    try:
        yield
    except SettingsFault as fault:
        faults += fault.faults


def _build_guardroom(
    settings: RelaySettings, tenants: dict[str, BuiltTenant], ways: dict[str, BuiltWay], at: datetime
) -> Guardroom:
    places = [(name, egress.text) for name, way in ways.items() for egress in way.egresses]
    routes = sum(len(list(tenant.tenant.routes)) for tenant in tenants.values())
    return guardroom(settings, places, routes, at)


def _loop_faults(settings: RelaySettings) -> Iterator[tuple[str, str]]:
    if settings.loop == "uvloop" and importlib.util.find_spec("uvloop") is None:
        yield "loop", 'uvloop is not installed; install it, or set loop = "asyncio" (more processor time for each call)'


def build_listener(settings: RelaySettings) -> tuple[BuiltListener, Hosts]:
    """Return what callers are shown, and the names that they come by. Raises SettingsFault."""
    listen = settings.listen
    files = ServerFiles(certificate=listen.certificate, key=listen.key, asks=settings.asks_for_certificates)
    try:
        stamp = files.stamp()  # before reading: what changes meanwhile is then looked at again
        certificate = files.read()
    except TlsFileFault as fault:
        raise SettingsFault([("listen.certificate", fault.detail)]) from None
    except AnyClientImpossible as fault:
        raise SettingsFault([("clients", f"callers cannot be asked for certificates here: {fault}")]) from None
    names = frozenset(listen.names) or certificate.names
    if not names:
        raise SettingsFault([("listen.names", "the server certificate has no names in it; give the relay's host name")])
    listener = BuiltListener(files=files, stamp=stamp, certificate=certificate, ticket_keys=new_ticket_keys())
    return listener, Hosts(names)


def _build_trust(settings: RelaySettings) -> BuiltTrust:
    listen = settings.listen
    files = ClientTrustFiles(authorities=listen.client_authorities, revocations=listen.client_revocations)
    stamp = files.stamp()  # before reading: what changes meanwhile is then looked at again
    try:
        trust = files.read()
    except ClientTrustFault as fault:
        raise SettingsFault([(fault.key, fault.detail)]) from None
    return BuiltTrust(files=files, stamp=stamp, trust=trust)


def build_witnesses(settings: RelaySettings) -> tuple[UrlWitness, ...]:
    """Return the witnesses of egress_proof. Raises SettingsFault."""
    witnesses, faults = list[UrlWitness](), list[tuple[str, str]]()
    for number, each in enumerate(settings.egress_proof.witnesses):
        try:
            context = client_context(None, trust=each.trust)
        except TlsFileFault as fault:
            faults.append((f"egress_proof.witnesses.{number}.trust", fault.detail))
        else:
            witnesses.append(UrlWitness(url=each.url, gate=each.gate, context=context))
    if faults:
        raise SettingsFault(faults)
    return tuple(witnesses)


def build_count(settings: RelaySettings) -> CommonCount | None:
    """Return where all relays count, None where each counts for itself. Raises SettingsFault."""
    shared, faults = settings.shared, list[tuple[str, str]]()
    if shared is None:
        return None
    password: str | None = None
    try:
        password = shared.secret()
    except SecretFault as fault:
        faults.append(("shared.password_file", fault.detail))
    try:
        if shared.trust is not None:
            client_context(None, trust=shared.trust)
    except TlsFileFault as fault:
        faults.append(("shared.trust", fault.detail))
    if faults:
        raise SettingsFault(faults)
    return RedisCount(shared.url, password=password, trust=shared.trust)


def build_mail(settings: RelaySettings) -> MailServer | None:
    """Return the server that mails go out by, None where there is to be none. Raises SettingsFault."""
    mail, faults, context = settings.mail, list[tuple[str, str]](), None
    if mail is None:
        return None
    if mail.tls != "none":
        try:
            context = client_context(None, trust=mail.trust)
            context.set_alpn_protocols([])  # it asks for HTTP, which a mail server may rightly hang up on
        except TlsFileFault as fault:
            faults.append(("mail.trust", fault.detail))
    server = MailServer(
        host=mail.host,
        port=mail.port or _MAIL_PORTS[mail.tls],
        sender=mail.sender,
        context=context,
        implicit=mail.tls == "implicit",
        user=mail.user,
        password_file=mail.password_file,
        password=mail.password.get_secret_value() if mail.password else None,
    )
    try:
        server.secret()
    except MailFault as missing:
        faults.append((missing.key, missing.detail))
    if faults:
        raise SettingsFault(faults)
    return server


def _build_tenant(name: str, settings: TenantSettings) -> tuple[BuiltTenant, list[tuple[str, str]]]:
    """Return the tenant, and what is wrong with it."""
    egresses = egresses_of(settings)
    routes = routes_of(settings)
    faults = list(_route_faults(name, routes))
    faults += (
        (f"tenants.{name}.certificates.{family}", f'no route of this tenant has family = "{family}"')
        for family in set(settings.certificates) - {route.family for route in routes}
    )
    faults += _rewriting_faults(name, settings, routes)
    faults += _egress_faults(name, egresses)
    return BuiltTenant(tenant=tenant_of(name, settings), egresses=egresses), faults


def tenant_of(name: str, settings: TenantSettings) -> Tenant:
    """Return the tenant, whose routes know their ways out."""
    table = RouteTable(with_ways(routes_of(settings), name, settings.certificates))
    return Tenant(name, table, settings.card.paused or "")


def egresses_of(settings: TenantSettings) -> tuple[Egress, ...]:
    """Return the addresses that a tenant's calls leave from, the one to prefer first."""
    return tuple(Egress(each.source_address, each.seen_as) for each in settings.egress)


def _egress_faults(name: str, egresses: tuple[Egress, ...]) -> list[tuple[str, str]]:
    """Return what is wrong with each, when no address is here: a relay that has one left must still start."""
    remedy = "`ip -4 address` lists those it has; behind NAT give the private one, and the other as public_address"
    faults = list[tuple[str, str]]()
    for number, egress in enumerate(egresses):
        try:
            egress.socket().close()
        except RelayError as error:
            place = "egress" if len(egresses) == 1 else f"egress.{number}"
            faults.append((f"tenants.{name}.{place}.source_address", f"{error.detail}; {remedy}"))
    return faults if len(faults) == len(egresses) else []


def routes_of(settings: TenantSettings) -> list[Route]:
    """Return a tenant's routes, its own before the preset's."""
    routes = [*_own_routes(settings), *(vecozo_routes(settings.environment) if settings.preset else ())]
    return [replace(route, rewrites_urls=route.name in settings.rewrite_payload_urls) for route in routes]


def _own_routes(settings: TenantSettings) -> Iterator[Route]:
    for own in settings.routes:
        host, port = own.place
        yield Route(
            name=own.name,
            prefix=own.prefix.encode(),
            host=host,
            port=port,
            environment=settings.environment,
            family=own.family,
            wording=own.wording,
            repeatable=own.repeatable,
        )


def _route_faults(name: str, routes: list[Route]) -> Iterator[tuple[str, str]]:
    """Yield the routes of one's own that have the prefix or the name of another, such as one of the preset's."""
    taken: dict[bytes, str] = {}
    names: set[str] = set()
    for route in routes:
        if other := taken.get(route.prefix):
            yield f"tenants.{name}.routes", f"{route.name} and {other} have the same prefix {route.prefix.decode()}"
        if route.name in names:
            yield f"tenants.{name}.routes", f"{route.name} is the name of two routes; rename yours"
        taken[route.prefix] = route.name
        names.add(route.name)


def _rewriting_faults(name: str, settings: TenantSettings, routes: list[Route]) -> Iterator[tuple[str, str]]:
    families = {route.name: route.family for route in routes}
    for each in settings.rewrite_payload_urls:
        if families.get(each) is not Family.MESSAGES:
            fault = f"{each} is no route of family messages; `relay check` lists the routes"
            yield f"tenants.{name}.rewrite_payload_urls", fault
