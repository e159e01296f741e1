"""The journey of one call: known, placed, sent on, answered; and what is kept of it.

Each step is taken by whoever brings the news that it was waiting for: the caller's connection, the upstream's, or a
deadline. No call has a task: decision 0006 says why.
"""

from asyncio import TimerHandle
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter, time
from typing import TYPE_CHECKING, Final, NamedTuple

from relay.auth.authorization import challenges_for
from relay.auth.caller import Authenticator, Awaited, Caller, Outcome
from relay.errors import (
    AlreadyAsked,
    BodyTooLarge,
    BodyTooSlow,
    CallerGone,
    CallerUndecided,
    CallerUnknown,
    ClientCertificateRefused,
    DigestWrong,
    InternalFault,
    LedgerUnavailable,
    LimitReached,
    OutcomeUnknown,
    RelayError,
    Sent,
    SystemCertificateRefused,
    TenantPaused,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from relay.front.call import Call
from relay.gateway.admission import ACTOR_FIELD, SAFE, Admission, Placed, actor_in
from relay.gateway.claims import claim_of, why_not
from relay.gateway.gathering import Gathering
from relay.gateway.ledger import Claim, Standing, Verdict
from relay.gateway.meter import Reached, Wanted
from relay.gateway.refused import refused
from relay.gateway.remedies import Remedies
from relay.message.digest import BodyDigest
from relay.message.fields import Field
from relay.message.framing import Framing, Length
from relay.message.head import ResponseHead, request_octets, with_fields
from relay.message.hops import ends_here
from relay.message.payload_url import (
    COUNT,
    LONGEST_LIST,
    asks_for_list,
    may_be_rewritten,
    of_other_octets,
    own_authority,
    rewritten,
)
from relay.message.query_key import keep_keys
from relay.message.rewrite import rewrite_request, rewrite_response
from relay.message.target import Target
from relay.message.wait import PREFER, TIMEOUT, Wait, shorter_wait
from relay.observe.exchange import Again, Exchange, Source
from relay.problems.answer import Answer, about_us, answer, http_date
from relay.problems.table import PROBLEMS, remedy_of
from relay.soap.recognise import soap_version
from relay.upstream.door import Upstream
from relay.upstream.passage import Passage
from relay.upstream.refusal import MOST_OCTETS, Cause, Readings, Refusal, classify, explanation, is_a_services_fault
from relay.upstream.ward import Ward

if TYPE_CHECKING:
    from relay.gateway.gateway import Gateway

# Nobody gets this status: it says in logs and metrics that the caller left, as nginx has taught everyone.
CALLER_LEFT: Final = 499
# A list that comes packed could not be rewritten.
_NO_CODING: Final = frozenset((b"accept-encoding",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """What every journey needs. `upstreams` has one entry for each way out; `total` is in seconds.

    `wards` has one for each way and each egress address that its calls may leave from; `readings` is the table by which
    refusals are understood, and `remedies` says what is to be done about them.
    """

    admission: Admission
    upstreams: Mapping[str, Upstream]
    wards: Mapping[tuple[str, str], Ward]
    pseudonym: bytes
    total: float
    readings: Readings
    remedies: Remedies


class _First(NamedTuple):
    """An answer that refused a call for its address, kept until another egress has answered, and what it means."""

    passage: Passage
    cause: str
    remedy: str
    explanation: str


class Journey:
    """One call on its way: the `Traveller` of its call and the `Receiver` of its passage."""

    def __init__(self, call: Call, gateway: "Gateway", record: Exchange) -> None:
        self._began = perf_counter()  # uvloop's own clock has whole milliseconds
        self._call = call
        self._gateway = gateway
        self.record = record
        self._target: Target | None = None
        self._asked: Authenticator | None = None
        self._waited = False
        self._caller: Caller | None = None
        self._placed: Placed | None = None
        self._passage: Passage | None = None
        self._wait: Wait | None = None
        self._timer: TimerHandle | None = None
        self._refusal: RelayError | None = None
        self._claim: Claim | None = None
        self._free_to_go = False
        self._ward: Ward | None = None
        self._permit = ""
        self._unread = False
        self._last_good = ""
        self._first: _First | None = None
        self._taken: tuple[int, ...] = ()
        self._caller_left = False
        self._ended = False

    def __repr__(self) -> str:
        return f"<Journey {self.record.id} {'ended' if self._ended else self._passage or 'at its start'}>"

    def travel(self) -> None:
        """Set out; raises nothing."""
        self._call.traveller = self
        try:
            self._set_out()
        except Exception as fault:  # noqa: BLE001  # the last resort: whatever it is, the caller gets an answer
            self.failed(fault)

    # -- news of the upstream --------------------------------------------------------------------------------

    def answered(self, passage: Passage) -> None:
        """Take the answer's head, and its body or the beginning of it."""
        try:
            self._bring_back(passage)
        except Exception as fault:  # noqa: BLE001  # as above
            self.failed(fault)

    def failed(self, fault: Exception) -> None:
        """Take the fault that ended it before an answer was begun."""
        if self._ended:
            return
        if isinstance(fault, SystemCertificateRefused):
            self._note_refused_certificate(fault)
        if isinstance(fault, CallerGone) or self._caller_left:
            self._leave()
            return
        if not isinstance(fault, RelayError):
            self._gateway.alarm(self.record.id, fault)
            fault = self._own_fault()
        if self._first is not None and self._passage is not None and not self._passage.begun:
            self._give_first(self._first)
        elif not isinstance(fault, (CallerUnknown, ClientCertificateRefused)) or not self._puts_off(fault):
            self._answer(fault)

    def refuse(self) -> None:
        """Take that the answer to a caller that is not known was put off for long enough."""
        refusal = self._refusal
        if refusal is not None and not self._ended:
            self._answer(refusal)

    # -- news of the caller ----------------------------------------------------------------------------------

    def gone(self) -> None:
        """Take that the caller left: what does no harm is stopped, all else goes on, and its outcome is noted."""
        self._caller_left = True
        if self._passage is None or self._call.started or self._call.head.method in SAFE:
            self.cut_off()

    def cut_off(self) -> None:
        """Take that nobody is there to answer, and no time left to see what becomes of it."""
        self._leave()

    def delivered(self) -> None:
        """Take that the whole answer was given."""
        self._end()

    def cut_short(self, fault: RelayError | CallerGone) -> None:
        """Take that the answer had no end."""
        if isinstance(fault, RelayError):
            self.record.cause, self.record.remedy = PROBLEMS[type(fault)].code, fault.detail
        self._end()

    def hold(self, held: bool) -> None:  # noqa: FBT001  # as a callback it has no keywords
        """Have the upstream wait while the caller takes no more, or go on."""
        if self._passage is not None and self._passage.answer_rest is not None:
            self._passage.answer_rest.hold(held)

    # -- news of the clock -----------------------------------------------------------------------------------

    def too_late(self) -> None:
        """Take that the total deadline struck, and tell apart who was late."""
        passage = self._passage
        if self._ended:
            return
        if self._target is not None:
            self.failed(CallerUndecided("it could not be found out in time who calls"))
            return
        if passage is None:
            self.failed(LedgerUnavailable("keys could not be looked up in time"))
            return
        if self._call.started:
            self.record.cause = PROBLEMS[UpstreamTimeout].code
            self._call.abort()
            self._end()
            return
        if not passage.begun:
            error: RelayError = UpstreamUnreachable("the total deadline struck before there was a connection")
        elif not passage.sent:
            error = BodyTooSlow("the total deadline struck before the whole body was sent on")
        else:
            total = self._wait.seconds if self._wait is not None else self._gateway.road.total
            error = UpstreamTimeout(f"no answer within {total:g} seconds in all")
        passage.abandon()
        self.failed(error)

    # -- there -----------------------------------------------------------------------------------------------

    def _set_out(self) -> None:
        """Send the call on. Raises the RelayError of the first wrong thing."""
        admission, call = self._gateway.road.admission, self._call
        target, caller = admission.known(call.head, call.certificate, self.record.at)
        if isinstance(caller, Awaited):
            self._target, self._asked = target, admission.authenticator
            if not self._waited:
                self._waited = True
                self._gateway.deadlines.set(self)
            caller.then(self._identified)
        else:
            self._go_on(target, caller)

    def _identified(self, outcome: Outcome) -> None:
        """Take who calls, or why nobody does: possibly in the turn that asked for it, possibly after the end."""
        target, self._target = self._target, None
        if self._ended or target is None:
            return
        try:
            if isinstance(outcome, RelayError):
                raise outcome
            if self._asked is self._gateway.road.admission.authenticator:
                self._go_on(target, outcome)
            elif outcome.way == "signature":  # it was used up, and cannot be asked about again
                raise CallerUndecided("the clients changed while it was found out who calls; sign the call anew")
            else:
                self._set_out()  # what a client was before the clients changed counts no more
        except Exception as fault:  # noqa: BLE001  # as in `travel`
            self.failed(fault)

    def _puts_off(self, refusal: RelayError) -> bool:
        """Have a caller that is not known wait for its answer, where many have failed from its address."""
        gateway = self._gateway
        seconds = gateway.put_off(self, self._call.peer)
        if not seconds:
            return False
        self._refusal = refusal
        gateway.deadlines.lift(self)
        self._timer = gateway.loop.call_later(seconds, self.refuse)
        return True

    def _go_on(self, target: Target, caller: Caller) -> None:
        """Send the call of this caller on. Raises the RelayError of the first wrong thing."""
        call = self._call
        self._caller, self.record.client, self.record.way = caller, caller.client, caller.way
        self.record.credential = caller.credential
        self._gateway.road.admission.comes_from(caller, call.peer)
        if call.head.method == b"OPTIONS" and ends_here(call.head):
            self._tell_about_us()
            return
        placed = self._place(target, caller)
        if not self._gateway.road.admission.meter.used or self._counted(caller.client):
            self._forward(caller, placed)

    def _forward(self, caller: Caller, placed: Placed) -> None:
        """Send a call on that may go."""
        call, road = self._call, self._gateway.road
        upstream = road.upstreams[placed.route.way]
        self.record.egress = upstream.egress.text
        self._start_clock()
        if caller.key_field in call.head.fields.shape.where and call.head.method not in SAFE:
            self._ask_ledger(caller, placed)
        else:
            self._send(placed, upstream)

    def _send(self, placed: Placed, upstream: Upstream) -> None:
        ward = self._ward = self._gateway.road.wards[placed.route.way, upstream.egress.text]
        if ward.shut:
            harmless = placed.harmless(self._call.head.method)
            self._permit = ward.admit(placed.route.name, harmless=harmless, at=self.record.at)
        passage = self._passage = self._prepare(placed)
        if upstream.spare:
            passage.keep()
        self._call.proceed()
        self._gateway.ledger.begin(self.record)
        upstream.send(passage)

    def _ask_ledger(self, caller: Caller, placed: Placed) -> None:
        """Have the call go only if none went before with its key. Raises MalformedRequest."""
        call = self._call
        self._claim = claim_of(
            call.head,
            call.octets if call.rest is None else None,
            target=placed.target.octets,
            field=caller.key_field,
            client=caller.client,
            tenant=placed.tenant.name,
        )
        self._gateway.ledger.claim(self._claim, self._judged)

    def _judged(self, verdict: Verdict) -> None:
        """Take the ledger's verdict, possibly in the turn that asked for it, possibly after the end."""
        claim, placed = self._claim, self._placed
        assert claim is not None and placed is not None  # noqa: S101, PT018  # as `_ask_ledger` left them
        if verdict.standing is not Standing.FREE:
            self.failed(why_not(verdict))
        elif self._ended:
            self._gateway.ledger.settle(claim.key, Standing.FREE, 0)
        else:
            self._free_to_go = True
            try:
                upstream = self._gateway.road.upstreams[placed.route.way]
                self.record.egress = upstream.egress.text  # by now it may be another than when the call came
                self._send(placed, upstream)
            except Exception as fault:  # noqa: BLE001  # as in `travel`
                self.failed(fault)

    def _settle(self) -> None:
        """Tell the ledger what became of the call, before the caller hears of it and can ask again."""
        claim = self._claim
        if claim is None or not self._free_to_go:
            return
        self._free_to_go = False
        match self.record.sent:
            case Sent.NO:
                standing = Standing.FREE
            case Sent.YES:
                standing = Standing.ANSWERED
            case _:
                standing = Standing.UNKNOWN
        self._gateway.ledger.settle(claim.key, standing, self.record.upstream_status)

    def _start_clock(self) -> None:
        """Let the total run: ours, or the shorter one that the caller asks for. Raises MalformedRequest."""
        fields, gateway = self._call.head.fields, self._gateway
        where = fields.shape.where
        if TIMEOUT in where or PREFER in where:
            self._wait = shorter_wait(fields, gateway.road.total)
            if self._wait is not None:
                gateway.deadlines.lift(self)
                self._timer = gateway.loop.call_later(self._wait.seconds, self.too_late)
                return
        if not self._waited:  # it runs already
            gateway.deadlines.set(self)

    def _place(self, target: Target, caller: Caller) -> Placed:
        admission, record, call = self._gateway.road.admission, self.record, self._call
        if ACTOR_FIELD in call.head.fields.shape.where:
            record.actor = actor_in(call.head)
        placed = self._placed = admission.placed(call.head, call.framing, target, caller)
        record.tenant, record.route = placed.tenant.name, placed.route.name
        record.environment = placed.route.environment
        most = admission.max_body
        if admission.policies and (policy := admission.policies.get(caller.client)) is not None:
            miss = admission.permitted(policy, call.head, call.framing, placed.route, record.at)
            if miss is not None:
                record.would_refuse = miss.value
            if policy.enforced and policy.max_body is not None:
                most = min(most, policy.max_body)
        if call.rest is not None:
            call.rest.limit(most - len(call.octets))
        elif len(call.octets) > most:
            raise BodyTooLarge(f"the body is over the limit of {most} octets")
        if placed.tenant.paused:
            raise TenantPaused(placed.tenant.paused)
        if caller.digest is not None:
            self._check_body(caller.digest)
        return placed

    def _check_body(self, digest: BodyDigest) -> None:
        """Raise DigestWrong if the body is here and is not the one that was signed; else have that found out."""
        call, check = self._call, digest.begin()
        check.take(call.octets)
        if call.rest is not None:
            call.rest.check(check)
        elif not check.right():
            raise DigestWrong("the body does not have the digest that was signed")

    def _counted(self, client: str, *, dealt: bool = True) -> bool:
        """Count the call, now or once a share was dealt; say whether it is. Raises LimitReached."""
        gateway = self._gateway
        taken = gateway.road.admission.meter.take(client, time(), dealt=dealt)
        if isinstance(taken, Wanted):
            if not self._waited:
                self._waited = True
                gateway.deadlines.set(self)
            gateway.shares.ask(taken.client, self._dealt)
            return False
        if isinstance(taken, Reached):
            whose = "all callers together" if taken.of_all else "this client"
            raise LimitReached(
                f"{whose} may not ask more now: {taken.limit.value}", limit=taken.limit.value, retry_after=taken.seconds
            )
        self._taken = taken
        return True

    def _dealt(self, dealt: bool) -> None:  # noqa: FBT001  # as a callback it has no keywords
        """Take that a share was dealt, or that nobody deals: perhaps in the turn that asked, perhaps after the end."""
        caller, placed = self._caller, self._placed
        if self._ended or caller is None or placed is None:
            return
        try:
            if self._counted(caller.client, dealt=dealt):
                self._forward(caller, placed)
        except Exception as fault:  # noqa: BLE001  # as in `travel`
            self.failed(fault)

    def _prepare(self, placed: Placed) -> Passage:
        call, road, route = self._call, self._gateway.road, placed.route
        secrets = road.admission.authenticator.secrets(call.head)
        if route.rewrites_urls and asks_for_list(call.head.method, placed.target.path):
            secrets |= _NO_CODING
        head = rewrite_request(
            call.head,
            target=placed.target.octets,
            host=route.authority,
            secrets=secrets,
            framing=call.framing,
            pseudonym=road.pseudonym,
        )
        octets = request_octets(head)
        keep_keys(octets)
        return Passage(
            self,
            host=route.host,
            port=route.port,
            method=head.method,
            head=octets,
            framing=call.framing,
            octets=call.octets,
            rest=call.rest,
        )

    # -- and back --------------------------------------------------------------------------------------------

    def _bring_back(self, passage: Passage) -> None:
        """Note the answer's head, and give the answer as soon as there is enough of it to tell what it is."""
        record = self.record
        record.sent = Sent.YES
        record.upstream_status = record.status = passage.answer.status
        record.source = Source.UPSTREAM
        record.upstream_seconds = passage.seconds
        record.certificate, record.upstream, record.reused = passage.serial, passage.peer, passage.reused
        if record.again:
            record.again = Again.PASSED  # until it turns out to be refused as well
        status = passage.answer.status
        if status < 400 or status not in self._gateway.road.readings.statuses:
            if status < 400 or is_a_services_fault(passage.answer):
                self._passed()
            self._give_or_leave(passage)
        elif passage.answer_rest is None:
            self._give_refusal(passage, passage.answer_octets)
        else:
            self._unread = True
            already = passage.answer_octets
            passage.answer_rest.when_begun(
                lambda beginning: self._give_refusal(passage, already + beginning), enough=MOST_OCTETS - len(already)
            )

    def _give_refusal(self, passage: Passage, beginning: bytes) -> None:
        """Say what an answer means that may be a refusal, and give it."""
        if not self._ended:
            refusal = self._understand(passage, beginning)
            if refusal is None or not self._goes_again(passage, refusal):
                self._give_or_leave(passage)

    def _understand(self, passage: Passage, beginning: bytes) -> Refusal | None:
        """Note what an answer means that may be a refusal, and have the guard hear of it before anybody else does."""
        self._unread = False
        placed, ward, record = self._placed, self._ward, self.record
        assert placed is not None and ward is not None  # noqa: PT018, S101  # nothing is sent before it has both
        route = placed.route
        refusal = classify(
            passage.answer,
            beginning,
            route.wording,
            family=route.family,
            rows=self._gateway.road.readings.rows,
            after_quota=ward.after_quota,
        )
        if refusal is None:
            return None
        facts = ward.facts(record.certificate)
        record.cause = record.refusal = refusal.cause.value
        record.explanation = explanation(refusal.cause, facts)
        record.remedy = self._gateway.road.remedies.of(refusal.cause, record, route, passage.answer, facts.last_good)
        if facts.last_good is not None:
            self._last_good = facts.last_good.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._gateway.history.note(
            refused(
                record,
                route,
                self._call.head.fields,
                cause=record.cause,
                certificate=record.certificate,
                sent=record.sent,
                last_good=facts.last_good,
                answer=passage.answer,
            )
        )
        if refusal.passed:
            self._passed()
        elif refusal.cause is Cause.ADDRESS_OR_BLOCKED or refusal.cause is Cause.BLOCKED:
            ward.refused(self._spent_permit(), self._gateway.now())
            if record.again:
                record.again = Again.REFUSED
        elif refusal.cause is Cause.QUOTA:
            ward.stop(route.name, self._gateway.now())
        return refusal

    def _note_refused_certificate(self, fault: SystemCertificateRefused) -> None:
        """Have the history keep a refusal that came in TLS, instead of an answer."""
        placed, ward, passage = self._placed, self._ward, self._passage
        if placed is None or ward is None or passage is None:
            return
        note = refused(
            self.record,
            placed.route,
            self._call.head.fields,
            cause=PROBLEMS[type(fault)].code,
            certificate=passage.serial,
            sent=fault.sent,
            last_good=ward.facts(passage.serial).last_good,
        )
        self._gateway.history.note(note)

    def _passed(self) -> None:
        """Have the guard hear that VECOZO let the call pass."""
        if self._ward is not None:
            self._ward.passed(self.record.at, self._spent_permit(), self._gateway.now)

    def _spent_permit(self) -> str:
        permit, self._permit = self._permit, ""
        return permit

    def _give_or_leave(self, passage: Passage) -> None:
        if self._claim is not None:
            self._settle()
        if self._caller_left:
            self._leave()
        else:
            self._give(passage)

    def _goes_again(self, passage: Passage, refusal: Refusal) -> bool:
        """Send a call that was refused for its address once more, from another egress: see decision 19."""
        if refusal.cause is not Cause.ADDRESS_OR_BLOCKED or not refusal.built_in:
            return False
        if self._caller_left or self._placed is None or (again := passage.again()) is None:
            return False
        record, road, way = self.record, self._gateway.road, self._placed.route.way
        other = road.upstreams[way].other(record.egress)
        if other is None or (ward := road.wards[way, other.egress.text]).shut:
            return False
        self._first = _First(passage, record.cause, record.remedy, record.explanation)
        self._passage, self._ward, self._last_good = again, ward, ""
        record.refused_egress, record.egress, record.again = record.egress, other.egress.text, Again.FAILED
        record.cause = record.refusal = record.remedy = record.explanation = ""
        record.upstream_status = record.status = 0
        record.sent = Sent.NO  # what was refused at the gate was not processed, and this is not on its way yet
        other.send(again)
        return True

    def _give_first(self, first: "_First") -> None:
        """Give the answer of the first time: nothing was sent the second time."""
        record = self.record
        self._first, self._passage = None, first.passage
        record.egress, record.again, record.sent = record.refused_egress, Again.UNSENT, Sent.YES
        record.upstream_status = record.status = first.passage.answer.status
        record.cause = record.refusal = first.cause
        record.remedy, record.explanation = first.remedy, first.explanation
        self._give_or_leave(first.passage)

    def _give(self, passage: Passage) -> None:
        """Give the upstream's answer: unchanged, and never looking complete when it is not."""
        call, rest, placed = self._call, passage.answer_rest, self._placed
        head = rewrite_response(passage.answer, own=self._own_fields(passage))
        if (
            placed is not None
            and placed.route.rewrites_urls
            and asks_for_list(call.head.method, placed.target.path)
            and may_be_rewritten(passage.answer)
        ):
            self._give_list(passage, head, placed)
            return
        if rest is None and isinstance(passage.answer_framing, Length):
            # Most answers are here with their heads, and leave with them.
            call.answer(head, passage.answer_octets)
            self._end()
            return
        call.start(head, passage.answer_framing)
        if passage.answer_octets:
            call.take(passage.answer_octets)
        if rest is None:
            call.over()
        else:
            rest.flow(call)

    def _give_list(self, passage: Passage, head: ResponseHead, placed: Placed) -> None:
        """Give a list of messages once it is whole, with the addresses of payloads made to lead to us."""
        framing = passage.answer_framing  # the passage itself would know itself by it, and only the collector find it
        gathering = Gathering(
            self._call,
            head,
            framing,
            most=LONGEST_LIST,
            whole=lambda body: self._give_whole_list(framing, head, body, placed),
        )
        if passage.answer_octets:
            gathering.take(passage.answer_octets)
        if passage.answer_rest is None:
            gathering.over()
        else:
            passage.answer_rest.flow(gathering)

    def _give_whole_list(self, framing: Framing, head: ResponseHead, body: bytes, placed: Placed) -> None:
        try:
            self._give_rewritten(framing, head, body, placed)
        except Exception as fault:  # noqa: BLE001  # as in `travel`: whoever brought the end is not to suffer for it
            self.failed(fault)

    def _give_rewritten(self, framing: Framing, head: ResponseHead, body: bytes, placed: Placed) -> None:
        if self._caller_left:
            self._leave()
            return
        call = self._call
        body, count = rewritten(
            body,
            authority=placed.route.authority,
            ours=own_authority(call.head) + placed.prefix,
            leads=placed.tenant.routes.leads,
        )
        if count:
            head = with_fields(of_other_octets(head, len(body)), [(COUNT, b"%d" % count)])
        elif not isinstance(framing, Length):
            call.start(head, framing)
            call.take(body)
            call.over()
            return
        call.answer(head, body)
        self._end()

    def _own_fields(self, passage: Passage) -> list[Field]:
        record = self.record
        status = b"%b; received-status=%d" % (self._gateway.road.pseudonym, record.upstream_status)
        fields = [(b"Proxy-Status", status), (b"X-Relay-Request-Id", record.id.encode())]
        if record.cause:
            fields += [
                (b"X-Relay-Cause", record.cause.encode()),
                (b"X-Relay-Egress", record.egress.encode()),
                (b"X-Relay-Certificate", record.certificate.encode()),
            ]
            if self._last_good:
                fields.append((b"X-Relay-Last-Good", self._last_good.encode()))
        elif record.again:
            fields.append((b"X-Relay-Egress", record.egress.encode()))
        if record.refused_egress != record.egress and record.again:
            fields.append((b"X-Relay-Refused-Egress", record.refused_egress.encode()))
        if b"date" not in passage.answer.fields.shape.where:
            fields.append((b"Date", http_date(record.at)))
        return fields + self._preference_applied if self._wait is not None else fields

    @property
    def _preference_applied(self) -> list[Field]:
        applied = self._wait.applied if self._wait is not None else b""
        return [(b"Preference-Applied", applied)] if applied else []

    # -- answers of our own ----------------------------------------------------------------------------------

    def _tell_about_us(self) -> None:
        record = self.record
        told = about_us(request_id=record.id, at=record.at, pseudonym=self._gateway.road.pseudonym.decode())
        record.status = told.head.status
        self._call.answer(told.head, told.body)
        self._end()

    def _answer(self, error: RelayError) -> None:
        """Give the caller an answer of our own; once another has begun, break that off."""
        if not isinstance(error, AlreadyAsked):
            if error.sent is Sent.UNKNOWN and not (self._harmless or self._never_repeated):
                error = OutcomeUnknown(error.detail)
            if self.record.sent is Sent.NO:
                self.record.sent = error.sent
        self._settle()
        if self._call.started:
            self._call.abort()
        else:
            told = self._own_answer(error)
            self.record.status, self.record.source = told.head.status, Source.RELAY
            self.record.cause, self.record.remedy = PROBLEMS[type(error)].code, self._remedy(error)
            if error.cause:
                self.record.refusal, self.record.explanation = error.cause, error.detail
            with suppress(CallerGone):
                self._call.answer(told.head, told.body if self._call.head.method != b"HEAD" else b"")
        self._end()

    @property
    def _harmless(self) -> bool:
        return self._placed is not None and self._placed.harmless(self._call.head.method)

    @property
    def _never_repeated(self) -> bool:
        return self._caller is not None and self._caller.never_repeats

    def _remedy(self, error: RelayError) -> str:
        family = self._placed.route.family if self._placed is not None else None
        return remedy_of(error, family=family, harmless=self._harmless)

    def _own_fault(self) -> RelayError:
        """Return what to tell after a fault in our own code: never that nothing was sent when something was."""
        if self._passage is None or not self._passage.begun:
            return InternalFault("the relay failed before anything was sent")
        return OutcomeUnknown("the relay failed after the call was sent")

    def _own_answer(self, error: RelayError) -> Answer:
        head, challenges = self._call.head, self._gateway.road.admission.authenticator.challenges
        fields = head.fields
        told = answer(
            error,
            request_id=self.record.id,
            at=self.record.at,
            soap=soap_version(fields.first(b"content-type"), fields.first(b"soapaction")),
            faults_as_500=self._caller is not None and self._caller.faults_as_500,
            pseudonym=self._gateway.road.pseudonym.decode(),
            remedy=self._remedy(error),
            challenges=challenges_for(head, challenges),
        )
        return told._replace(head=with_fields(told.head, self._preference_applied))

    # -- the end ---------------------------------------------------------------------------------------------

    def _leave(self) -> None:
        """End without an answer: the caller is gone. What the upstream answered, if it did, is noted already."""
        if self._ended:
            return
        self.record.status, self.record.source = CALLER_LEFT, Source.CALLER
        self.record.cause = "caller_left"
        passage = self._passage
        if passage is not None and passage.sent and self.record.sent is Sent.NO:
            self.record.sent = Sent.UNKNOWN
        self._call.abort()
        self._end()

    def _end(self) -> None:
        """Let go of everything, and leave one note."""
        if self._ended:
            return
        self._ended = True
        call, record, gateway = self._call, self.record, self._gateway
        if self._refusal is not None:
            self._refusal = None
            gateway.over(self)
        if self._timer is None:
            gateway.deadlines.lift(self)
        else:
            self._timer.cancel()
            self._timer = None
        if self._unread and self._passage is not None:  # nobody waits for the rest, but it was a refusal
            self._understand(self._passage, self._passage.answer_octets)
        if self._permit and self._ward is not None:
            self._ward.returned(self._spent_permit(), gateway.now())
        if self._first is not None:
            self._first.passage.abandon()
            self._first = None
        passage, self._passage = self._passage, None  # each knows the other: only the collector would find them
        if passage is not None and not passage.over:
            passage.abandon()
        if self._claim is not None:
            self._settle()
        record.bytes_in, record.bytes_out = call.bytes_in, call.bytes_out
        record.seconds = perf_counter() - self._began
        if self._taken:
            gateway.road.admission.meter.give_back(self._taken, record.bytes_in + record.bytes_out)
        gateway.ended(record)
