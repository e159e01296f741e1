"""The gateway: every call of every caller passes here, gets an answer, and leaves one note."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from relay.auth.caller import Authenticator
from relay.auth.sources import Ranges
from relay.deadlines import Deadlines
from relay.errors import RelayError
from relay.front.call import Call
from relay.gateway.admission import METHODS
from relay.gateway.failures import Failures
from relay.gateway.ids import Ids
from relay.gateway.journey import Journey, Road
from relay.gateway.ledger import NO_LEDGER, Ledger
from relay.gateway.meter import Allowance
from relay.gateway.shares import NOBODY_DEALS, Shares
from relay.observe.exchange import Exchange, Journal
from relay.observe.history import History
from relay.problems.answer import Answer, answer
from relay.problems.table import PROBLEMS
from relay.tenant.policy import Policy


class Alarm(Protocol):
    """Whoever is told of a fault in our own code."""

    def __call__(self, request_id: str, error: Exception) -> None:
        """Take note of it."""
        ...


class Gateway:
    """The `Handler` of the front."""

    def __init__(
        self,
        road: Road,
        journal: Journal,
        history: History,
        *,
        now: Callable[[], datetime],
        alarm: Alarm,
        failures: Failures,
        ledger: Ledger = NO_LEDGER,
        shares: Shares = NOBODY_DEALS,
    ) -> None:
        """`now` tells the time in UTC, `history` keeps refusals, and `failures` tells who hears of one later."""
        self.road = road
        self.journal = journal
        self.history = history
        self.ledger = ledger
        self.shares = shares
        self.alarm = alarm
        self.now = now
        self._failures = failures
        self._put_off: set[Journey] = set()
        self._draining = False
        self._ids = Ids()
        self.loop = asyncio.get_running_loop()
        self._ended: list[Exchange] = []
        self.deadlines = Deadlines(self.loop, road.total, Journey.too_late)

    def admit_by(
        self,
        authenticator: Authenticator,
        sources: Mapping[str, Ranges],
        policies: Mapping[str, Policy],
        allowances: Mapping[str, Allowance],
    ) -> None:
        """Judge callers by `authenticator`, and clients by all that is given by their names, from the next call on."""
        admission = replace(self.road.admission, authenticator=authenticator, sources=sources, policies=policies)
        admission.meter.use(allowances)
        self.road = replace(self.road, admission=admission)

    def take(self, call: Call) -> None:
        """Answer a call, or break it off. Raises nothing."""
        Journey(call, self, self._record(call.peer, call.head.method)).travel()

    def drain(self) -> None:
        """Take that no more calls come: nobody is kept waiting from now on."""
        self._draining = True
        for journey in tuple(self._put_off):
            journey.refuse()

    def put_off(self, journey: Journey, peer: str) -> float:
        """Count a failure of a caller at `peer`; return by how many seconds its answer is put off, if it is.

        The journey then refuses by itself, or when told to, and says when it is over.
        """
        seconds = self._failures.delay(peer, self.loop.time())
        if not seconds or self._draining or len(self._put_off) >= self._failures.most_waiting:
            return 0.0
        self._put_off.add(journey)
        return seconds

    def over(self, journey: Journey) -> None:
        """Forget one that was put off."""
        self._put_off.discard(journey)

    def ended(self, record: Exchange) -> None:
        """Leave a note of a call at the end of the loop's turn: its answer was written, and should leave first."""
        if not self._ended:
            self.loop.call_soon(self._note)
        self._ended.append(record)

    def refused(self, peer: str, error: RelayError) -> Answer:
        """Return the answer to octets that are no request."""
        record = self._record(peer, b"")
        told = answer(
            error,
            request_id=record.id,
            at=record.at,
            soap=None,
            faults_as_500=False,
            pseudonym=self.road.pseudonym.decode(),
        )
        problem = PROBLEMS[type(error)]
        record.status, record.cause, record.remedy = told.head.status, problem.code, problem.remedy
        self.ended(record)
        return told

    def _note(self) -> None:
        ended, self._ended = self._ended, []
        for record in ended:
            self.journal.note(record)

    def _record(self, peer: str, method: bytes) -> Exchange:
        # A word that is no method is the caller's own text, and that has no place in a log.
        word = method.decode() if method in METHODS else ""
        return Exchange(id=self._ids.next(), at=self.now(), peer=peer, method=word)
