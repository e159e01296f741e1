"""The mail server, spoken to as for a mail, and none sent."""

from collections.abc import Callable
from datetime import datetime

from relay.compose.relay.build import build_mail
from relay.doctor.finding import Finding, State, Step
from relay.mail.server import MailFault
from relay.settings.relay import RelaySettings

_MEND = "Mend that, or people on the cards hear of nothing; calls go on without."


async def post(settings: RelaySettings, now: Callable[[], datetime]) -> Finding:
    """Return how the mail server took it."""

    def found(state: State, what: str, then: str = "") -> Finding:
        return Finding(step=Step.MAIL, state=state, what=what, at=now(), next=then)

    server = build_mail(settings)
    if server is None:
        return found(State.NOTE, "Nobody is mailed by itself.", "Give [mail] if contact persons are to be mailed.")
    try:
        return found(State.GOOD, await server.greet())
    except MailFault as fault:
        return found(State.WARNING, f"{fault.key}: {fault.detail}", _MEND)
