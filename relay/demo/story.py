"""The story, step by step: refused, explained, registered, passed, proved. A step that differs is said to differ."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from relay.demo.stage import EGRESS
from relay.demo.visitor import Visitor
from relay.soap.cov import InsuredOutcome, Outcome, QueryOutcome
from relay.upstream.refusal import Cause

_PROOF = ("relay_calls_total", "relay_upstream_refusals_total", "gate_calls_total")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One step as it happened. `differs` says what is not as it should be; empty when all is well."""

    title: str
    seen: str
    explained: str = ""
    lines: list[str] = field(default_factory=list)
    differs: str = ""


async def tell(visitor: Visitor) -> AsyncIterator[Told]:
    """Yield each step after it happened; ends at the first that differs."""
    for step in (_refused, _registered, _passed, _proved):
        told = await step(visitor)
        yield told
        if told.differs:
            return


async def _refused(visitor: Visitor) -> Told:
    heard = await visitor.ask()
    cause = heard.fields.get("X-Relay-Cause", "")
    egress = heard.fields.get("X-Relay-Egress", "")
    return Told(
        title="A Dynamics module asks an insurance check through the relay, whose address nobody has registered",
        seen=heard.line,
        explained=f"The gate says no more than that. The relay adds: {cause}, called from {egress}. "
        "The address is not registered for this certificate, or the certificate is blocked.",
        differs=_difference(
            (heard.line, "403 Forbidden"), (cause, Cause.ADDRESS_OR_BLOCKED.value), (egress, str(EGRESS))
        ),
    )


async def _registered(visitor: Visitor) -> Told:
    heard = await visitor.register()
    return Told(
        title=f"The contact person registers {EGRESS}, with a personal certificate",
        seen=heard.line,
        explained="The change counts at once.",
        differs=_difference((heard.line, "201 Created")),
    )


async def _passed(visitor: Visitor) -> Told:
    heard = await visitor.ask()
    results = re.findall(r"Resultaat>([A-Za-z]+)</", heard.body)
    wanted = [Outcome.ACCEPTED, QueryOutcome.FOUND, InsuredOutcome.ACTIVE]
    return Told(
        title="The same call again",
        seen=heard.line,
        explained=f"The insurance check answered: {', '.join(results)}.",
        differs=_difference((heard.line, "200 OK"), (results[:3], [str(result) for result in wanted])),
    )


async def _proved(visitor: Visitor) -> Told:
    lines = await visitor.metrics(*_PROOF)
    one_refusal = [line for line in lines if line.startswith("relay_upstream_refusals_total") and line.endswith(" 1.0")]
    return Told(
        title="The metrics that prove it, the relay's and the gate's",
        seen=f"{len(lines)} lines",
        lines=lines,
        differs=_difference((len(one_refusal), 1), (any("gate_calls_total" in line for line in lines), True)),
    )


def _difference(*pairs: tuple[object, object]) -> str:
    return "; ".join(f"{seen!r} instead of {wanted!r}" for seen, wanted in pairs if seen != wanted)
