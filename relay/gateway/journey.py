"""The journey of one call: known, placed, sent on, answered; and what is kept of it."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from relay.auth.caller import Caller
from relay.errors import (
    BodyTooLarge,
    BodyTooSlow,
    CallerGone,
    InternalFault,
    OutcomeUnknown,
    RelayError,
    Sent,
    UpstreamTimeout,
)
from relay.front.call import Call
from relay.gateway.admission import SAFE, Admission, Placed
from relay.message.body import Body
from relay.message.fields import Field
from relay.message.framing import Length
from relay.message.head import request_octets
from relay.message.rewrite import rewrite_request, rewrite_response
from relay.observe.exchange import Exchange, Source
from relay.problems.answer import Answer, answer, http_date
from relay.problems.table import PROBLEMS
from relay.soap.recognise import soap_version
from relay.upstream.door import Outgoing, Passage, Upstream
from relay.upstream.refusal import classify

# Nobody gets this status: it says in logs and metrics that the caller left, as nginx has taught everyone.
CALLER_LEFT: Final = 499


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """What every journey needs. `upstreams` has one entry for each tenant; deadlines are in seconds."""

    admission: Admission
    upstreams: Mapping[str, Upstream]
    pseudonym: bytes
    total: float
    first_byte: float


class Journey:
    """One call on its way; `travel` takes it there and back."""

    __slots__ = ("_call", "_caller", "_outgoing", "_placed", "_road", "record")

    def __init__(self, call: Call, road: Road, record: Exchange) -> None:
        self._call = call
        self._road = road
        self.record = record
        self._caller: Caller | None = None
        self._placed: Placed | None = None
        self._outgoing: Outgoing | None = None

    async def travel(self) -> None:
        """Take the call to the upstream and its answer back. Raises RelayError or CallerGone."""
        placed = self._admit()
        upstream = self._road.upstreams[placed.tenant.name]
        self.record.egress = str(upstream.egress)
        outgoing = self._outgoing = self._prepare(placed)
        if outgoing.method in SAFE:
            _cancel_when_gone(self._call)
        self._call.proceed()
        deadline = Deadline(self._road.total)
        try:
            passage = await self._send(upstream, outgoing)
            try:
                await self._bring_back(passage, placed)
            finally:
                passage.close()
        except asyncio.CancelledError:
            if not deadline.struck():
                raise
            self._too_late(outgoing)
        finally:
            deadline.lift()

    def answer(self, error: RelayError) -> None:
        """Give the caller an answer of our own; once another has begun, break that off."""
        if error.sent is Sent.UNKNOWN and not self._harmless:
            error = OutcomeUnknown(error.detail)
        if self.record.sent is Sent.NO:
            self.record.sent = error.sent
        if self._call.started:
            self._call.abort()
            return
        told = self._own_answer(error)
        self.record.status, self.record.source = told.head.status, Source.RELAY
        self.record.cause, self.record.remedy = PROBLEMS[type(error)].code, PROBLEMS[type(error)].remedy
        with suppress(CallerGone):
            self._call.answer(told.head, told.body if self._call.head.method != b"HEAD" else b"")

    def left(self) -> None:
        """Note that the caller is gone; what the upstream answered, if it did, is noted already."""
        self.record.status, self.record.source = CALLER_LEFT, Source.CALLER
        self.record.cause = "caller_left"
        if self._outgoing and self._outgoing.begun and self.record.sent is Sent.NO and self._outgoing.body.ended:
            self.record.sent = Sent.UNKNOWN

    def own_fault(self) -> RelayError:
        """Return what to tell after a fault in our own code: never that nothing was sent when something was."""
        if self._outgoing is None or not self._outgoing.begun:
            return InternalFault("the relay failed before anything was sent")
        return OutcomeUnknown("the relay failed after the call was sent")

    # -- there -----------------------------------------------------------------------------------------------

    def _admit(self) -> Placed:
        admission, record = self._road.admission, self.record
        target, self._caller = admission.known(self._call.head)
        record.client, record.way = self._caller.client, self._caller.way
        placed = self._placed = admission.placed(self._call.head, self._call.framing, target, self._caller)
        record.tenant, record.route = placed.tenant.name, placed.route.name
        record.environment = placed.route.environment
        return placed

    def _prepare(self, placed: Placed) -> Outgoing:
        head = rewrite_request(
            self._call.head,
            target=placed.target.octets,
            host=placed.route.authority,
            secrets=self._road.admission.authenticator.secrets,
            framing=self._call.framing,
            pseudonym=self._road.pseudonym,
        )
        bounded = isinstance(self._call.framing, Length)  # and within the limit: admission saw to that
        return Outgoing(
            host=placed.route.host,
            port=placed.route.port,
            method=head.method,
            head=request_octets(head),
            framing=self._call.framing,
            body=self._call.body if bounded else Bounded(self._call.body, self._road.admission.max_body),
            first_byte=self._road.first_byte,
        )

    async def _send(self, upstream: Upstream, outgoing: Outgoing) -> Passage:
        passage = await upstream.call(outgoing)
        record = self.record
        record.sent = Sent.YES
        record.upstream_status = passage.head.status
        record.upstream_seconds = passage.seconds
        record.certificate, record.upstream = passage.serial, passage.connection.peer
        record.reused = passage.reused
        return passage

    def _too_late(self, outgoing: Outgoing) -> None:
        """Tell apart who was late when the total deadline struck."""
        if self._call.started:
            self.record.cause = PROBLEMS[UpstreamTimeout].code
            self._call.abort()
            return
        if not outgoing.begun or not outgoing.body.ended:
            raise BodyTooSlow("the total deadline struck before the whole body was sent on")
        raise UpstreamTimeout(f"no answer within {self._road.total:g} seconds in all")

    # -- and back --------------------------------------------------------------------------------------------

    async def _bring_back(self, passage: Passage, placed: Placed) -> None:
        """Stream the upstream's answer: unchanged, and never looking complete when it is not."""
        record, reply = self.record, passage.reply
        record.status, record.source = passage.head.status, Source.UPSTREAM
        if passage.head.status == 403:
            refusal = classify(passage.head, await reply.beginning(), placed.route.wording)
            record.cause, record.remedy = refusal.cause.value, refusal.remedy
        head = rewrite_response(passage.head, own=self._own_fields(passage))
        if reply.complete and isinstance(reply.framing, Length):
            # Most answers are here with their heads, and leave with them.
            self._call.answer(head, reply.ready())
            return
        self._call.start(head, reply.framing)
        try:
            while octets := await reply.read():
                await self._call.write(octets)
        except RelayError as error:
            # The status is out already: only a broken connection tells that the answer is not complete.
            record.cause, record.remedy = PROBLEMS[type(error)].code, error.detail
            self._call.abort()
        else:
            self._call.finish()

    def _own_fields(self, passage: Passage) -> list[Field]:
        record = self.record
        status = b"%b; received-status=%d" % (self._road.pseudonym, record.upstream_status)
        fields = [(b"Proxy-Status", status), (b"X-Relay-Request-Id", record.id.encode())]
        if record.cause:
            fields += [(b"X-Relay-Cause", record.cause.encode()), (b"X-Relay-Egress", record.egress.encode())]
        if b"date" not in passage.head.fields.shape.where:
            fields.append((b"Date", http_date(record.at)))
        return fields

    # -- answers of our own ----------------------------------------------------------------------------------

    @property
    def _harmless(self) -> bool:
        return self._placed is not None and self._placed.harmless(self._call.head.method)

    def _own_answer(self, error: RelayError) -> Answer:
        fields = self._call.head.fields
        return answer(
            error,
            request_id=self.record.id,
            at=self.record.at,
            soap=soap_version(fields.first(b"content-type"), fields.first(b"soapaction")),
            faults_as_500=self._caller is not None and self._caller.faults_as_500,
            pseudonym=self._road.pseudonym.decode(),
        )


class Deadline:
    """Cancels the task it is made in after so many seconds; `asyncio.timeout` does the same at four times the cost."""

    __slots__ = ("_struck", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        self._struck = False
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._strike)

    def struck(self) -> bool:
        """Whether a cancellation that came is this deadline's; it then counts as dealt with."""
        return self._struck and self._task is not None and self._task.uncancel() == 0

    def lift(self) -> None:
        """Let the task go on without a deadline."""
        self._timer.cancel()

    def _strike(self) -> None:
        self._struck = True
        if self._task is not None:
            self._task.cancel()


class Bounded:
    """A `Body` of unknown length that may not pass a limit."""

    __slots__ = ("_body", "_left", "_most")

    def __init__(self, body: Body, most: int) -> None:
        self._body = body
        self._most = most
        self._left = most

    @property
    def ended(self) -> bool:
        """Whether all of it has arrived and been read, within the limit."""
        return self._body.ended and self._left >= 0

    def ready(self) -> bytes:
        """Return what has arrived already; over the limit, nothing, and `read` tells."""
        octets = self._body.ready()
        self._left -= len(octets)
        return octets if self._left >= 0 else b""

    async def read(self) -> bytes:
        """Return the next octets. Raises BodyTooLarge."""
        if self._left >= 0:
            octets = await self._body.read()
            self._left -= len(octets)
        if self._left < 0:
            raise BodyTooLarge(f"the body is over the limit of {self._most} octets")
        return octets


def _cancel_when_gone(call: Call) -> None:
    task = asyncio.current_task()
    if task is not None:
        call.when_gone(task.cancel)
