"""Prove the egresses: look at local addresses, ask witnesses, and tell ways out, readiness, metrics and log."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from relay.compose.relay.build import Built
from relay.compose.relay.registered import ROUNDS, Enquirer
from relay.observe.metrics import Metrics
from relay.ops.app import Readiness
from relay.people.matter import Facts, Matter
from relay.people.remedies import remedy
from relay.upstream.egress import Egress
from relay.upstream.proof import Footing, Proof, State, Word
from relay.upstream.registration import Registration
from relay.upstream.witness import Witness, WitnessSilent

# Seconds. An address that is taken from this machine is noticed within this.
_LOOK_EVERY: Final = 1.0
# While an egress is out, witnesses are asked as often as this at least: somebody may be mending it.
_ASK_AGAIN: Final = 10.0


class Guided(Protocol):
    """A way out, however many processes have one."""

    def stand(self, footings: Sequence[Footing]) -> None:
        """Go by how each egress stands, in the order of the settings."""
        ...


class _News:
    """Tells everybody who has to know how the egresses stand, on a change alone."""

    def __init__(
        self,
        built: Built,
        ways: Mapping[str, Guided],
        readiness: Readiness,
        logger: FilteringBoundLogger,
        metrics: Metrics,
    ) -> None:
        self._ways = {name: (ways[name], way) for name, way in built.ways.items()}
        self._readiness = readiness
        self._logger = logger
        self._metrics = metrics
        self._refuse = built.settings.egress_proof.on_difference == "refuse"
        self._tenants = {name: tenant.egresses for name, tenant in built.tenants.items()}
        egresses = dict.fromkeys(egress for each in self._tenants.values() for egress in each)
        self._footings = dict.fromkeys(egresses, Footing(State.UNKNOWN))
        self._registrations: dict[tuple[str, Egress], Registration] = {}
        self._silent: set[tuple[str, Egress]] = set()
        self._said: dict[tuple[Egress, int], IPv4Address | None] = {}
        for egress in egresses:
            self._measure(egress, State.UNKNOWN)

    @property
    def egresses(self) -> Iterable[Egress]:
        """All there are, each once."""
        return tuple(self._footings)

    def stands(self, egress: Egress, proof: Proof) -> None:
        """Take what is known of an egress now."""
        before, now = self._footings[egress], proof.footing(refuse=self._refuse)
        if now == before:
            return
        self._footings[egress] = now
        self._measure(egress, now.state)
        self._guide([name for name, (_, way) in self._ways.items() if egress in way.egresses])
        self._tell(egress, now)

    def registered(self, egress: Egress, registration: Registration) -> None:
        """Take what is known of an address under a way's certificate: it concerns the calls of that way alone."""
        place = (registration.way, egress)
        before = self._registrations.get(place)
        self._registrations[place] = registration
        self._metrics.egress_registered(registration.way, str(egress), registration.state.value)
        if before is None or before.state is not registration.state:
            self._guide([registration.way])
            self._tell_registration(egress, registration)

    def registry_said(self, egress: Egress, registration: Registration, registry: str, silent: str) -> None:
        """Take what came of an enquiry; silence is told when it begins."""
        place = (registration.way, egress)
        if silent and place not in self._silent:
            self._logger.warning(
                "registry_silent", registry=registry, way=registration.way, egress=str(egress), detail=silent
            )
        (self._silent.add if silent else self._silent.discard)(place)

    def _guide(self, names: Iterable[str]) -> None:
        """Have ways go by how each of their egresses stands for them, and readiness by whether any is left to one."""
        for name in names:
            guided, way = self._ways[name]
            guided.stand([self._footing(name, each) for each in way.egresses])
        stand = [self._footing(name, each) for name, (_, way) in self._ways.items() for each in way.egresses]
        lost = dict.fromkeys(footing.detail for footing in stand if not footing.usable)
        self._readiness.hinder("" if any(each.usable for each in stand) else f"no egress is left: {'; '.join(lost)}")

    def _footing(self, name: str, egress: Egress) -> Footing:
        footing, registration = self._footings[egress], self._registrations.get((name, egress))
        return footing if registration is None else registration.judged(footing, refuse=self._refuse)

    def proven(self, egress: Egress, at: datetime) -> None:
        """Take that a witness has just seen the address that is configured."""
        for tenant in self._of(egress):
            self._metrics.egress_proven(tenant, str(egress), at)

    def said(self, egress: Egress, number: int, witness: Witness, told: IPv4Address | WitnessSilent) -> None:
        """Take what a witness said."""
        address = None if isinstance(told, WitnessSilent) else told
        if (egress, number) in self._said and self._said[egress, number] == address:
            return
        self._said[egress, number] = address
        if isinstance(told, WitnessSilent):
            self._logger.warning("witness_silent", witness=witness.name, egress=str(egress), detail=told.detail)
        elif told == egress.seen_as:
            self._logger.info("witness_confirms", witness=witness.name, egress=str(egress))
        else:
            self._logger.warning("witness_differs", witness=witness.name, egress=str(egress), seen=str(told))

    def failed(self, egress: Egress, error: Exception) -> None:
        """Take a fault in our own code."""
        self._logger.error("egress_proof_failed", egress=str(egress), exc_info=error)

    def _of(self, egress: Egress) -> list[str]:
        return [tenant for tenant, egresses in self._tenants.items() if egress in egresses]

    def _measure(self, egress: Egress, state: State) -> None:
        for tenant in self._of(egress):
            self._metrics.egress(tenant, str(egress), state.value)

    def _tell_registration(self, egress: Egress, registration: Registration) -> None:
        known = {"egress": str(egress), "way": registration.way}
        match registration.state:
            case State.PROVEN:
                self._logger.info("address_registered", **known)
            case State.UNKNOWN:
                self._logger.warning("address_registration_unknown", **known)
            case State.OUT:
                _, way = self._ways[registration.way]
                facts = Facts(at=datetime.now(UTC), environment=way.environment, egress=str(egress))
                self._logger.error(
                    "address_not_registered",
                    **known,
                    refused=self._refuse,
                    remedy=remedy(Matter.ADDRESS_NOT_REGISTERED, way.card.for_log(), facts),
                )

    def _tell(self, egress: Egress, now: Footing) -> None:
        known = {"egress": str(egress), "source": str(egress.source), "tenants": self._of(egress)}
        match now.state:
            case State.PROVEN:
                self._logger.info("egress_proven", **known)
            case State.UNKNOWN:
                self._logger.warning("egress_unknown", **known)
            case State.OUT:
                why = now.why.value if now.why else ""
                self._logger.error("egress_out", **known, cause=why, detail=now.detail, refused=not now.usable)


class _Prover:
    """Proves one egress: looks whether its address is here, and asks witnesses."""

    def __init__(self, egress: Egress, witnesses: Sequence[Witness], every: float, news: _News) -> None:
        self._egress = egress
        self._witnesses = witnesses
        self._every = every
        self._news = news
        self._soon = asyncio.Event()
        self._proof = Proof(source=egress.source, seen_as=egress.seen_as, lasts=ROUNDS * every)

    def __repr__(self) -> str:
        return f"<_Prover of {self._egress}: {self._proof.state}>"

    def look(self) -> None:
        """Look whether the address is here; when it has come back, witnesses are asked soon."""
        was, here = self._proof.here, self._egress.here
        self._take(self._proof.looked(here=here, at=time.monotonic()))
        if here and not was:
            self._soon.set()

    async def ask(self) -> None:
        """Ask all witnesses at once, unless there is nowhere to ask from."""
        if not self._proof.here:
            return
        told = await asyncio.gather(*map(self._told, self._witnesses))
        now, words = time.monotonic(), dict[int, Word]()
        for number, (witness, answer) in enumerate(zip(self._witnesses, told, strict=True)):
            self._news.said(self._egress, number, witness, answer)
            if not isinstance(answer, WitnessSilent):
                words[number] = Word(witness=witness.name, address=answer, at=now, gate=witness.gate)
        self._take(self._proof.heard(words, at=now))
        if self._proof.state is State.PROVEN and any(word.address == self._egress.seen_as for word in words.values()):
            self._news.proven(self._egress, datetime.now(UTC))

    async def keep_looking(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                self.look()
            except Exception as error:  # noqa: BLE001  # whatever it is, an address that goes must still be noticed
                self._news.failed(self._egress, error)

    async def keep_asking(self) -> None:
        """Ask for ever."""
        while True:
            out = self._proof.state is State.OUT
            try:
                async with asyncio.timeout(min(self._every, _ASK_AGAIN) if out else self._every):
                    await self._soon.wait()
            except TimeoutError:
                pass
            self._soon.clear()
            try:
                await self.ask()
            except Exception as error:  # noqa: BLE001  # as above
                self._news.failed(self._egress, error)

    async def _told(self, witness: Witness) -> IPv4Address | WitnessSilent:
        try:
            return await witness.ask(self._egress)
        except WitnessSilent as silent:
            return silent

    def _take(self, proof: Proof) -> None:
        self._proof = proof
        self._news.stands(self._egress, proof)


async def _keep_asking(enquirer: Enquirer, every: float, news: _News) -> None:
    """Ask a registry for ever, and sooner while an address is not in it: what is registered there counts at once."""
    while True:
        await asyncio.sleep(min(every, _ASK_AGAIN) if enquirer.out else every)
        try:
            await enquirer.ask()
        except Exception as error:  # noqa: BLE001  # as above
            news.failed(enquirer.egress, error)


@asynccontextmanager
async def proving(
    built: Built, ways: Mapping[str, Guided], readiness: Readiness, logger: FilteringBoundLogger, metrics: Metrics
) -> AsyncIterator[None]:
    """Prove all egresses once, and again for as long as the block lasts; `ways` has one entry for each way out.

    What a registry is to be asked is asked at the same times.
    """
    news = _News(built, ways, readiness, logger, metrics)
    every = built.settings.egress_proof.every
    enquirers = [
        Enquirer(name, egress, entry, every, news)
        for name, entry in built.entries.items()
        for egress in built.ways[name].egresses
    ]
    provers = [_Prover(egress, built.witnesses, every, news) for egress in news.egresses]
    for prover in provers:
        prover.look()
    await asyncio.gather(*(prover.ask() for prover in provers), *(enquirer.ask() for enquirer in enquirers))
    tasks = [asyncio.create_task(prover.keep_looking()) for prover in provers]
    if built.witnesses:
        tasks += [asyncio.create_task(prover.keep_asking()) for prover in provers]
    tasks += [asyncio.create_task(_keep_asking(enquirer, every, news)) for enquirer in enquirers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
