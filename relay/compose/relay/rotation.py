"""One way out at work: the certificate that it shows, decided anew whenever anything changes and as time goes by."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from structlog.typing import FilteringBoundLogger

from relay.compose.relay.probing import Prober, Purpose
from relay.compose.relay.ways import BuiltWay, Loaded, mixed
from relay.observe.metrics import Metrics
from relay.people.matter import Facts, Matter
from relay.people.remedies import remedy
from relay.upstream.certificate import CertificateFault, KeptCertificate
from relay.upstream.expiry import IN_LOG, Once
from relay.upstream.keeper import Lack
from relay.upstream.orders import Orders
from relay.upstream.passport import Passport
from relay.upstream.probe import Verdict
from relay.upstream.proof import Footing
from relay.upstream.rotation import Because, Generation, Order, choose
from relay.upstream.watch import certificate_watch
from relay.x509.watch import FileWatch

# From so many days before the end on, it is told as an error.
_URGENT: Final = 7
# Between probes that fail: each pause is twice the last. Seconds.
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 600.0


class Shown(Protocol):
    """One way out, in however many processes; `footings` say how each of its egresses stands, once that is known."""

    footings: Sequence[Footing]

    def renew(self, passport: Passport) -> None:
        """Use this certificate for every call from now on."""
        ...

    def closed(self, cause: str) -> None:
        """Tell this to whoever calls, as long as there is no certificate that can be used."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tellers:
    """Whoever hears of certificates."""

    logger: FilteringBoundLogger
    metrics: Metrics
    # Keeps through a restart that a certificate was proved.
    record: Callable[[str, Order], object]
    # Whether VECOZO said of this way that a quota is exceeded, and nobody has lifted that.
    stopped: Callable[[str], bool]


class Rotation:
    """A way out with the certificate in use and, where one is meant to, the one that takes over from it."""

    def __init__(self, way: BuiltWay, shown: Shown, tellers: Tellers, prober: Prober | None) -> None:
        self.way = way
        self._shown = shown
        self._tellers = tellers
        self._prober = prober
        self._current = way.current.passport
        self._next = way.next.passport if way.next else None
        self._order = way.order
        self._proved = False
        self._choice = way.choice
        self._in_force = way.passport
        self._in_log = Once(IN_LOG)
        self._doubted: set[str] = set()
        self._probe_now = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Rotation of {self.way.name}: {self._choice.generation}, for {self._choice.because}>"

    @property
    def has(self) -> list[Passport]:
        """The certificates that it has, shown or not."""
        return [passport for passport in (self._current, self._next) if passport is not None]

    def begin(self) -> None:
        """Tell how it stands at the start."""
        for loaded in filter(None, (self.way.current, self.way.next)):
            if loaded.fault is not None:
                self._tell_refused(loaded.fault)
            for doubt in loaded.passport.doubts if loaded.passport else ():
                self._warn("certificate_doubtful", detail=doubt)
        if self._in_force is None:
            self._tellers.metrics.closed(self.way.tenant, self.way.name)
        self._measure()
        if self._choice.generation is Generation.NEXT:
            self._tell_choice()

    @property
    def in_force(self) -> Passport | None:
        """The certificate that it shows; None while it is closed."""
        return self._in_force

    @property
    def footings(self) -> Sequence[Footing]:
        """How each of its egresses stands, once that is known."""
        return self._shown.footings

    def facts(self, at: datetime) -> Facts:
        """Return what is known of the way whatever is the matter."""
        passport = self._in_force
        return Facts(
            at=at,
            environment=self.way.environment,
            egress=str(self.way.egresses[0]),
            serial=passport.serial if passport else "",
            not_after=passport.not_after if passport else None,
        )

    # -- what it hears -----------------------------------------------------------------------------------------

    def ordered(self, orders: Orders) -> None:
        """Take what a person ordered."""
        self._order = orders.get(self.way.name)
        self.decide(datetime.now(UTC))

    def hurry(self) -> None:
        """Probe at once, if a probe is what is waited for, and ask vaults at the next look."""
        self._probe_now.set()
        for loaded in filter(None, (self.way.current, self.way.next)):
            loaded.kept.keeper.hurry()

    def decide(self, at: datetime) -> None:
        """Show the certificate that is to be shown at this moment."""
        order, proved = self._order, self._proved
        choice = choose(self._current, self._next, self.way.plan, order=order, proved=proved, at=at)
        before, self._choice = self._choice, choice
        passport = self._next if choice.generation is Generation.NEXT else self._current
        if passport is not None and passport is not self._in_force:
            self._in_force = passport
            self._shown.renew(passport)
        rolled_back = choice.because is Because.ROLLED_BACK and choice != before
        if (choice.generation is not before.generation and choice.because is not Because.ALONE) or rolled_back:
            self._tell_choice()
        self._measure()

    def watches(
        self, others: Mapping[str, "Rotation"], now: Callable[[], datetime]
    ) -> list[FileWatch[Passport, CertificateFault]]:
        """Return the watches of its certificates. Environments never mix: what `others` have in another is refused."""

        def watch(loaded: Loaded, told: "_Current | _Next") -> FileWatch[Passport, CertificateFault]:
            def fit(passport: Passport) -> None:
                self._fit(passport, loaded.kept, others)

            return certificate_watch(
                loaded.kept,
                told,
                seen=loaded.stamp,
                made=loaded.passport,
                now=now,
                fit=fit,
                failing=loaded.fault is not None,
            )

        watches = [watch(self.way.current, _Current(self))]
        if self.way.next is not None:
            watches.append(watch(self.way.next, _Next(self)))
        return watches

    def _fit(self, passport: Passport, kept: KeptCertificate, others: Mapping[str, "Rotation"]) -> None:
        for other in others.values():
            if other.way.environment is self.way.environment:
                continue
            if any(each.fingerprint == passport.fingerprint for each in other.has):
                raise mixed(self.way, kept, other.way)

    def took_current(self, passport: Passport) -> None:
        """Take another certificate in use."""
        self._current = passport
        self._told_taken(passport, "certificate_taken")

    def took_next(self, passport: Passport) -> None:
        """Take another certificate that is to take over."""
        self._next, self._proved = passport, False
        self._told_taken(passport, "certificate_next_taken")
        self._probe_now.set()

    def refused(self, fault: CertificateFault) -> None:
        """Take that what is kept now cannot be used, or not be had."""
        if self._in_force is None:
            self._shown.closed(fault.cause)
        self._tellers.metrics.reloaded(self.way.tenant, self.way.name, taken=False)
        self._tell_refused(fault)

    def refused_next(self, fault: CertificateFault) -> None:
        """Take that the next one as kept now cannot be used; when it is taken away, it takes over no more."""
        if fault.lack is Lack.ABSENT:
            if self._next is not None and self._choice.generation is Generation.CURRENT:
                self._next = None
                self._info("certificate_next_withdrawn", detail=fault.detail)
                self.decide(datetime.now(UTC))
        else:
            self._tellers.metrics.reloaded(self.way.tenant, self.way.name, taken=False)
            self._tell_refused(fault)

    # -- what it does by itself --------------------------------------------------------------------------------

    async def keep_probing(self) -> None:
        """Probe for ever, whenever that is what the next certificate waits for."""
        while True:
            pause = _FIRST_PAUSE
            while self._choice.because is Because.UNPROVED and self._next is not None and self._prober is not None:
                if self._tellers.stopped(self.way.name):
                    break  # whoever goes on after a 429 is blocked: not under another certificate either
                self._probe_now.clear()
                if await self._probe(self._next, self._prober):
                    break
                try:
                    async with asyncio.timeout(pause):
                        await self._probe_now.wait()
                except TimeoutError:
                    pause = min(2 * pause, _LONGEST_PAUSE)
                else:
                    pause = _FIRST_PAUSE
            await asyncio.sleep(1)

    async def _probe(self, passport: Passport, prober: Prober) -> bool:
        """Probe once under this certificate; return whether it need not be done again."""
        outcome = await prober.ask(Purpose.NEXT, passport, self.way.egresses, self._shown.footings)
        if passport is not self._next:
            return False
        if outcome.succeeded:
            self._proved = True
            self._info("certificate_probe_succeeded", certificate=passport.serial, answer=outcome.told)
            if self._order is None or self._order.next != passport.fingerprint:
                self._tellers.record(self.way.name, Order(Generation.NEXT, passport.fingerprint))
            self.decide(datetime.now(UTC))
            return True
        self._warn("certificate_probe_failed", certificate=passport.serial, answer=outcome.told)
        if outcome.verdict is Verdict.QUOTA:
            # Whoever goes on after a 429 is blocked by VECOZO: somebody has to look, and then send SIGHUP.
            await self._probe_now.wait()
        return False

    def age(self, at: datetime) -> None:
        """Tell of the end of the certificate in force, as it comes nearer, and of revocation lists that are due."""
        passport = self._in_force
        if passport is None:
            return
        for doubt in passport.revocations.doubts(at):
            if doubt not in self._doubted:
                self._doubted.add(doubt)
                key = f"tenants.{self.way.tenant}.trust_revocations"
                self._warn("upstream_revocations_doubtful", key=key, detail=doubt)
        days = (passport.not_after - at).days
        if (within := self._in_log.reached(passport.fingerprint, passport.not_after, at)) is not None:
            logger = self._tellers.logger
            (logger.error if within <= _URGENT else logger.warning)(
                "certificate_expires" if within else "certificate_expired",
                tenant=self.way.tenant,
                way=self.way.name,
                certificate=passport.serial,
                not_after=passport.not_after.isoformat(),
                days=days,
                within=within,
                remedy=remedy(Matter.CERTIFICATE_EXPIRING, self.way.card.for_log(), self.facts(at)),
            )

    # -- what it tells -----------------------------------------------------------------------------------------

    def _told_taken(self, passport: Passport, event: str) -> None:
        self.decide(datetime.now(UTC))
        self._tellers.metrics.reloaded(self.way.tenant, self.way.name, taken=True)
        for doubt in passport.doubts:
            self._warn("certificate_doubtful", detail=doubt)
        self._info(
            event,
            certificate=passport.serial,
            not_after=passport.not_after.isoformat(),
            in_force=passport is self._in_force,
            because=self._choice.because.value,
        )

    def _tell_choice(self) -> None:
        serial = self._in_force.serial if self._in_force else ""
        over = self._choice.generation is Generation.NEXT
        event = "certificate_cut_over" if over else "certificate_rolled_back"
        self._info(event, certificate=serial, because=self._choice.because.value)

    def _measure(self) -> None:
        metrics, tenant, name = self._tellers.metrics, self.way.tenant, self.way.name
        if self._in_force is not None:
            metrics.certificate(tenant, name, self._in_force.not_after)
        if self.way.next is not None:
            following = self._next.not_after if self._next else None
            metrics.next_certificate(tenant, name, following, in_force=self._choice.generation is Generation.NEXT)

    def _tell_refused(self, fault: CertificateFault) -> None:
        following = self.way.next
        if fault.lack is Lack.ABSENT and following is not None and fault.key.startswith(following.kept.key):
            self._info("certificate_next_awaited", detail=fault.detail)
            return
        self._tellers.logger.error(
            "certificate_refused",
            tenant=self.way.tenant,
            way=self.way.name,
            key=self.way.key_of(fault),
            detail=fault.detail,
        )

    def _info(self, event: str, **facts: object) -> None:
        self._tellers.logger.info(event, tenant=self.way.tenant, way=self.way.name, **facts)

    def _warn(self, event: str, **facts: object) -> None:
        self._tellers.logger.warning(event, tenant=self.way.tenant, way=self.way.name, **facts)


class _Current:
    """Hears of the certificate in use."""

    def __init__(self, rotation: Rotation) -> None:
        self.taken, self.refused = rotation.took_current, rotation.refused


class _Next:
    """Hears of the certificate that takes over."""

    def __init__(self, rotation: Rotation) -> None:
        self.taken, self.refused = rotation.took_next, rotation.refused_next
