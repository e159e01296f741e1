"""The relay, put together: settings in, everything built and every fault told, then run until it is told to stop."""

import asyncio
import importlib.util
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Final

from structlog.typing import FilteringBoundLogger

from relay.auth.api_key import ApiKeys
from relay.auth.caller import Caller
from relay.errors import RelayError, SettingsFault
from relay.front.listener import Listener
from relay.gateway.admission import Admission, Hosts
from relay.gateway.gateway import Gateway
from relay.gateway.journey import Road
from relay.observe.exchange import Journals
from relay.observe.log import ExchangeLog, make_logger
from relay.observe.metrics import Metrics
from relay.ops.app import Readiness, make_app
from relay.settings.relay import RelaySettings
from relay.settings.relay import Tenant as TenantSettings
from relay.tenant.directory import Directory, Tenant
from relay.tenant.routing import Route, RouteTable
from relay.tenant.vecozo import vecozo_routes
from relay.upstream.certificate import CertificateFault, CertificateFile
from relay.upstream.door import Door
from relay.upstream.egress import Egress
from relay.upstream.passport import Passport
from relay.upstream.transport import Patience
from relay.upstream.watch import CertificateWatch
from relay.wire.server import Listening, serving
from relay.x509.context import TlsFileFault, load_trust, server_context
from relay.x509.names import names_of

# A changed certificate file is in force within this and the time it takes to open it. Seconds.
_LOOK_EVERY: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltTenant:
    """A tenant whose certificate opens and whose egress address is here."""

    tenant: Tenant
    files: CertificateFile
    passport: Passport
    egress: Egress


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """Everything that can be made without listening or calling."""

    settings: RelaySettings
    context: ssl.SSLContext
    hosts: Hosts
    tenants: dict[str, BuiltTenant]


# -- build ---------------------------------------------------------------------------------------------------


def build(settings: RelaySettings, at: datetime) -> Built:
    """Return everything made from `settings`, or raise SettingsFault with every fault there is."""
    faults = list(_loop_faults(settings))
    tenants: dict[str, BuiltTenant] = {}
    for name, tenant in settings.tenants.items():
        try:
            tenants[name] = _build_tenant(name, tenant, at)
        except SettingsFault as fault:
            faults += fault.faults
    try:
        context, hosts = _build_listener(settings)
    except SettingsFault as fault:
        faults += fault.faults
    if faults:
        raise SettingsFault(faults)
    return Built(settings=settings, context=context, hosts=hosts, tenants=tenants)


def _loop_faults(settings: RelaySettings) -> Iterator[tuple[str, str]]:
    if settings.loop == "uvloop" and importlib.util.find_spec("uvloop") is None:
        yield "loop", 'uvloop is not installed; install it, or set loop = "asyncio" (six times the memory per call)'


def _build_listener(settings: RelaySettings) -> tuple[ssl.SSLContext, Hosts]:
    listen = settings.listen
    try:
        context = server_context(listen.certificate, listen.key)
        names = frozenset(listen.names) or names_of(load_trust(listen.certificate)[0])
    except TlsFileFault as fault:
        raise SettingsFault([("listen.certificate", fault.detail)]) from None
    if not names:
        raise SettingsFault([("listen.names", "the server certificate has no names in it; give the relay's host name")])
    return context, Hosts(names)


def _build_tenant(name: str, settings: TenantSettings, at: datetime) -> BuiltTenant:
    faults: list[tuple[str, str]] = []
    files = _certificate_file(settings)
    egress = Egress(settings.egress.source_address, settings.egress.seen_as)
    routes = [*_own_routes(settings), *(vecozo_routes(settings.environment) if settings.preset else ())]
    faults += _route_faults(name, routes)
    try:
        egress.socket().close()
    except RelayError as error:
        remedy = "`ip -4 address` lists those it has; behind NAT give the private one, and the other as public_address"
        faults.append((f"tenants.{name}.egress.source_address", f"{error.detail}; {remedy}"))
    try:
        passport = files.passport(at)
    except CertificateFault as fault:
        faults.append((f"tenants.{name}.{fault.key}", fault.detail))
    if faults:
        raise SettingsFault(faults)
    return BuiltTenant(tenant=Tenant(name, RouteTable(routes)), files=files, passport=passport, egress=egress)


def _certificate_file(settings: TenantSettings) -> CertificateFile:
    certificate = settings.certificate
    return CertificateFile(
        file=certificate.file,
        password_file=certificate.password_file,
        password=certificate.password.get_secret_value() if certificate.password else None,
        trust=settings.trust,
    )


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
    taken: dict[bytes, str] = {}
    for route in routes:
        other = taken.setdefault(route.prefix, route.name)
        if other != route.name:
            yield f"tenants.{name}.routes", f"{route.name} and {other} have the same prefix {route.prefix.decode()}"


# -- run -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Running:
    """A relay that takes calls: where callers connect, where the operator looks."""

    port: int
    operator: Listening


class _CertificateNews:
    """Tells log and metrics what became of a certificate file that changed."""

    def __init__(self, tenant: str, logger: FilteringBoundLogger, metrics: Metrics) -> None:
        self._tenant = tenant
        self._logger = logger
        self._metrics = metrics
        self._key = f"tenants.{tenant}"

    def taken(self, passport: Passport) -> None:
        self._metrics.certificate(self._tenant, passport.not_after)
        self._metrics.reloaded(self._tenant, taken=True)
        self._logger.info(
            "certificate_taken",
            tenant=self._tenant,
            certificate=passport.serial,
            not_after=passport.not_after.isoformat(),
        )

    def refused(self, fault: CertificateFault) -> None:
        self._metrics.reloaded(self._tenant, taken=False)
        self._logger.error("certificate_refused", key=f"{self._key}.{fault.key}", detail=fault.detail)


@asynccontextmanager
async def running(built: Built, out: BinaryIO) -> AsyncIterator[Running]:
    """Run the relay for as long as the block lasts, then drain it: ready off, calls in progress end.

    `out` gets the log, a line of JSON for each exchange and each event.
    """
    settings, logger, metrics = built.settings, make_logger(out), Metrics()
    readiness = Readiness()
    doors = {name: _door(name, tenant, settings, metrics) for name, tenant in built.tenants.items()}
    gateway = _gateway(built, doors, Journals((metrics, ExchangeLog(out))), logger)
    listener = Listener(gateway, built.context, handshake_seconds=settings.deadlines.tls)
    metrics.watch(readiness=lambda: readiness.ready, in_progress=lambda: listener.in_progress)
    operator = settings.operator
    app = make_app(readiness, metrics.registry)
    async with (
        serving(app, str(operator.address), operator.port, key="operator") as operating,
        asyncio.TaskGroup() as group,
    ):
        await listener.listen(str(settings.listen.address), settings.listen.port)
        watching = [group.create_task(_watch(name, built, doors, logger, metrics)) for name in built.tenants]
        readiness.on()
        logger.info("ready", port=listener.port, operator=operating.port, tenants=sorted(built.tenants))
        try:
            yield Running(listener.port, operating)
        finally:
            await _drain(readiness, listener, settings, logger)
            for task in watching:
                task.cancel()
            for door in doors.values():
                door.close()


def _door(name: str, built: BuiltTenant, settings: RelaySettings, metrics: Metrics) -> Door:
    deadlines = settings.deadlines
    patience = Patience(connect=deadlines.connect, tls=deadlines.tls, idle=deadlines.idle)
    metrics.certificate(name, built.passport.not_after)
    return Door(built.passport, built.egress, patience, metrics.connections_of(name))


def _gateway(built: Built, doors: dict[str, Door], journal: Journals, logger: FilteringBoundLogger) -> Gateway:
    settings = built.settings
    admission = Admission(
        authenticator=ApiKeys(dict(_keys(settings))),
        directory=Directory({name: tenant.tenant for name, tenant in built.tenants.items()}),
        hosts=built.hosts,
        max_body=settings.listen.max_body,
    )
    road = Road(
        admission=admission,
        upstreams=doors,
        pseudonym=settings.pseudonym,
        total=settings.deadlines.total,
        first_byte=settings.deadlines.first_byte,
    )

    def alarm(request_id: str, error: Exception) -> None:
        # Only where and what kind: the text of a foreign error may quote what it choked on.
        place = error.__traceback__
        while place and place.tb_next:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_qualname}:{place.tb_lineno}" if place else ""
        logger.error("internal_fault", id=request_id, kind=type(error).__name__, where=where)

    return Gateway(road, journal, now=lambda: datetime.now(UTC), alarm=alarm)


def _keys(settings: RelaySettings) -> Iterator[tuple[str, tuple[str, Caller]]]:
    for name, client in settings.clients.items():
        caller = Caller(name, frozenset(client.tenants), "api_key", faults_as_500=client.soap_faults == "500")
        for key in client.api_keys:
            yield key.id, (key.digest, caller)


async def _watch(
    name: str, built: Built, doors: dict[str, Door], logger: FilteringBoundLogger, metrics: Metrics
) -> None:
    news = _CertificateNews(name, logger, metrics)
    watch = CertificateWatch(built.tenants[name].files, doors[name], news, now=lambda: datetime.now(UTC))
    await watch.keep_looking(_LOOK_EVERY)


async def _drain(
    readiness: Readiness, listener: Listener, settings: RelaySettings, logger: FilteringBoundLogger
) -> None:
    readiness.off("draining")
    logger.info("draining", notice=settings.deadlines.drain_notice, in_progress=listener.in_progress)
    await asyncio.sleep(settings.deadlines.drain_notice)
    ended = await listener.drain(settings.deadlines.drain)
    logger.info("drained", all_ended=ended)
