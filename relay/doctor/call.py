"""Make one call through a door of its own: the way that callers' calls take, with the same transport and passport."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from relay.doctor.itinerary import Place
from relay.doctor.probe import Probe
from relay.errors import CallerGone, RelayError
from relay.message.framing import NO_BODY, Length
from relay.message.head import ResponseHead
from relay.upstream.door import Door
from relay.upstream.egress import Egress
from relay.upstream.passage import Passage
from relay.upstream.passport import Passport
from relay.upstream.transport import Patience

# Octets of the answer's body that are looked at; the rest is not waited for.
_ENOUGH = 16 * 1024
_REST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The upstream's answer: its head, and the beginning of its body."""

    head: ResponseHead
    beginning: bytes


@asynccontextmanager
async def door(passport: Passport, egress: Egress, patience: Patience) -> AsyncIterator[Door]:
    """Yield a door out, which is closed with its connections when the block ends."""
    leads_out = Door(passport, (egress,), patience, lambda _event: None)
    try:
        yield leads_out
    finally:
        leads_out.close()
        await asyncio.sleep(0)


async def call(out: Door, place: Place, probe: Probe) -> Answer:
    """Return what is answered. Raises the RelayError that came instead."""
    coming = _Coming()
    host, port = place
    passage = Passage(
        coming,
        host=host,
        port=port,
        method=probe.method,
        head=probe.head,
        framing=Length(len(probe.body)) if probe.body else NO_BODY,
        octets=probe.body,
        rest=None,
    )
    out.send(passage)
    try:
        await coming.answer
        return Answer(passage.answer, await _beginning(passage))
    finally:
        passage.abandon()


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
