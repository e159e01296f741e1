"""The relay's own probes: one process makes them for all, over connections that no caller's call ever takes."""

import asyncio
import time
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from relay.compose.relay.ways import BuiltWay
from relay.observe.metrics import Metrics
from relay.upstream.door import Door
from relay.upstream.egress import Egress
from relay.upstream.guardroom import Guardroom
from relay.upstream.passport import Passport
from relay.upstream.probe import Outcome, Question, Verdict, probe
from relay.upstream.proof import Footing
from relay.upstream.refusal import Readings
from relay.upstream.transport import Patience
from relay.upstream.ward import Ward

# Seconds. Other processes make guards hold: this one sees it within so long, in memory that they share.
_LOOK_EVERY: Final = 0.25


class Purpose(StrEnum):
    """What a probe is for."""

    GUARD = "guard"
    NEXT = "next"


class Prober:
    """Asks the question of one way out, and counts what came of it."""

    def __init__(
        self, way: BuiltWay, question: Question, patience: Patience, readings: Readings, metrics: Metrics
    ) -> None:
        self.route = question.route
        self._way = way
        self._question = question
        self._patience = patience
        self._readings = readings
        self._metrics = metrics
        for purpose in Purpose if way.next else (Purpose.GUARD,):
            metrics.will_probe(way.name, purpose, Verdict)

    def __repr__(self) -> str:
        return f"<Prober of {self._way.name}: {self._question.what}>"

    async def ask(
        self, purpose: Purpose, passport: Passport, egresses: Sequence[Egress], footings: Sequence[Footing]
    ) -> Outcome:
        """Ask once under this certificate, from the first of these egresses that may be used."""
        door = Door(passport, egresses, self._patience, lambda event: None)
        if footings:
            door.stand(footings)
        try:
            outcome = await probe(door, self._question, self._readings)
        finally:
            door.close()
        self._metrics.probed(self._way.name, purpose, outcome.verdict)
        return outcome


class Now(Protocol):
    """A way out as it is now."""

    @property
    def in_force(self) -> Passport | None:
        """The certificate that it shows; None while it is closed."""
        ...

    @property
    def footings(self) -> Sequence[Footing]:
        """How each of its egresses stands, once that is known."""
        ...


class Trial:
    """Tries whether VECOZO lets calls pass again, for as long as the guard of a way at one of its egresses holds.

    It takes the guard's permit as a caller's call would, and its answer passes or holds the guard as that call's would.
    """

    def __init__(
        self,
        prober: Prober,
        way: BuiltWay,
        number: int,
        now: Now,
        room: Guardroom,
        logger: FilteringBoundLogger,
    ) -> None:
        self._prober = prober
        self._way = way.name
        self._number = number
        self._egress = way.egresses[number]
        self._now = now
        self._room = room
        self._ward = Ward(room, way.name, self._egress.text, "")
        self._logger = logger

    def __repr__(self) -> str:
        return f"<Trial of {self._ward!r}>"

    async def keep_trying(self) -> None:
        """Try for ever, whenever the guard holds and its pause is over."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                if self._ward.shut:
                    await self._try()
            except Exception as error:  # whatever it is, nothing else lets these calls out again
                self._logger.error("guard_probe_failed", way=self._way, egress=self._egress.text, exc_info=error)

    async def _try(self) -> None:
        passport, footings = self._now.in_force, self._now.footings[self._number : self._number + 1]
        if passport is None or not all(footing.usable for footing in footings):
            return
        # Whoever goes on after a 429, on any of its services, is blocked: a person lifts that first.
        permit = "" if self._room.book().stopped(self._way) else self._permit()
        if not permit:
            return
        verdict = Verdict.UNCLEAR
        try:
            outcome = await self._prober.ask(Purpose.GUARD, passport, (self._egress,), footings)
            verdict = outcome.verdict
        finally:
            self._conclude(verdict, permit)
        (self._logger.info if verdict is Verdict.PASSED else self._logger.warning)(
            "guard_probed",
            way=self._way,
            egress=self._egress.text,
            certificate=passport.serial,
            answer=outcome.told,
            result=verdict.value,
        )

    def _permit(self) -> str:
        permit, _ = self._room.admit(self._way, self._egress.text, self._prober.route, harmless=True, at=time.time())
        return permit

    def _conclude(self, verdict: Verdict, permit: str) -> None:
        room, place, now = self._room, (self._way, self._egress.text), time.time()
        match verdict:
            case Verdict.PASSED:
                room.passed(*place, permit=permit, at=now)
            case Verdict.REFUSED:
                room.refused(*place, permit=permit, at=now)
            case Verdict.QUOTA:
                room.stop(self._way, self._prober.route, at=now)
                room.returned(*place, permit=permit, at=now)
            case Verdict.UNCLEAR:
                room.returned(*place, permit=permit, at=now)
