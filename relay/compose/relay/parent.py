"""The parent of several workers: the operator's port, the certificates, who works; it carries no calls itself."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import BinaryIO

from structlog.typing import FilteringBoundLogger

from relay.auth.client_trust import ClientTrust
from relay.compose.relay.build import Built
from relay.compose.relay.callers import BuiltCallers
from relay.compose.relay.certificates import watching
from relay.compose.relay.guards import guarding
from relay.compose.relay.ledger import ReceiptClerk, kept_receipts
from relay.compose.relay.mailing import mailing
from relay.compose.relay.nonces import NonceClerk, nonces_of
from relay.compose.relay.proving import proving
from relay.compose.relay.roll import expiries, roll
from relay.compose.relay.run import Running
from relay.compose.relay.sharing import ShareClerk, dealer_of, dealing
from relay.crew.crew import Crew
from relay.crew.line import Line
from relay.crew.table import Lost
from relay.errors import Sent
from relay.front.certificate import ServerCertificate
from relay.gateway.meter import MeterRoom
from relay.gateway.receipts import Receipts
from relay.gateway.shares import NOBODY_DEALS
from relay.observe.history import History
from relay.observe.lines import Lines
from relay.observe.log import make_logger
from relay.observe.metrics import Metrics
from relay.ops.app import Readiness, make_app
from relay.settings.relay import RelaySettings
from relay.upstream.guardroom import Guardroom
from relay.upstream.passport import Passport
from relay.upstream.proof import Footing, packed
from relay.wire.server import Listening, serving


class _CrewNews:
    """Tells log, metrics and readiness how the crew fares; `complete` hears once that all take calls."""

    def __init__(
        self,
        logger: FilteringBoundLogger,
        metrics: Metrics,
        readiness: Readiness,
        guardroom: Guardroom,
        meter_room: MeterRoom,
        history: History,
        *,
        complete: Callable[[], object],
    ) -> None:
        self._logger = logger
        self._metrics = metrics
        self._readiness = readiness
        self._guardroom = guardroom
        self._meter_room = meter_room
        self._history = history
        self._complete: Callable[[], object] | None = complete
        self.draining = False

    def changed(self, working: int, size: int) -> None:
        if self.draining or (self._complete is not None and working < size):
            return
        if not working:
            self._readiness.off("no worker is there")
            return
        self._readiness.on()
        if self._complete is not None:
            self._complete()
            self._complete = None

    def started(self, number: int, pid: int) -> None:
        self._logger.info("worker_started", worker=pid, number=number)

    def silent(self, number: int, pid: int) -> None:
        self._logger.warning("worker_silent", worker=pid, number=number)

    def lost(self, number: int, pid: int, status: int, calls: list[Lost], report: bytes) -> None:
        self.left(report)
        self._guardroom.bereave(pid, at=time.time())
        self._meter_room.bereave(pid)
        self._metrics.restarted()
        how = signal.Signals(-status).name if status < 0 else f"status {status}"
        self._logger.error("worker_lost", worker=pid, number=number, ended_by=how, in_progress=len(calls))
        for call in calls:
            self._metrics.lost(call.tenant, call.route)
            self._logger.error(
                "call_lost",
                id=call.id,
                client=call.client,
                tenant=call.tenant,
                route=call.route,
                sent=Sent.UNKNOWN.value,
                worker=pid,
            )

    def left(self, report: bytes) -> None:
        if report:
            self._metrics.absorb(report)

    def refused(self, packed: bytes) -> None:
        self._history.absorb(packed)


class _Receptions:
    """The receptions of all workers, as the certificate watch sees them."""

    def __init__(self, crew: Crew, callers: BuiltCallers) -> None:
        self._crew = crew
        self.callers = callers

    def use(self, certificate: ServerCertificate) -> None:
        self._crew.order("show", octets=certificate.octets())

    def rotate(self, keys: bytes) -> None:
        self._crew.order("seal", octets=keys)

    def trust(self, trust: ClientTrust) -> None:
        self._crew.order("trust", octets=trust.octets())

    def admit(self, callers: BuiltCallers) -> None:
        self.callers = callers
        self._crew.order("admit", octets=callers.octets())


class _Ways:
    """One way out in all workers, as the certificate watch and the proof of egresses see it."""

    def __init__(self, crew: Crew, way: str) -> None:
        self._crew = crew
        self._way = way
        self.footings: Sequence[Footing] = ()

    def renew(self, passport: Passport) -> None:
        if passport.papers is not None:
            self._crew.order("renew", self._way, octets=passport.papers.octets())

    def closed(self, cause: str) -> None:
        self._crew.order("closed", self._way, octets=cause.encode())

    def stand(self, footings: Sequence[Footing]) -> None:
        self.footings = footings
        self._crew.order("stand", self._way, octets=packed(footings))


@asynccontextmanager
async def presiding(
    built: Built, out: BinaryIO, *, listening: socket.socket, nursery: Line
) -> AsyncIterator[tuple[Running, asyncio.Event]]:
    """Have workers carry calls for as long as the block lasts, then drain them: ready off, calls in progress end.

    Yields what runs, and an event that says that it has to end: no more workers can be had. It is ready, and says so in
    the log that `out` gets, when all of them take calls. `listening` listens no more in the end.
    """
    with kept_receipts(built.settings.ledger) as receipts:
        async with _presiding(built, out, listening, nursery, receipts) as running:
            yield running


@asynccontextmanager
async def _presiding(
    built: Built, out: BinaryIO, listening: socket.socket, nursery: Line, receipts: Receipts
) -> AsyncIterator[tuple[Running, asyncio.Event]]:
    lines = Lines.shared(out)
    settings, logger, metrics = built.settings, make_logger(lines), Metrics()
    readiness, history, operator = Readiness(), History(), settings.operator
    port = listening.getsockname()[1]
    operating: Listening

    def ready() -> None:
        logger.info("ready", port=port, operator=operating.port, tenants=sorted(built.tenants))

    news = _CrewNews(logger, metrics, readiness, built.guardroom, built.meter_room, history, complete=ready)
    dealer = dealer_of(built, lambda: receptions.callers, logger, metrics)
    clerk = ShareClerk(dealer or NOBODY_DEALS, NonceClerk(nonces_of(built.common), ReceiptClerk(receipts)))
    crew = Crew(nursery, settings.workers, news, clerk)
    metrics.keys(lambda: len(receipts))
    metrics.watch(readiness=lambda: readiness.ready, in_progress=lambda: crew.in_progress)
    metrics.workers(crew.states)
    metrics.reports(crew.reports)
    receptions = _Receptions(crew, built.callers)
    metrics.key_expiries(lambda: expiries(receptions.callers))
    app = make_app(
        readiness,
        metrics.registry,
        gather=crew.gather,
        history=history,
        clients=lambda: roll(receptions.callers, metrics.used(), crew.revisions()),
    )
    try:
        async with serving(app, str(operator.address), operator.port, key="operator") as operating:
            ways = {name: _Ways(crew, name) for name in built.ways}
            async with (
                proving(built, ways, readiness, logger, metrics),
                watching(built, ways, receptions, logger, metrics) as looking,
                guarding(built.guardroom, settings, logger, metrics, history),
                mailing(built, ways, looking.rotations, history, logger, metrics),
                dealing(dealer),
            ):
                crew.start()
                try:
                    yield Running(port, operating, looking.now), crew.broken
                finally:
                    news.draining = True
                    await _drain(readiness, crew, listening, settings, logger)
    finally:
        crew.close()
        lines.flush()


async def _drain(
    readiness: Readiness, crew: Crew, listening: socket.socket, settings: RelaySettings, logger: FilteringBoundLogger
) -> None:
    readiness.off("draining")
    await crew.gather()
    logger.info("draining", notice=settings.deadlines.drain_notice, in_progress=crew.in_progress)
    await asyncio.sleep(settings.deadlines.drain_notice)
    # For all who have this socket, at once: callers are refused rather than left waiting for nobody.
    with suppress(OSError):
        listening.shutdown(socket.SHUT_RDWR)
    ended = await crew.drain(settings.deadlines.drain)
    logger.info("drained", all_ended=ended)
