"""Watch the certificates of all tenants, and tell log and metrics what becomes of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from structlog.typing import FilteringBoundLogger

from relay.compose.relay.build import Built, BuiltTenant
from relay.observe.metrics import Metrics
from relay.upstream.certificate import CertificateFault
from relay.upstream.passport import Passport
from relay.upstream.watch import CertificateWatch, Renewed

# A changed certificate file is in force within this and the time it takes to open it. Seconds.
_LOOK_EVERY: Final = 1.0


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
async def watching(
    built: Built, doors: Mapping[str, Renewed], logger: FilteringBoundLogger, metrics: Metrics
) -> AsyncIterator[None]:
    """Watch for as long as the block lasts; `doors` has one entry for each tenant."""
    tasks = []
    for name, tenant in built.tenants.items():
        metrics.certificate(name, tenant.passport.not_after)
        tasks.append(asyncio.create_task(_watch(tenant, doors[name], logger, metrics)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _watch(tenant: BuiltTenant, door: Renewed, logger: FilteringBoundLogger, metrics: Metrics) -> None:
    name = tenant.tenant.name
    news = _CertificateNews(name, logger, metrics)
    news.doubted(tenant.passport)
    watch = CertificateWatch(tenant.files, door, news, seen=tenant.stamp, now=lambda: datetime.now(UTC))
    while True:
        try:
            await watch.keep_looking(_LOOK_EVERY)
        except Exception as error:  # whatever it is, a renewed certificate must still be noticed
            logger.error("certificate_watch_failed", tenant=name, exc_info=error)
            await asyncio.sleep(_LOOK_EVERY)
