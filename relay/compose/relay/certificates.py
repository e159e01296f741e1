"""Watch the certificates, of all tenants and our own, and tell log and metrics what becomes of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from relay.auth.client_trust import ClientTrust, ClientTrustFault
from relay.compose.relay.asking import Asking
from relay.compose.relay.build import Built, BuiltTrust
from relay.compose.relay.carriage import patience_of, readings
from relay.compose.relay.clients import Admitting, ClientsNews, clients_watch
from relay.compose.relay.probing import Prober, Trial
from relay.compose.relay.rotation import Rotation, Shown, Tellers
from relay.compose.relay.ways import BuiltWay
from relay.front.certificate import ServerCertificate
from relay.observe.metrics import Metrics
from relay.settings.relay import RelaySettings
from relay.upstream.orders import Orders, OrdersFault, OrdersFile, orders_of
from relay.upstream.rotation import Order
from relay.x509.context import TlsFileFault
from relay.x509.tickets import new_ticket_keys
from relay.x509.watch import Fault, FileWatch, Made

# A changed certificate file is in force within this and the time it takes to open it. Seconds.
_LOOK_EVERY: Final = 1.0
# How long one set of ticket keys seals; whoever resumes across a change shakes hands in full once. Seconds.
_ROTATE_EVERY: Final = 12 * 3600.0


class Received(Admitting, Protocol):
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


class _ServerNews:
    """Has callers received under a new server certificate, and tells log and metrics what became of it."""

    def __init__(self, reception: Received, logger: FilteringBoundLogger, metrics: Metrics, *, asks: bool) -> None:
        self._reception = reception
        self._logger = logger
        self._metrics = metrics
        self._asks = asks

    def taken(self, certificate: ServerCertificate) -> None:
        self._reception.use(certificate)
        if certificate.asks is not self._asks:
            # Whoever resumes is not asked again: sessions from before would go on without a certificate.
            self._asks = certificate.asks
            self._reception.rotate(new_ticket_keys())
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
        for doubt in trust.revocations.doubts(datetime.now(UTC)):
            self._logger.warning("client_revocations_doubtful", key="listen.client_revocations", detail=doubt)

    def refused(self, fault: ClientTrustFault) -> None:
        self._metrics.client_trust_reloaded(taken=False)
        self._logger.error("client_trust_refused", key=fault.key, detail=fault.detail)


class Looking:
    """All watches of one relay: each looks by itself every so often, and all at once when told to.

    `rotations` are the ways out, by name.
    """

    def __init__(self, logger: FilteringBoundLogger, rotations: Mapping[str, Rotation]) -> None:
        self.rotations = rotations
        self._logger = logger
        self._looks: list[Callable[[], Awaitable[bool]]] = []
        self._hurries: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Looking after {len(self._looks)} things>"

    def watch(self, watch: FileWatch[Made, Fault], way: str = "") -> None:
        """Look after one more thing."""
        self._looks.append(partial(watch.look, again=True))
        self.start(_keep_looking(watch, way, self._logger))

    def hurry(self, told: Callable[[], None]) -> None:
        """Tell this one, too, when everything is to be looked at at once."""
        self._hurries.append(told)

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
        for told in self._hurries:
            told()
        # At once, for some ask vaults, which may be slow to answer.
        for outcome in await asyncio.gather(*(look() for look in self._looks), return_exceptions=True):
            if isinstance(outcome, BaseException):
                self._logger.error("certificate_watch_failed", exc_info=outcome)
            else:
                new += outcome
        self._logger.info("looked", new=new)


@asynccontextmanager
async def watching(
    built: Built,
    ways: Mapping[str, Shown],
    reception: Received,
    logger: FilteringBoundLogger,
    metrics: Metrics,
) -> AsyncIterator[Looking]:
    """Watch for as long as the block lasts, and replace ticket keys; `ways` has one entry for each way out.

    Yields what has to be told to look at once.
    """
    metrics.server_certificate(built.listener.certificate.not_after)
    orders = OrdersFile(orders_of(built.settings.state))

    def record(way: str, order: Order) -> None:
        try:
            orders.add(way, order)
        except OrdersFault as fault:
            logger.warning("certificate_orders_refused", key="state", detail=fault.detail)

    def stopped(way: str) -> bool:
        return built.guardroom.book().stopped(way)

    tellers = Tellers(logger=logger, metrics=metrics, record=record, stopped=stopped)
    probers = {name: prober_of(way, built.settings, metrics) for name, way in built.ways.items()}
    rotations = {name: Rotation(way, ways[name], tellers, probers[name]) for name, way in built.ways.items()}
    looking = Looking(logger, rotations)
    asking = Asking(built.listener.files)
    looking.watch(_server_watch(built, asking, _ServerNews(reception, logger, metrics, asks=asking.files.asks)))
    looking.start(_keep_rotating(reception, _ROTATE_EVERY))
    looking.watch(_trust_watch(built.trust, _TrustNews(reception, logger, metrics)))
    if built.file is not None:
        looking.watch(clients_watch(built, built.file, ClientsNews(reception, asking, logger, metrics)))
    for name, rotation in rotations.items():
        rotation.begin()
        for watch in rotation.watches(rotations, lambda: datetime.now(UTC)):
            looking.watch(watch, name)
        looking.hurry(rotation.hurry)
        if (prober := probers[name]) is not None:
            looking.start(_keep_probing(rotation, logger))
            for number in range(len(rotation.way.egresses)):
                trial = Trial(prober, rotation.way, number, rotation, built.guardroom, logger)
                looking.start(trial.keep_trying())
    looking.watch(_orders_watch(orders, list(rotations.values()), logger))
    looking.start(_keep_deciding(list(rotations.values()), logger))
    try:
        yield looking
    finally:
        await looking.close()


def prober_of(way: BuiltWay, settings: RelaySettings, metrics: Metrics) -> Prober | None:
    """Return what makes the relay's own probes of a way; None where it has none, or may send nothing."""
    if way.question is None or way.card.paused:
        return None
    return Prober(way, way.question, patience_of(settings), readings(settings), metrics)


def _orders_watch(
    file: OrdersFile, rotations: list[Rotation], logger: FilteringBoundLogger
) -> FileWatch[Orders, OrdersFault]:
    def taken(orders: Orders) -> None:
        for rotation in rotations:
            rotation.ordered(orders)

    def refused(fault: OrdersFault) -> None:
        logger.error("certificate_orders_refused", key="state", detail=fault.detail)

    # Looked at once more than needed: what was ordered while the relay was being built counts as well.
    return FileWatch(stamp=file.stamp, seen=(), make=file.read, fault=OrdersFault, taken=taken, refused=refused)


def _server_watch(built: Built, asking: Asking, news: _ServerNews) -> FileWatch[ServerCertificate, TlsFileFault]:
    named = bool(built.settings.listen.names)
    return FileWatch(
        stamp=asking.stamp,
        seen=asking.stamp_of(built.listener.stamp),
        make=lambda: asking.files.read_successor(datetime.now(UTC), named=named),
        fault=TlsFileFault,
        taken=news.taken,
        refused=news.refused,
    )


def _trust_watch(built: BuiltTrust, news: _TrustNews) -> FileWatch[ClientTrust, ClientTrustFault]:
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


async def _keep_deciding(rotations: list[Rotation], logger: FilteringBoundLogger) -> None:
    while True:
        now = datetime.now(UTC)
        for rotation in rotations:
            try:
                rotation.decide(now)
                rotation.age(now)
            except Exception as error:  # whatever it is, the others have to be decided on
                logger.error("certificate_watch_failed", way=rotation.way.name, exc_info=error)
        await asyncio.sleep(_LOOK_EVERY)


async def _keep_probing(rotation: Rotation, logger: FilteringBoundLogger) -> None:
    while True:
        try:
            await rotation.keep_probing()
        except Exception as error:  # whatever it is, the next certificate still waits for a probe
            logger.error("certificate_probe_failed", way=rotation.way.name, exc_info=error)
            await asyncio.sleep(_LOOK_EVERY)


async def _keep_rotating(reception: Received, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        reception.rotate(new_ticket_keys())
