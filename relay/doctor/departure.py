"""The way out, step by step: certificate, names, source address, what the world sees; then on to each place."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from relay.compose.relay.registered import Entry
from relay.doctor.clock import clock, date_of
from relay.doctor.finding import State, Step
from relay.doctor.gate import Gate
from relay.doctor.itinerary import Place
from relay.doctor.lookup import addresses_of
from relay.doctor.teller import Teller
from relay.errors import RelayError
from relay.people.advice import Advice
from relay.people.matter import Matter
from relay.registry.domain.special import special_within
from relay.upstream.egress import Egress
from relay.upstream.passport import Passport
from relay.upstream.refusal import Readings
from relay.upstream.registry import RegistrySilent
from relay.upstream.transport import Patience
from relay.upstream.witness import UrlWitness, WitnessSilent
from relay.x509.explain import SOON
from relay.x509.mistake import MISTAKES

_VECOZO: Final = ".vecozo.nl"


@dataclass(kw_only=True)
class Departure:
    """One walk along one way out. `timed` is set once the clock was held against another's."""

    teller: Teller
    patience: Patience
    witnesses: Sequence[UrlWitness]
    entry: Entry | None = None
    readings: Readings
    calls: bool = True
    timed: bool = False
    _proven: set[Egress] = field(default_factory=set, init=False)

    async def walk(self) -> None:
        """Tell each step; a failure ends what depends on it."""
        way = self.teller.way
        if way.passport is None:
            self._unusable(way.fault or ("certificate", "there is none"))
            return
        self._certificate(way.passport)
        places = [place for place in way.places if await self._resolved(place)]
        for egress in way.egresses if places else ():
            if not self.here(egress) or not await self._seen(egress) or not await self._registered(egress):
                continue
            for place in places:
                gate = Gate(
                    teller=self.teller,
                    place=place,
                    egress=egress,
                    passport=way.passport,
                    patience=self.patience,
                    calls=self.calls,
                    readings=self.readings,
                    proven=egress in self._proven,
                )
                date = await gate.pass_through()
                self._hold_against(date, place[0])

    def _unusable(self, fault: tuple[str, str]) -> None:
        """Tell why the certificate cannot be used; somebody else can help only where it is itself wrong."""
        key, what = fault
        way = self.teller.way
        if way.mistake is not None:
            what = f"{way.place}: {MISTAKES[way.mistake].what}"
        if way.unfit:
            advice = self.teller.advice(Matter.CERTIFICATE_UNUSABLE)
        elif key.endswith(("azure_secret", "aws_secret")):
            advice = Advice(
                remedy=f"Have the vault give it to the relay, or mend {key}; docs/certificates.md says what that takes."
            )
        else:
            advice = Advice(remedy=f"Put it in its place, where the relay can read it, or mend {key}.")
        self.teller.found(Step.SYSTEM_CERTIFICATE, State.FAILED, f"{key}: {what}", advice)

    def _certificate(self, passport: Passport) -> None:
        left, until = passport.not_after - self.teller.now(), f"valid until {passport.not_after:%d %B %Y}"
        if left <= SOON:
            what = f"{passport.serial} is {until}, for {left.days} more days."
            advice = self.teller.advice(Matter.CERTIFICATE_EXPIRING)
            self.teller.found(Step.SYSTEM_CERTIFICATE, State.WARNING, what, advice)
        else:
            self.teller.good(Step.SYSTEM_CERTIFICATE, f"{passport.serial}, {until}")
        for doubt in passport.doubts:
            self.teller.warn(Step.SYSTEM_CERTIFICATE, doubt, "`relay certificate show` looks at a file by itself.")
        for doubt in passport.revocations.doubts(self.teller.now()):
            then = f"Put the newer list where tenants.{self.teller.way.tenant}.trust_revocations says."
            self.teller.warn(Step.SYSTEM_CERTIFICATE, doubt, then)
        way = self.teller.way
        if way.number not in (None, way.card.user_number):
            what = f"Its user number is {way.number}, and the card says {way.card.user_number}."
            then = f"Give the file that is meant, or mend tenants.{way.tenant}.card.user_number: letters name it."
            self.teller.warn(Step.SYSTEM_CERTIFICATE, what, then)

    async def _resolved(self, place: Place) -> bool:
        host, _ = place
        try:
            found = await addresses_of(place, self.patience.connect)
        except (OSError, TimeoutError) as error:
            why = getattr(error, "strerror", None) or f"no answer within {self.patience.connect:g} seconds"
            what = f"{host} has no IPv4 address that can be found: {why}."
            self.teller.broken(Step.NAME, what, self.teller.advice(Matter.UPSTREAM_NAME_UNKNOWN, host=host), place)
            return False
        self.teller.good(Step.NAME, f"{host} is {', '.join(found)}", place)
        return True

    def here(self, egress: Egress) -> bool:
        """Tell whether calls can leave from there; return whether they can."""
        try:
            egress.socket().close()
        except RelayError as error:
            then = (
                f"Give this machine {egress.source} (`ip -4 address` lists the addresses it has), or set "
                f"source_address in tenants.{self.teller.way.tenant}.egress to one that it has; what VECOZO sees is "
                "then public_address."
            )
            self.teller.found(Step.SOURCE, State.FAILED, f"{error.detail}.", Advice(remedy=then))
            return False
        self.teller.good(Step.SOURCE, f"{egress.source} is an address of this machine")
        return self._public(egress)

    def _public(self, egress: Egress) -> bool:
        """Tell of an address that VECOZO can never see; a rehearsal may have one, the road to VECOZO ends there."""
        special = special_within(egress.seen_as, egress.seen_as)
        if special is None:
            return True
        way, kind = self.teller.way, special[1].value.replace("_", " ")
        in_earnest = any(host.endswith(_VECOZO) for host, _ in way.places)
        self.teller.found(
            Step.SOURCE,
            State.FAILED if in_earnest else State.WARNING,
            f"{egress} is a {kind} address, which VECOZO never sees and refuses to register.",
            Advice(remedy=f"Give the public one as public_address in tenants.{way.tenant}.egress."),
        )
        return not in_earnest

    async def _seen(self, egress: Egress) -> bool:
        """Ask every witness; return whether none sees another address than the one that is configured."""
        if not self.witnesses:
            what = f"No witness is configured, so nobody was asked whether the world sees {egress}."
            then = (
                "Name one in egress_proof.witnesses, or with --witness: a URL that answers with the address it sees, "
                "such as a gate's /whoami."
            )
            self.teller.note(Step.SEEN, what, then)
        return all([await self._asked(witness, egress) for witness in self.witnesses])

    async def _asked(self, witness: UrlWitness, egress: Egress) -> bool:
        name = witness.name
        try:
            word = await witness.word(egress)
        except WitnessSilent as silent:
            then = "That proves nothing either way: see whether the witness can be reached from the source address."
            self.teller.warn(Step.SEEN, f"{name} did not tell what it sees: {silent}.", then)
            return True
        self._hold_against(date_of(word.date), name)
        if word.address == egress.seen_as:
            self.teller.good(Step.SEEN, f"{name} sees {word.address}, as configured")
            self._proven.add(egress)
            return True
        advice = self.teller.advice(Matter.EGRESS_OUT, egress=str(egress), seen_as=str(word.address))
        what = f"{name} sees {word.address}, and {egress} is configured."
        self.teller.found(Step.SEEN, State.FAILED, what, advice)
        return False

    async def _registered(self, egress: Egress) -> bool:
        """Ask the registry, where there is one to ask; return whether it does not say that the address is unknown."""
        if self.entry is None:
            return True
        name = self.entry.registry.name
        try:
            has = await self.entry.registry.has(egress.seen_as, self.entry.user_number, egress)
        except RegistrySilent as silent:
            then = "That proves nothing either way: see egress_proof.registry in the settings, and whether it runs."
            self.teller.warn(Step.REGISTERED, f"{name} did not tell whether it has {egress}: {silent}.", then)
            return True
        if has:
            self.teller.good(Step.REGISTERED, f"{name} has {egress} for this certificate")
            return True
        advice = self.teller.advice(Matter.ADDRESS_NOT_REGISTERED, egress=str(egress))
        what = f"{name} does not have {egress} for this certificate, so no call was made from there."
        self.teller.found(Step.REGISTERED, State.FAILED, what, advice)
        return False

    def _hold_against(self, date: datetime | None, by: str) -> None:
        if date is not None and not self.timed:
            self.timed = True
            state, what = clock(date, self.teller.now(), by=by)
            advice = None if state is State.GOOD else self.teller.advice(Matter.CLOCK_WRONG)
            self.teller.found(Step.CLOCK, state, what, advice)
