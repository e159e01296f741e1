"""A call of our own that does no harm: asked through a way out, and what its answer proves of certificate and address.

It is made where no caller's call should go first: while a guard holds, under a certificate that is not in force yet,
and by `relay doctor`.
"""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import orjson

from relay.errors import CallerGone, RelayError
from relay.message.framing import NO_BODY, Length
from relay.message.head import ResponseHead
from relay.people.matter import foreign
from relay.settings.words import Cause, Family, Wording
from relay.soap.recognise import media_type
from relay.upstream.door import Upstream
from relay.upstream.passage import Passage
from relay.upstream.refusal import Readings, classify, is_a_services_fault

# Seconds for the whole of it, and of those for the body, once the head is here.
_PATIENCE: Final = 30.0
_REST_SECONDS: Final = 5.0
# Octets of the answer's body that are looked at; the rest is not waited for.
_ENOUGH: Final = 16 * 1024

# How the reference gate's `whoami` says that a call would be refused for its address: it answers 200 to whoever asks.
_ADDRESS_UNKNOWN: Final = "address_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a host: the whole head and body, `what` it is in words, and how `route` words its refusals.

    `expects` stands in a good answer's body, where that is known.
    """

    host: str
    port: int
    method: bytes
    head: bytes
    body: bytes = b""
    what: str
    route: str
    family: Family
    wording: Wording
    expects: bytes = b""

    @property
    def path(self) -> str:
        """The path that is asked for, without a query."""
        return self.head.split(b" ", 2)[1].partition(b"?")[0].decode("latin-1")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer's head, and the beginning of its body."""

    head: ResponseHead
    beginning: bytes


class Verdict(StrEnum):
    """What came of a probe, for certificate and address: let pass, refused for the address or a block, or neither."""

    PASSED = "passed"
    REFUSED = "refused"
    QUOTA = "quota"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a probe. `status` is 0 where there was no answer; `told` is the answer, or why there is none."""

    status: int
    told: str
    verdict: Verdict

    @property
    def succeeded(self) -> bool:
        """Whether the certificate is good for calls, as far as this question tells: a service's fault is not enough."""
        return 200 <= self.status < 300 and self.verdict is Verdict.PASSED


async def ask(upstream: Upstream, question: Question) -> Answer:
    """Return what is answered. Raises the RelayError that came instead."""
    coming = _Coming()
    passage = Passage(
        coming,
        host=question.host,
        port=question.port,
        method=question.method,
        head=question.head,
        framing=Length(len(question.body)) if question.body else NO_BODY,
        octets=question.body,
        rest=None,
    )
    try:
        upstream.send(passage)
        await coming.answer
        return Answer(passage.answer, await _beginning(passage))
    finally:
        passage.abandon()


async def probe(upstream: Upstream, question: Question, readings: Readings) -> Outcome:
    """Ask, and return what came of it; raises nothing that a network can bring about."""
    try:
        async with asyncio.timeout(_PATIENCE):
            answer = await ask(upstream, question)
    except TimeoutError:
        return Outcome(0, f"no answer within {_PATIENCE:g} seconds", Verdict.UNCLEAR)
    except RelayError as fault:
        return Outcome(0, fault.detail, Verdict.UNCLEAR)
    told = foreign(f"{answer.head.status} {answer.head.reason.decode('latin-1')}")
    return Outcome(answer.head.status, told, verdict(answer, question, readings))


def verdict(answer: Answer, question: Question, readings: Readings) -> Verdict:
    """Return what an answer proves, read as the answers to callers' calls on that route are."""
    head = answer.head
    refusal = classify(head, answer.beginning, question.wording, family=question.family, rows=readings.rows)
    if refusal is not None and not refusal.passed:
        match refusal.cause:
            case Cause.ADDRESS_OR_BLOCKED | Cause.BLOCKED:
                return Verdict.REFUSED
            case Cause.QUOTA:
                return Verdict.QUOTA
            case _:
                return Verdict.UNCLEAR
    if refusal is not None or is_a_services_fault(head):
        return Verdict.PASSED
    return _of_whoami(answer) if 200 <= head.status < 300 else Verdict.UNCLEAR


def _of_whoami(answer: Answer) -> Verdict:
    """Return what a 2xx proves: that it passed, unless it says itself that a call would not."""
    if media_type(answer.head.fields.first(b"content-type")) != b"application/json":
        return Verdict.PASSED
    try:
        told = orjson.loads(answer.beginning)
    except ValueError:
        return Verdict.PASSED
    if not isinstance(told, dict) or told.get("admitted") is not False:
        return Verdict.PASSED
    return Verdict.REFUSED if told.get("reason") == _ADDRESS_UNKNOWN else Verdict.UNCLEAR


async def _beginning(passage: Passage) -> bytes:
    rest = passage.answer_rest
    if rest is None:
        return passage.answer_octets
    taken = _Taken(passage.answer_octets)
    rest.flow(taken)
    try:
        async with asyncio.timeout(_REST_SECONDS):
            await taken.enough.wait()
    except TimeoutError:
        pass  # what is here has to do
    return taken.octets


class _Coming:
    """The `Receiver`: what came of the call."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def answered(self, passage: Passage) -> None:
        """Take the answer."""
        del passage  # its maker has it
        if not self.answer.done():
            self.answer.set_result(None)

    def failed(self, fault: Exception) -> None:
        """Take the fault."""
        if not self.answer.done():
            self.answer.set_exception(fault)


class _Taken:
    """The `Sink` of as much of the body as is looked at."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.enough = asyncio.Event()

    def take(self, octets: bytes) -> None:
        """Take octets of the body."""
        self.octets += octets
        if len(self.octets) >= _ENOUGH:
            self.enough.set()

    def over(self) -> None:
        """Take that this was all."""
        self.enough.set()

    def broke(self, fault: CallerGone | RelayError) -> None:
        """Take that no more comes."""
        del fault
        self.enough.set()
