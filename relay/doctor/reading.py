"""What an answer proves: whether the certificate was accepted, the address registered, the call itself well. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from relay.doctor.finding import State, Step
from relay.doctor.probe import Probe
from relay.message.head import ResponseHead
from relay.people.matter import Matter, foreign
from relay.settings.words import Wording
from relay.upstream.refusal import classify


@dataclass(frozen=True, slots=True)
class Proven:
    """What one answer says of one step; `matter` is what is to be advised on."""

    step: Step
    state: State
    what: str
    matter: Matter | None = None


def phrase(head: ResponseHead) -> str:
    """Return status and reason as VECOZO gave them."""
    return foreign(f"{head.status} {head.reason.decode('latin-1')}")


def read(head: ResponseHead, beginning: bytes, wording: Wording, probe: Probe) -> Iterator[Proven]:
    """Yield what the answer to a probe proves, step by step; the first failure is where the road breaks."""
    said = f"{probe.what} was answered {phrase(head)}"
    refusal = classify(head, beginning, wording) if head.status == 403 else None
    if refusal is not None:
        yield from _refused(Matter(refusal.cause.value), said)
        return
    if 200 <= head.status < 300 or head.status == 500 or head.status == 429:
        yield Proven(Step.ACCEPTED, State.GOOD, "The gate took the system certificate")
        yield Proven(Step.REGISTERED, State.GOOD, "The gate let the call pass from this address")
    else:
        yield Proven(Step.REGISTERED, State.NOTE, "This answer does not tell whether the gate let the call pass.")
    yield _call(head.status, beginning, probe, said[0].upper() + said[1:])


def _refused(matter: Matter, said: str) -> Iterator[Proven]:
    if matter is Matter.CERTIFICATE_INVALID:
        yield Proven(Step.ACCEPTED, State.FAILED, f"The certificate is not accepted: {said}.", matter)
        return
    yield Proven(Step.ACCEPTED, State.GOOD, "The gate took the system certificate")
    if matter is Matter.FUNCTIONAL:
        yield Proven(Step.REGISTERED, State.GOOD, "The gate let the call pass from this address")
        yield Proven(Step.CALL, State.WARNING, f"The service itself refused: {said}.", matter)
    else:
        what = f"The address is not registered, or the certificate is blocked: {said}."
        yield Proven(Step.REGISTERED, State.FAILED, what, matter)


def _call(status: int, beginning: bytes, probe: Probe, said: str) -> Proven:
    if status == 429:
        return Proven(Step.CALL, State.FAILED, f"The quota is exceeded: {said}.", Matter.QUOTA)
    if 200 <= status < 300:
        if probe.expects and probe.expects not in beginning:
            return Proven(Step.CALL, State.WARNING, f"{said}, but without {probe.expects.decode()} in it.")
        return Proven(Step.CALL, State.GOOD, said)
    if status == 500:
        return Proven(Step.CALL, State.WARNING, f"The service answered with a fault of its own: {said}.")
    if status in (502, 503, 504):
        return Proven(Step.CALL, State.FAILED, f"VECOZO's side is out of order: {said}.", Matter.UPSTREAM_UNREACHABLE)
    return Proven(Step.CALL, State.FAILED, f"{said}.")
