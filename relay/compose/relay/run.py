"""Run: listen, watch the certificates, and at the end drain."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Final

from structlog.typing import FilteringBoundLogger

from relay.auth.api_key import ApiKeys
from relay.auth.caller import Caller
from relay.compose.relay.build import Built, BuiltTenant
from relay.compose.relay.reception import Reception, TurnedAway
from relay.front.arrival import Proxies
from relay.front.caps import Caps
from relay.front.listener import Listener
from relay.gateway.admission import Admission
from relay.gateway.gateway import Gateway
from relay.gateway.journey import Road
from relay.observe.exchange import Journals
from relay.observe.lines import Lines
from relay.observe.log import ExchangeLog, make_logger
from relay.observe.metrics import Metrics
from relay.ops.app import Readiness, make_app
from relay.settings.relay import RelaySettings
from relay.tenant.directory import Directory
from relay.upstream.certificate import CertificateFault
from relay.upstream.door import Door
from relay.upstream.passport import Passport
from relay.upstream.transport import Patience
from relay.upstream.watch import certificate_watch
from relay.wire.server import Listening, serving
from relay.x509.watch import Fault, FileWatch, Made

# A changed certificate file is in force within this and the time it takes to open it. Seconds.
_LOOK_EVERY: Final = 1.0
# How long one set of ticket keys seals; whoever resumes across a change shakes hands in full once. Seconds.
_ROTATE_EVERY: Final = 12 * 3600.0


@dataclass(frozen=True, slots=True)
class Running:
    """A relay that takes calls: where callers connect, where the operator looks, how callers are received."""

    port: int
    operator: Listening
    reception: Reception


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
        self.doubted(passport)
        self._logger.info(
            "certificate_taken",
            tenant=self._tenant,
            certificate=passport.serial,
            not_after=passport.not_after.isoformat(),
        )

    def doubted(self, passport: Passport) -> None:
        for doubt in passport.doubts:
            self._logger.warning("certificate_doubtful", tenant=self._tenant, detail=doubt)

    def refused(self, fault: CertificateFault) -> None:
        self._metrics.reloaded(self._tenant, taken=False)
        self._logger.error("certificate_refused", key=f"{self._key}.{fault.key}", detail=fault.detail)


@asynccontextmanager
async def running(built: Built, out: BinaryIO) -> AsyncIterator[Running]:
    """Run the relay for as long as the block lasts, then drain it: ready off, calls in progress end.

    `out` gets the log, a line of JSON for each exchange and each event.
    """
    lines = Lines(out)
    settings, logger, metrics = built.settings, make_logger(lines), Metrics()
    readiness = Readiness()
    doors = {name: _door(name, tenant, settings, metrics) for name, tenant in built.tenants.items()}
    gateway = _gateway(built, doors, Journals((metrics, ExchangeLog(lines))), logger)
    listener = _listener(gateway, built, TurnedAway(logger, metrics))
    reception = Reception(listener, built, logger, metrics)
    metrics.watch(readiness=lambda: readiness.ready, in_progress=lambda: listener.in_progress)
    operator = settings.operator
    app = make_app(readiness, metrics.registry)
    async with serving(app, str(operator.address), operator.port, key="operator") as operating:
        await listener.listen(str(settings.listen.address), settings.listen.port)
        watches = {name: _watch(name, built, doors, logger, metrics) for name in built.tenants}
        watching = [asyncio.create_task(_keep_looking(watch, name, logger)) for name, watch in watches.items()]
        watching += [
            asyncio.create_task(_keep_looking(reception.watch(now=lambda: datetime.now(UTC)), "", logger)),
            asyncio.create_task(reception.keep_rotating(_ROTATE_EVERY)),
        ]
        readiness.on()
        logger.info("ready", port=listener.port, operator=operating.port, tenants=sorted(built.tenants))
        try:
            yield Running(listener.port, operating, reception)
        finally:
            await _drain(readiness, listener, settings, logger)
            for task in watching:
                task.cancel()
            await asyncio.wait(watching)
            for door in doors.values():
                door.close()
            lines.flush()


def _door(name: str, built: BuiltTenant, settings: RelaySettings, metrics: Metrics) -> Door:
    deadlines = settings.deadlines
    patience = Patience(
        connect=deadlines.connect, tls=deadlines.tls, first_byte=deadlines.first_byte, idle=deadlines.idle
    )
    metrics.certificate(name, built.passport.not_after)
    return Door(built.passport, built.egress, patience, metrics.connections_of(name))


def _listener(gateway: Gateway, built: Built, usher: TurnedAway) -> Listener:
    listen = built.settings.listen
    return Listener(
        gateway,
        built.listener.certificate.context,
        handshake_seconds=built.settings.deadlines.tls,
        proxies=Proxies(listen.proxy_protocol_from),
        caps=Caps(listen.max_connections, listen.max_connections_per_address),
        usher=usher,
    )


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
        pseudonym=settings.pseudonym.encode(),
        total=settings.deadlines.total,
    )

    def alarm(request_id: str, error: Exception) -> None:
        logger.error("internal_fault", id=request_id, exc_info=error)

    return Gateway(road, journal, now=lambda: datetime.now(UTC), alarm=alarm)


def _keys(settings: RelaySettings) -> Iterator[tuple[str, tuple[str, Caller]]]:
    for name, client in settings.clients.items():
        caller = Caller(name, frozenset(client.tenants), "api_key", faults_as_500=client.soap_faults == "500")
        for key in client.api_keys:
            yield key.id, (key.digest, caller)


def _watch(
    name: str, built: Built, doors: dict[str, Door], logger: FilteringBoundLogger, metrics: Metrics
) -> FileWatch[Passport, CertificateFault]:
    news = _CertificateNews(name, logger, metrics)
    news.doubted(built.tenants[name].passport)
    tenant = built.tenants[name]
    return certificate_watch(tenant.files, doors[name], news, seen=tenant.stamp, now=lambda: datetime.now(UTC))


async def _keep_looking(watch: FileWatch[Made, Fault], tenant: str, logger: FilteringBoundLogger) -> None:
    while True:
        try:
            await watch.keep_looking(_LOOK_EVERY)
        except Exception as error:  # whatever it is, a renewed certificate must still be noticed
            logger.error("certificate_watch_failed", tenant=tenant, exc_info=error)
            await asyncio.sleep(_LOOK_EVERY)


async def _drain(
    readiness: Readiness, listener: Listener, settings: RelaySettings, logger: FilteringBoundLogger
) -> None:
    readiness.off("draining")
    logger.info("draining", notice=settings.deadlines.drain_notice, in_progress=listener.in_progress)
    await asyncio.sleep(settings.deadlines.drain_notice)
    ended = await listener.drain(settings.deadlines.drain)
    logger.info("drained", all_ended=ended)
