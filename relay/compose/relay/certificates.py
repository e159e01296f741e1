"""Watch the certificates, of all tenants and our own, and tell log and metrics what becomes of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from relay.auth.client_trust import ClientTrust, ClientTrustFault
from relay.compose.relay.build import Built, BuiltClientCertificates
from relay.compose.relay.ways import BuiltWay, mixed
from relay.front.certificate import ServerCertificate
from relay.observe.metrics import Metrics
from relay.upstream.certificate import CertificateFault
from relay.upstream.expiry import BY_MAIL, IN_LOG, Once, Reminder
from relay.upstream.passport import Passport
from relay.upstream.watch import certificate_watch
from relay.x509.context import TlsFileFault
from relay.x509.tickets import new_ticket_keys
from relay.x509.watch import Fault, FileWatch, Made

# A changed certificate file is in force within this and the time it takes to open it. Seconds.
_LOOK_EVERY: Final = 1.0
# How long one set of ticket keys seals; whoever resumes across a change shakes hands in full once. Seconds.
_ROTATE_EVERY: Final = 12 * 3600.0
# How often it is looked whether the end of a certificate is near. Seconds.
_AGE_EVERY: Final = 60.0
# From so many days before the end on, it is told as an error.
_URGENT: Final = 7

# Whoever mails the contacts of a tenant.
Remind = Callable[[Reminder], object]


def mailed_by_nobody(reminder: Reminder) -> None:
    """Take a reminder where there is nobody yet who mails: log and metrics tell the same."""


class Shown(Protocol):
    """One way out, in however many processes."""

    def renew(self, passport: Passport) -> None:
        """Use this certificate for every call from now on."""
        ...

    def closed(self, cause: str) -> None:
        """Tell this to whoever calls, as long as there is no certificate that can be used."""
        ...


class Received(Protocol):
    """However many processes receive callers: under which certificate, and with which keys for their tickets."""

    def use(self, certificate: ServerCertificate) -> None:
        """Show this certificate from now on."""
        ...

    def rotate(self, keys: bytes) -> None:
        """Seal tickets under these keys from now on."""
        ...

    def trust(self, trust: ClientTrust) -> None:
        """Judge callers' certificates by these authorities and revocations from now on."""
        ...


class _WayNews:
    """Has one way show what its certificate file holds, and tells log and metrics what becomes of it."""

    def __init__(
        self, way: BuiltWay, shown: Shown, logger: FilteringBoundLogger, metrics: Metrics, remind: Remind
    ) -> None:
        self._way = way
        self._shown = shown
        self._logger = logger
        self._metrics = metrics
        self._remind = remind
        self._in_log, self._by_mail = Once(IN_LOG), Once(BY_MAIL)
        self.in_force = way.passport

    def begin(self) -> None:
        """Tell how it stands at the start."""
        if self.in_force is None:
            self._metrics.closed(self._way.tenant, self._way.name)
        else:
            self._metrics.certificate(self._way.tenant, self._way.name, self.in_force.not_after)
            self._doubt(self.in_force)
        if self._way.fault is not None:
            self._tell(self._way.fault)

    def taken(self, passport: Passport) -> None:
        self.in_force = passport
        self._shown.renew(passport)
        self._metrics.certificate(self._way.tenant, self._way.name, passport.not_after)
        self._metrics.reloaded(self._way.tenant, self._way.name, taken=True)
        self._doubt(passport)
        self._logger.info(
            "certificate_taken",
            tenant=self._way.tenant,
            way=self._way.name,
            certificate=passport.serial,
            not_after=passport.not_after.isoformat(),
        )

    def refused(self, fault: CertificateFault) -> None:
        self._shown.closed(fault.cause)
        self._metrics.reloaded(self._way.tenant, self._way.name, taken=False)
        self._tell(fault)

    def age(self, at: datetime) -> None:
        """Tell of the end of the certificate in force, as it comes nearer."""
        passport = self.in_force
        if passport is None:
            return
        days = (passport.not_after - at).days
        if (within := self._in_log.reached(passport.fingerprint, passport.not_after, at)) is not None:
            tell = self._logger.error if within <= _URGENT else self._logger.warning
            tell(
                "certificate_expires" if within else "certificate_expired",
                tenant=self._way.tenant,
                way=self._way.name,
                certificate=passport.serial,
                not_after=passport.not_after.isoformat(),
                days=days,
                within=within,
                remedy="Renew it at VECOZO (user number and PIN are needed), and replace the file.",
            )
        if (within := self._by_mail.reached(passport.fingerprint, passport.not_after, at)) is not None:
            self._remind(
                Reminder(
                    tenant=self._way.tenant,
                    way=self._way.name,
                    serial=passport.serial,
                    not_after=passport.not_after,
                    days=days,
                    within=within,
                )
            )

    def _doubt(self, passport: Passport) -> None:
        for doubt in passport.doubts:
            self._logger.warning("certificate_doubtful", tenant=self._way.tenant, way=self._way.name, detail=doubt)

    def _tell(self, fault: CertificateFault) -> None:
        self._logger.error(
            "certificate_refused",
            tenant=self._way.tenant,
            way=self._way.name,
            key=self._way.key_of(fault),
            detail=fault.detail,
        )


class _ServerNews:
    """Has callers received under a new server certificate, and tells log and metrics what became of it."""

    def __init__(self, reception: Received, logger: FilteringBoundLogger, metrics: Metrics) -> None:
        self._reception = reception
        self._logger = logger
        self._metrics = metrics

    def taken(self, certificate: ServerCertificate) -> None:
        self._reception.use(certificate)
        self._metrics.server_certificate(certificate.not_after)
        self._metrics.server_reloaded(taken=True)
        self._logger.info(
            "server_certificate_taken", certificate=certificate.serial, not_after=certificate.not_after.isoformat()
        )

    def refused(self, fault: TlsFileFault) -> None:
        self._metrics.server_reloaded(taken=False)
        self._logger.error("server_certificate_refused", key="listen.certificate", detail=fault.detail)


class _TrustNews:
    """Has callers' certificates judged by what changed files hold, and tells log and metrics what became of them."""

    def __init__(self, reception: Received, logger: FilteringBoundLogger, metrics: Metrics) -> None:
        self._reception = reception
        self._logger = logger
        self._metrics = metrics

    def taken(self, trust: ClientTrust) -> None:
        self._reception.trust(trust)
        self._metrics.client_trust_reloaded(taken=True)
        self._logger.info(
            "client_trust_taken", authorities=len(trust.authorities), revoked=len(trust.revocations.revoked)
        )
        self.doubted(trust)

    def doubted(self, trust: ClientTrust) -> None:
        for doubt in trust.doubts(datetime.now(UTC)):
            self._logger.warning("client_revocations_doubtful", key="listen.client_revocations", detail=doubt)

    def refused(self, fault: ClientTrustFault) -> None:
        self._metrics.client_trust_reloaded(taken=False)
        self._logger.error("client_trust_refused", key=fault.key, detail=fault.detail)


class Looking:
    """All watches of one relay: each looks by itself every so often, and all at once when told to."""

    def __init__(self, logger: FilteringBoundLogger) -> None:
        self._logger = logger
        self._looks: list[Callable[[], Awaitable[bool]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Looking after {len(self._looks)} things>"

    def watch(self, watch: FileWatch[Made, Fault], way: str = "") -> None:
        """Look after one more thing."""
        self._looks.append(partial(watch.look, again=True))
        self.start(_keep_looking(watch, way, self._logger))

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Do this until the end."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def now(self) -> None:
        """Look at once, at what could not be used as well, and tell how much was new."""
        self.start(self._look())

    async def close(self) -> None:
        """Look no more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _look(self) -> None:
        new = 0
        for look in self._looks:
            try:
                new += await look()
            except Exception as error:  # whatever it is, the others have to be looked at
                self._logger.error("certificate_watch_failed", exc_info=error)
        self._logger.info("looked", new=new)


@asynccontextmanager
async def watching(
    built: Built,
    ways: Mapping[str, Shown],
    reception: Received,
    logger: FilteringBoundLogger,
    metrics: Metrics,
    remind: Remind,
) -> AsyncIterator[Looking]:
    """Watch for as long as the block lasts, and replace ticket keys; `ways` has one entry for each way out.

    Yields what has to be told to look at once.
    """
    metrics.server_certificate(built.listener.certificate.not_after)
    looking = Looking(logger)
    looking.watch(_server_watch(built, _ServerNews(reception, logger, metrics)))
    looking.start(_keep_rotating(reception, _ROTATE_EVERY))
    if built.client_certificates is not None:
        looking.watch(_trust_watch(built.client_certificates, _TrustNews(reception, logger, metrics)))
    news = {name: _WayNews(way, ways[name], logger, metrics, remind) for name, way in built.ways.items()}
    for name, way in built.ways.items():
        news[name].begin()
        looking.watch(_way_watch(way, news, built), name)
    looking.start(_keep_ageing(list(news.values()), logger))
    try:
        yield looking
    finally:
        await looking.close()


def _way_watch(way: BuiltWay, news: Mapping[str, _WayNews], built: Built) -> FileWatch[Passport, CertificateFault]:
    def fit(passport: Passport) -> None:
        """Environments never mix: nobody may bring here what is in force in another."""
        for other in built.ways.values():
            in_force = news[other.name].in_force
            if in_force is None or other.environment is way.environment:
                continue
            if in_force.fingerprint == passport.fingerprint:
                raise mixed(way, other)

    return certificate_watch(
        way.files,
        news[way.name],
        seen=way.stamp,
        now=lambda: datetime.now(UTC),
        fit=fit,
        failing=way.fault is not None,
    )


def _server_watch(built: Built, news: _ServerNews) -> FileWatch[ServerCertificate, TlsFileFault]:
    files, named = built.listener.files, bool(built.settings.listen.names)
    return FileWatch(
        stamp=files.stamp,
        seen=built.listener.stamp,
        make=lambda: files.read_successor(datetime.now(UTC), named=named),
        fault=TlsFileFault,
        taken=news.taken,
        refused=news.refused,
    )


def _trust_watch(built: BuiltClientCertificates, news: _TrustNews) -> FileWatch[ClientTrust, ClientTrustFault]:
    news.doubted(built.trust)
    return FileWatch(
        stamp=built.files.stamp,
        seen=built.stamp,
        make=built.files.read,
        fault=ClientTrustFault,
        taken=news.taken,
        refused=news.refused,
    )


async def _keep_looking(watch: FileWatch[Made, Fault], way: str, logger: FilteringBoundLogger) -> None:
    while True:
        try:
            await watch.keep_looking(_LOOK_EVERY)
        except Exception as error:  # whatever it is, a renewed certificate must still be noticed
            logger.error("certificate_watch_failed", way=way, exc_info=error)
            await asyncio.sleep(_LOOK_EVERY)


async def _keep_ageing(ways: list[_WayNews], logger: FilteringBoundLogger) -> None:
    while True:
        for way in ways:
            try:
                way.age(datetime.now(UTC))
            except Exception as error:  # whatever it is, the others have to be told of
                logger.error("certificate_watch_failed", exc_info=error)
        await asyncio.sleep(_AGE_EVERY)


async def _keep_rotating(reception: Received, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        reception.rotate(new_ticket_keys())
