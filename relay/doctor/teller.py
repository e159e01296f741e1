"""Tells what is found along one way out, worded from the card of its tenant."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex

from relay.doctor.finding import Finding, State, Step
from relay.doctor.itinerary import Place, Way
from relay.doctor.known import Known
from relay.people.advice import Advice, advise
from relay.people.matter import Facts, Matter

_PERHAPS_GONE = "VECOZO itself does not state this host, and it may be gone: nothing to do unless you use it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Makes findings and hands them on. `trace` is the traceparent of the calls that are made."""

    way: Way
    now: Callable[[], datetime]
    tell: Callable[[Finding], None]
    known: Known = field(default_factory=Known)
    trace: str = field(default_factory=lambda: f"00-{token_hex(16)}-{token_hex(8)}-01")

    def good(self, step: Step, what: str, place: Place | None = None) -> None:
        """Tell that a step went well."""
        self.found(step, State.GOOD, what, None, place)

    def note(self, step: Step, what: str, then: str, place: Place | None = None) -> None:
        """Tell that a step could not be taken, and what to do about that."""
        self.found(step, State.NOTE, what, Advice(remedy=then), place)

    def warn(self, step: Step, what: str, then: str, place: Place | None = None) -> None:
        """Tell of something that does not end the road."""
        self.found(step, State.WARNING, what, Advice(remedy=then), place)

    def broken(self, step: Step, what: str, advice: Advice, place: Place) -> None:
        """Tell where the road ends; at a host that was seen in client code only, beside others, that is a warning."""
        if any(route.verified for route in self.way.places[place]) or len(self.way.places) == 1:
            self.found(step, State.FAILED, what, advice, place)
        else:
            self.warn(step, what, _PERHAPS_GONE, place)

    def found(
        self, step: Step, state: State, what: str, advice: Advice | None = None, place: Place | None = None
    ) -> None:
        """Tell a finding."""
        self.tell(
            Finding(
                step=step,
                state=state,
                what=what,
                at=self.now(),
                way=self.way.name,
                place=f"{place[0]}:{place[1]}" if place else "",
                next=advice.remedy if advice else "",
                letters=advice.letters if advice else (),
            )
        )

    def advice(
        self,
        matter: Matter,
        *,
        egress: str = "",
        host: str = "",
        service: str = "",
        said: str = "",
        seen_as: str = "",
    ) -> Advice:
        """Return what to do when this is the matter; what is known of the way itself is added."""
        passport, address = self.way.passport, egress or str(self.way.egresses[0])
        facts = Facts(
            at=self.now(),
            environment=self.way.environment,
            egress=address,
            seen_as=seen_as,
            serial=passport.serial if passport else "",
            not_after=passport.not_after if passport else None,
            phrase=said,
            service=service,
            host=host,
            trace_ids=(self.trace,) if said else (),
            last_good=self.known.last_good.get((self.way.name, address)),
            mistake=self.way.mistake,
        )
        return advise(matter, self.way.card, facts)
