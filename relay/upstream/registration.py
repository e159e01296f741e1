"""Whether a registry has an egress address for a certificate: what it said last, with time as an argument. Pure.

*Proven* when it has it, *out* when it says that it has not, and then until it says otherwise; *unknown* when it was not
asked, or has been silent for long.
"""

from dataclasses import dataclass, replace

from relay.upstream.proof import Footing, State, Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is known of one address under one certificate. A word counts for `lasts` seconds, of any clock."""

    way: str
    address: str
    lasts: float
    state: State = State.UNKNOWN
    at: float = 0.0

    def heard(self, has: bool | None, *, at: float) -> "Registration":  # noqa: FBT001  # what the registry said
        """Return what is known after an enquiry; None where the registry was silent."""
        if has is not None:
            return replace(self, state=State.PROVEN if has else State.OUT, at=at)
        lapsed = self.state is State.PROVEN and at - self.at > self.lasts
        return replace(self, state=State.UNKNOWN) if lapsed else self

    def judged(self, egress: Footing, *, refuse: bool) -> Footing:
        """Return how the egress stands for calls under this certificate: it proves nothing, and may put it out."""
        if self.state is State.UNKNOWN:
            return egress
        registered = self.state is State.PROVEN
        if registered or egress.state is State.OUT:
            return replace(egress, registered=registered)
        return replace(
            egress,
            state=State.OUT,
            usable=not refuse,
            why=Why.ADDRESS_NOT_REGISTERED,
            detail=f"the registry does not have {self.address} for the certificate of {self.way}",
            registered=False,
        )
