"""Through the gate at one place: TCP, TLS and a call that does no harm, over the transport that all calls take."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from relay.doctor.clock import date_of
from relay.doctor.finding import State, Step
from relay.doctor.handshake import meet, shown_at
from relay.doctor.itinerary import Place
from relay.doctor.lookup import addresses_of
from relay.doctor.obstacle import Obstacle, of_tcp, of_tls, of_trust
from relay.doctor.probe import probe_of
from relay.doctor.reading import Proven, phrase, read
from relay.doctor.teller import Teller
from relay.errors import RelayError, UpstreamUnreachable, UpstreamUntrusted
from relay.people.advice import Advice
from relay.people.matter import Matter
from relay.problems.table import PROBLEMS
from relay.tenant.routing import Route
from relay.upstream.door import Door
from relay.upstream.egress import Egress
from relay.upstream.passport import Passport
from relay.upstream.probe import Answer, Question, ask
from relay.upstream.refusal import Readings
from relay.upstream.transport import Patience

# What to do about an answer that no refusal of VECOZO's explains.
_THEN: Final = {
    State.FAILED: "See whether {path} is the service's path at VECOZO; `relay check` lists the routes.",
    State.WARNING: "The road is open; what the service says is for whoever makes the calling software.",
    State.NOTE: "Have the calling software make a call; the log then says what came of it.",
}
# To register the address that is meant mends nothing where another is seen.
_UNPROVEN: Final = (
    "No witness told what the world sees, so first make sure that it is {egress}: `relay doctor --witness URL`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One place, to be come to from one address under one certificate; `proven`: a witness sees it as configured."""

    teller: Teller
    place: Place
    egress: Egress
    passport: Passport
    patience: Patience
    calls: bool
    readings: Readings
    proven: bool

    async def pass_through(self) -> datetime | None:
        """Tell each step; return the time by their clock, if an answer told it."""
        return await self._call() if await self._connect() and await self._shake_hands() else None

    async def _connect(self) -> bool:
        (host, port), loop, seconds = self.place, asyncio.get_running_loop(), self.patience.connect
        try:
            [address, *_] = await addresses_of(self.place, seconds)
            with self.egress.socket() as sock:
                async with asyncio.timeout(seconds):
                    await loop.sock_connect(sock, (address, port))
        except (OSError, TimeoutError, RelayError) as error:
            obstacle = of_tcp(error, self.place, self.egress.source, seconds)
            what = f"{host}:{port} cannot be reached from {self.egress.source}: {obstacle.what}."
            self._blocked(Step.TCP, what, obstacle, Matter.UPSTREAM_UNREACHABLE)
            return False
        self.teller.good(Step.TCP, f"{address}:{port} answers {self.egress.source}", self.place)
        return True

    async def _shake_hands(self) -> bool:
        try:
            agreed = await meet(self.place, self.egress, self.passport, self.patience)
        except RelayError as error:
            await self._not_met(error)
            return False
        self.teller.good(Step.TLS, f"{agreed}; {self.place[0]} proves to be itself", self.place)
        return True

    async def _not_met(self, error: RelayError) -> None:
        host, cause = self.place[0], error.__cause__
        match error:
            case UpstreamUntrusted():
                shown = await shown_at(self.place, self.egress, self.patience)
                trusting = f"tenants.{self.teller.way.tenant}.trust"
                obstacle, matter = of_trust(cause, self.place, shown, trusting), Matter.UPSTREAM_UNTRUSTED
            case UpstreamUnreachable() if cause is not None:
                # The connection stands: what to ask Support is why nothing proper comes of it.
                obstacle, matter = (
                    of_tls(cause, self.place, self.egress.source, self.patience.tls),
                    Matter.UPSTREAM_OUT_OF_ORDER,
                )
            case _:
                self._failed(Step.TLS, error)
                return
        self._blocked(Step.TLS, f"{host}: {obstacle.what}.", obstacle, matter)

    def _blocked(self, step: Step, what: str, obstacle: Obstacle, matter: Matter) -> None:
        letters = () if obstacle.ours else self._advice(matter).letters
        self.teller.broken(step, what, Advice(remedy=obstacle.then, letters=letters), self.place)

    async def _call(self) -> datetime | None:
        if paused := self.teller.way.card.paused:
            what = f"This tenant is paused ({paused}): every call is answered 503, and none was made now."
            self.teller.warn(Step.CALL, what, self._advice(Matter.TENANT_PAUSED).remedy, self.place)
            return None
        if self._stopped():
            return None
        route, probe = self._harmless()
        if route is None or probe is None or not self.calls:
            what = "No call was made: none is known to do no harm here." if self.calls else "No call was to be made."
            self.teller.note(Step.CALL, what, _THEN[State.NOTE], self.place)
            return None
        try:
            async with self._door() as out:
                answer = await ask(out, probe)
        except RelayError as error:
            self._failed(Step.CALL, error, route)
            return None
        for proven in read(answer.head, answer.beginning, probe, self.readings):
            self._tell(proven, answer, route, probe)
        return date_of((answer.head.fields.first(b"date") or b"").decode("latin-1"))

    @asynccontextmanager
    async def _door(self) -> AsyncIterator[Door]:
        """Yield the way that callers' calls take, over connections of its own, which end with the block."""
        leads_out = Door(self.passport, (self.egress,), self.patience, lambda _event: None)
        try:
            yield leads_out
        finally:
            leads_out.close()
            await asyncio.sleep(0)

    def _stopped(self) -> bool:
        """Tell why no call may be made; after a 429 each makes things worse, so what is not known is a reason too."""
        known, way = self.teller.known, self.teller.way.name
        if known.unasked:
            what = f"No call was made: it is not known whether VECOZO's quota is exceeded ({known.unasked})."
            self.teller.note(Step.CALL, what, "Run this as the relay's own user.", self.place)
        elif stops := known.stops.get(way):
            route, since = stops[0]
            what = f"No call was made: since {since} calls on {route} are stopped, as VECOZO's quota is exceeded."
            advice = self.teller.advice(Matter.QUOTA, egress=str(self.egress), host=self.place[0], service=route)
            self.teller.found(Step.CALL, State.FAILED, what, advice, self.place)
        return bool(known.unasked or known.stops.get(way))

    def _harmless(self) -> tuple[Route | None, Question | None]:
        for route in self.teller.way.places[self.place]:
            probe = probe_of(route, today=self.teller.now().date(), trace=self.teller.trace)
            if probe is not None:
                return route, probe
        return None, None

    def _tell(self, proven: Proven, answer: Answer, route: Route, probe: Question) -> None:
        advice: Advice | None
        if proven.matter is not None:
            advice = self._advice(proven.matter, route, phrase(answer.head))
            if proven.matter is Matter.ADDRESS_OR_BLOCKED and not self.proven:
                advice = replace(advice, remedy=f"{_UNPROVEN.format(egress=self.egress)} {advice.remedy}")
        else:
            then = _THEN.get(proven.state)
            advice = Advice(remedy=then.format(path=probe.path)) if then else None
        self.teller.found(proven.step, proven.state, proven.what, advice, self.place)

    def _failed(self, step: Step, error: RelayError, route: Route | None = None) -> None:
        matter = _matter_of(error)
        # TLS 1.3 tells of it only after the handshake.
        step = Step.ACCEPTED if matter is Matter.SYSTEM_CERTIFICATE_REFUSED else step
        self.teller.broken(step, f"{error.detail.rstrip('.')}.", self._advice(matter, route), self.place)

    def _advice(self, matter: Matter, route: Route | None = None, said: str = "") -> Advice:
        service = route.name if route else ""
        return self.teller.advice(matter, egress=str(self.egress), host=self.place[0], service=service, said=said)


def _matter_of(error: RelayError) -> Matter:
    try:
        return Matter.of(PROBLEMS[type(error)].code)
    except ValueError:  # of nothing that is known to happen on this road
        return Matter.UPSTREAM_UNREACHABLE
