"""The server where several relays count together, asked as the relay asks it."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime

from relay.compose.relay.build import build_count
from relay.doctor.finding import Finding, State, Step
from relay.gateway.shares import CommonCountAway
from relay.settings.relay import RelaySettings

_MEND = "Mend that: meanwhile each relay goes by its own counts, and signed calls get 503."


async def sharing(settings: RelaySettings, now: Callable[[], datetime]) -> AsyncIterator[Finding]:
    """Yield how it answered, where there is to be one."""
    count = build_count(settings)
    if count is None:
        return
    try:
        await count.add("looked", 1, 60)
    except CommonCountAway as fault:
        yield Finding(step=Step.SHARED, state=State.WARNING, what=f"shared.url: {fault}", at=now(), next=_MEND)
    else:
        yield Finding(
            step=Step.SHARED, state=State.GOOD, what="The server where relays count together counts", at=now()
        )
    finally:
        await count.close()
