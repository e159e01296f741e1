"""Run in one process: listen, watch the certificates, and at the end drain."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

from structlog.typing import FilteringBoundLogger

from relay.compose.relay.build import Built
from relay.compose.relay.carriage import Carriage
from relay.compose.relay.certificates import watching
from relay.compose.relay.guards import guarding
from relay.compose.relay.ledger import kept_receipts
from relay.compose.relay.mailing import mailing
from relay.compose.relay.nonces import nonces_of
from relay.compose.relay.proving import proving
from relay.compose.relay.reception import Reception
from relay.compose.relay.roll import expiries, roll
from relay.compose.relay.sharing import dealer_of, dealing
from relay.front.listener import Listener
from relay.gateway.receipts import OwnLedger, Receipts
from relay.gateway.shares import NOBODY_DEALS
from relay.observe.exchange import Journals
from relay.observe.history import History
from relay.observe.lines import Lines
from relay.observe.log import ExchangeLog, make_logger
from relay.observe.metrics import Metrics
from relay.ops.app import Readiness, make_app
from relay.settings.relay import RelaySettings
from relay.wire.server import Listening, serving


@dataclass(frozen=True, slots=True)
class Running:
    """A relay that takes calls: where callers connect, where the operator looks, what has it look at files at once."""

    port: int
    operator: Listening
    look: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Alone(Running):
    """The same in one process, and how callers are received there."""

    reception: Reception


@asynccontextmanager
async def running(built: Built, out: BinaryIO) -> AsyncIterator[Alone]:
    """Run the relay for as long as the block lasts, then drain it: ready off, calls in progress end.

    `out` gets the log, a line of JSON for each exchange and each event.
    """
    with kept_receipts(built.settings.ledger) as receipts:
        async with _running(built, out, receipts) as alone:
            yield alone


@asynccontextmanager
async def _running(built: Built, out: BinaryIO, receipts: Receipts) -> AsyncIterator[Alone]:
    lines = Lines(out)
    settings, logger, metrics = built.settings, make_logger(lines), Metrics()
    readiness, history = Readiness(), History()
    journal, ledger = Journals((metrics, ExchangeLog(lines))), OwnLedger(receipts, time.time)
    nonces = nonces_of(built.common)
    dealer = dealer_of(built, lambda: carriage.callers.built, logger, metrics)
    shares = dealer or NOBODY_DEALS
    carriage = Carriage(built, metrics, journal, history, logger, ledger=ledger, nonces=nonces, shares=shares)
    metrics.keys(lambda: len(receipts))
    listener = carriage.listener
    metrics.watch(readiness=lambda: readiness.ready, in_progress=lambda: listener.in_progress)
    operator = settings.operator
    callers = carriage.callers
    metrics.key_expiries(lambda: expiries(callers.built))
    app = make_app(
        readiness,
        metrics.registry,
        history=history,
        clients=lambda: roll(callers.built, metrics.used(), [callers.built.revision]),
    )
    async with (
        serving(app, str(operator.address), operator.port, key="operator") as operating,
        proving(built, carriage.ways, readiness, logger, metrics),
        dealing(dealer),
    ):
        await listener.listen(str(settings.listen.address), settings.listen.port)
        async with (
            watching(built, carriage.ways, carriage.reception, logger, metrics) as looking,
            guarding(built.guardroom, settings, logger, metrics, history, carriage.publish),
            mailing(built, carriage.ways, looking.rotations, history, logger, metrics),
        ):
            readiness.on()
            logger.info("ready", port=listener.port, operator=operating.port, tenants=sorted(built.tenants))
            try:
                yield Alone(listener.port, operating, looking.now, carriage.reception)
            finally:
                await _drain(readiness, listener, settings, logger)
                carriage.publish()
        carriage.close()
        lines.flush()


async def _drain(
    readiness: Readiness, listener: Listener, settings: RelaySettings, logger: FilteringBoundLogger
) -> None:
    readiness.off("draining")
    logger.info("draining", notice=settings.deadlines.drain_notice, in_progress=listener.in_progress)
    await asyncio.sleep(settings.deadlines.drain_notice)
    ended = await listener.drain(settings.deadlines.drain)
    logger.info("drained", all_ended=ended)
