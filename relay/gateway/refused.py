"""What the history keeps of a refused call: names from the settings, and what VECOZO said, made fit to be shown."""

import re
from datetime import datetime
from typing import Final

from relay.errors import Sent
from relay.message.fields import Fields
from relay.message.head import ResponseHead
from relay.observe.exchange import Exchange
from relay.observe.history import Refused
from relay.people.matter import foreign
from relay.tenant.routing import Route

# W3C Trace Context section 3.2, and B3. Both travel on, so VECOZO Support can find the call by them.
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-")
_B3: Final = re.compile(rb"([0-9A-Fa-f]{32}|[0-9A-Fa-f]{16})\Z")


def refused(
    record: Exchange,
    route: Route,
    fields: Fields,
    *,
    cause: str,
    certificate: str,
    sent: Sent,
    last_good: datetime | None,
    answer: ResponseHead | None = None,
) -> Refused:
    """Return what is kept of a call with these fields, once it is refused for this cause: by an answer, or by TLS."""
    return Refused(
        at=record.at,
        id=record.id,
        trace=trace_of(fields),
        tenant=record.tenant,
        environment=route.environment,
        family=route.family,
        way=route.way,
        route=route.name,
        egress=record.egress,
        certificate=certificate,
        cause=cause,
        status=answer.status if answer else 0,
        reason=foreign(answer.reason.decode("latin-1")) if answer else "",
        sent=sent,
        last_good=last_good,
    )


def trace_of(fields: Fields) -> str:
    """Return the trace id that a caller gave a call, or nothing where there is none that a machine has made."""
    for name, shape in ((b"traceparent", _TRACEPARENT), (b"x-b3-traceid", _B3)):
        found = shape.match(fields.first(name) or b"")
        # Of decimal digits alone it would be a number, and people's numbers are not kept.
        if found is not None and not found[1].isdigit():
            return found[1].decode()
    return ""
