"""A worker: carries calls, tells its parent how it stands, and does as it is told."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, Final

from structlog.typing import FilteringBoundLogger

from relay.auth.client_trust import ClientTrust
from relay.compose.relay.build import Built
from relay.compose.relay.callers import BuiltCallers
from relay.compose.relay.carriage import Carriage
from relay.compose.relay.ledger import LineLedger
from relay.compose.relay.nonces import LineNonces
from relay.compose.relay.sharing import LineShares
from relay.crew.line import Line, Message
from relay.crew.nursery import Work
from relay.crew.table import Table
from relay.front.certificate import ServerCertificate
from relay.observe.exchange import Journals
from relay.observe.history import History
from relay.observe.lines import Lines
from relay.observe.log import ExchangeLog, make_logger
from relay.observe.metrics import Metrics
from relay.upstream.passport import Papers
from relay.upstream.proof import unpacked
from relay.x509.context import TlsFileFault

# Seconds. As much of its counts is lost with a worker that is killed.
_REPORT_EVERY: Final = 1.0


def worker(
    built: Built, listening: socket.socket, out: BinaryIO, loop: Callable[[], asyncio.AbstractEventLoop]
) -> Work:
    """Return what a worker does in its process, from a new loop of its own to its end."""

    def work(line: socket.socket, table: int) -> int:
        line.setblocking(False)  # noqa: FBT003  # the library's
        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(_carry(built, listening, out, Line(line), table))

    return work


async def _carry(built: Built, listening: socket.socket, out: BinaryIO, line: Line, file: int) -> int:
    lines = Lines.shared(out)
    logger, metrics, table = make_logger(lines), Metrics(), Table(file)
    # The table comes last: it strikes a call out once its line is on its way.
    journal = Journals((metrics, ExchangeLog(lines), table))
    ledger, nonces, shares, history = LineLedger(table, line), LineNonces(line), LineShares(line), History()
    carriage = Carriage(built, metrics, journal, history, logger, ledger=ledger, nonces=nonces, shares=shares)
    worker = _Worker(carriage, ledger, nonces, shares, line, metrics, history, logger, listening)
    all_ended = await worker.carry(alone=built.settings.deadlines.drain)
    lines.flush()
    worker.report()
    line.send("ended", str(all_ended))
    return 0


class _Worker:
    """Hears the parent's orders, and obeys."""

    def __init__(
        self,
        carriage: Carriage,
        ledger: LineLedger,
        nonces: LineNonces,
        shares: LineShares,
        line: Line,
        metrics: Metrics,
        history: History,
        logger: FilteringBoundLogger,
        listening: socket.socket,
    ) -> None:
        self._carriage = carriage
        self._ledger = ledger
        self._nonces = nonces
        self._shares = shares
        self._line = line
        self._metrics = metrics
        self._history = history
        self._logger = logger
        self._listening = listening
        # How long calls in progress may take, once it is told to drain.
        self._told: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def carry(self, *, alone: float) -> bool:
        """Carry calls until told to drain, or for `alone` seconds more when the parent is gone.

        Returns whether all calls in progress ended.
        """
        loop = asyncio.get_running_loop()
        loop.add_reader(self._line.fileno(), self._hear, alone)
        reporting = loop.create_task(self._keep_reporting())
        seconds = await self._told
        all_ended = await self._carriage.listener.drain(seconds)
        reporting.cancel()
        loop.remove_reader(self._line.fileno())
        self._carriage.close()
        return all_ended

    def report(self) -> None:
        """Tell how it stands."""
        self._carriage.publish()
        self._tell_refusals()
        in_progress, goes_by = str(self._carriage.listener.in_progress), self._carriage.callers.built.revision
        self._line.send_octets("report", in_progress, goes_by, octets=self._metrics.packed())

    def _tell_refusals(self) -> None:
        """Tell those since the last time; what the parent does not take now it is told with the next."""
        packed = self._history.packed()
        if packed and self._line.send_octets("refused", octets=packed):
            self._history.forget()

    def _hear(self, alone: float) -> None:
        with suppress(BlockingIOError):
            while (message := self._line.take()) is not None:
                self._obey(message)
            asyncio.get_running_loop().remove_reader(self._line.fileno())
            self._ledger.lost()
            self._nonces.lost()
            self._shares.lost()
            self._drain(alone)

    def _obey(self, message: Message) -> None:
        match message.words:
            case ("begin",):
                self._carriage.listener.listen_with_others(self._listening, spent=self._spent)
                self._line.send("working", str(os.getpid()))
            case ("renew" | "closed" | "stand" as order, way):
                self._guide(order, way, message.octets())
            case ("show",):
                self._show(message.octets())
            case ("seal",):
                self._carriage.reception.rotate(message.octets())
            case ("trust",):
                # The parent made it of these very octets; and none of it needs what this process could lack.
                self._carriage.reception.trust(ClientTrust.read(message.octets()))
            case ("admit",):
                # As above.
                self._carriage.reception.admit(BuiltCallers.read(message.octets()))
            case ("answer", *words):
                self._answered(words)
            case ("report",):
                self.report()
            case ("drain", seconds):
                self._drain(float(seconds))

    def _answered(self, words: list[str]) -> None:
        match words:
            case (number, seen):
                self._nonces.answered(number, seen)
            case (number, "share", dealt):
                self._shares.answered(number, dealt)
            case (number, standing, status, at):
                self._ledger.answered(number, standing, status, at)

    def _guide(self, order: str, way: str, octets: bytes) -> None:
        match order:
            case "renew":
                self._renew(way, octets)
            case "closed":
                self._carriage.ways[way].closed(octets.decode())
            case _:
                self._carriage.ways[way].stand(unpacked(octets))

    def _renew(self, way: str, octets: bytes) -> None:
        try:
            passport = Papers.read(octets).passport()
        except TlsFileFault as fault:
            self._alarm(fault, way)
        else:
            self._carriage.ways[way].renew(passport)

    def _show(self, octets: bytes) -> None:
        try:
            certificate = ServerCertificate.read(octets)
        except TlsFileFault as fault:
            self._alarm(fault, "")
        else:
            self._carriage.reception.use(certificate)

    def _alarm(self, fault: TlsFileFault, way: str) -> None:
        """Tell what comes about only when this process has no memory or no /proc: the parent could make it."""
        self._logger.error("certificate_not_taken", way=way, worker=os.getpid(), detail=fault.detail)

    def _drain(self, seconds: float) -> None:
        if not self._told.done():
            self._told.set_result(seconds)

    def _spent(self, error: OSError) -> None:
        self._logger.error("accept_failed", worker=os.getpid(), detail=error.strerror)

    async def _keep_reporting(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_EVERY)
            self.report()
