"""What an answer proves: whether the certificate was accepted, the address registered, the call itself well. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from relay.doctor.finding import State, Step
from relay.message.head import ResponseHead
from relay.people.matter import Matter, foreign
from relay.upstream.probe import Question
from relay.upstream.refusal import Cause, Readings, Refusal, classify, is_a_services_fault

_SOAP: Final = b"Envelope"


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


def read(head: ResponseHead, beginning: bytes, probe: Question, readings: Readings) -> Iterator[Proven]:
    """Yield what the answer to a probe proves, step by step; the first failure is where the road breaks."""
    said = f"{probe.what} was answered {phrase(head)}"
    refusal = classify(head, beginning, probe.wording, family=probe.family, rows=readings.rows)
    if refusal is not None:
        yield from _refused(refusal, said)
        return
    yield from _past_the_gate(sure=_well(head, beginning, probe) or is_a_services_fault(head))
    yield _call(head.status, beginning, probe, said[0].upper() + said[1:])


def _past_the_gate(*, sure: bool) -> Iterator[Proven]:
    if sure:
        yield Proven(Step.ACCEPTED, State.GOOD, "The gate took the system certificate")
        yield Proven(Step.REGISTERED, State.GOOD, "The gate let the call pass from this address")
    else:
        yield Proven(Step.REGISTERED, State.NOTE, "This answer does not tell whether the gate let the call pass.")


def _refused(refusal: Refusal, said: str) -> Iterator[Proven]:
    matter = Matter(refusal.cause.value)
    match refusal.cause:
        case Cause.CERTIFICATE_INVALID:
            yield Proven(Step.ACCEPTED, State.FAILED, f"The certificate is not accepted: {said}.", matter)
        case Cause.FUNCTIONAL:
            yield from _past_the_gate(sure=refusal.passed)
            yield Proven(Step.CALL, State.WARNING, f"The service itself refused: {said}.", matter)
        case Cause.QUOTA:
            yield from _past_the_gate(sure=True)
            yield Proven(Step.CALL, State.FAILED, f"The quota is exceeded: {said}.", matter)
        case _:
            yield Proven(Step.ACCEPTED, State.GOOD, "The gate took the system certificate")
            what = f"The address is not registered, or the certificate is blocked: {said}."
            yield Proven(Step.REGISTERED, State.FAILED, what, matter)


def _well(head: ResponseHead, beginning: bytes, probe: Question) -> bool:
    """Whether it is the service that answered: a page, or the way to one, may be of anything on the road."""
    return 200 <= head.status < 300 and (probe.method != b"POST" or _SOAP in beginning)


def _call(status: int, beginning: bytes, probe: Question, said: str) -> Proven:
    if 200 <= status < 300:
        if probe.method == b"POST" and _SOAP not in beginning:
            return Proven(Step.CALL, State.FAILED, f"{said}, but not in SOAP: it is not the service that answers.")
        if probe.expects and probe.expects not in beginning:
            return Proven(Step.CALL, State.WARNING, f"{said}, but without {probe.expects.decode()} in it.")
        return Proven(Step.CALL, State.GOOD, said)
    if status == 500:
        return Proven(Step.CALL, State.WARNING, f"The service answered with a fault of its own: {said}.")
    if status in (502, 503, 504):
        return Proven(Step.CALL, State.FAILED, f"VECOZO's side is out of order: {said}.", Matter.UPSTREAM_OUT_OF_ORDER)
    return Proven(Step.CALL, State.FAILED, f"{said}.")
