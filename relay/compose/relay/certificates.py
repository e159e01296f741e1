"""Watch the certificates, of all tenants and our own, and tell log and metrics what becomes of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from relay.auth.client_trust import ClientTrust, ClientTrustFault
from relay.compose.relay.build import Built, BuiltClientCertificates, BuiltTenant
from relay.front.certificate import ServerCertificate
from relay.observe.metrics import Metrics
from relay.upstream.certificate import CertificateFault
from relay.upstream.passport import Passport
from relay.upstream.watch import Renewed, certificate_watch
from relay.x509.context import TlsFileFault
from relay.x509.tickets import new_ticket_keys
from relay.x509.watch import Fault, FileWatch, Made

# A changed certificate file is in force within this and the time it takes to open it. Seconds.
_LOOK_EVERY: Final = 1.0
# How long one set of ticket keys seals; whoever resumes across a change shakes hands in full once. Seconds.
_ROTATE_EVERY: Final = 12 * 3600.0


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


@asynccontextmanager
async def watching(
    built: Built,
    doors: Mapping[str, Renewed],
    reception: Received,
    logger: FilteringBoundLogger,
    metrics: Metrics,
) -> AsyncIterator[None]:
    """Watch for as long as the block lasts, and replace ticket keys; `doors` has one entry for each tenant."""
    metrics.server_certificate(built.listener.certificate.not_after)
    server = _server_watch(built, _ServerNews(reception, logger, metrics))
    tasks = [
        asyncio.create_task(_keep_looking(server, "", logger)),
        asyncio.create_task(_keep_rotating(reception, _ROTATE_EVERY)),
    ]
    if built.client_certificates is not None:
        trust = _trust_watch(built.client_certificates, _TrustNews(reception, logger, metrics))
        tasks.append(asyncio.create_task(_keep_looking(trust, "", logger)))
    for name, tenant in built.tenants.items():
        metrics.certificate(name, tenant.passport.not_after)
        watch = _watch(tenant, doors[name], _CertificateNews(name, logger, metrics))
        tasks.append(asyncio.create_task(_keep_looking(watch, name, logger)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _watch(tenant: BuiltTenant, door: Renewed, news: _CertificateNews) -> FileWatch[Passport, CertificateFault]:
    news.doubted(tenant.passport)
    return certificate_watch(tenant.files, door, news, seen=tenant.stamp, now=lambda: datetime.now(UTC))


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


async def _keep_looking(watch: FileWatch[Made, Fault], tenant: str, logger: FilteringBoundLogger) -> None:
    while True:
        try:
            await watch.keep_looking(_LOOK_EVERY)
        except Exception as error:  # whatever it is, a renewed certificate must still be noticed
            logger.error("certificate_watch_failed", tenant=tenant, exc_info=error)
            await asyncio.sleep(_LOOK_EVERY)


async def _keep_rotating(reception: Received, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        reception.rotate(new_ticket_keys())
