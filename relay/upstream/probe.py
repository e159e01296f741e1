"""A call of our own under a certificate that is not in force yet: harmless, and never a caller's."""

import asyncio
from dataclasses import dataclass
from typing import Final

from relay.errors import RelayError
from relay.message.fields import Fields
from relay.message.framing import NO_BODY
from relay.message.head import RequestHead, request_octets
from relay.upstream.door import Upstream
from relay.upstream.passage import Passage

# Seconds for the whole of it.
_PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: a GET of `target` at a host, whose Host field is `authority`."""

    host: str
    port: int
    authority: bytes
    target: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a probe: it succeeded with any 2xx. `status` is 0 where there was no answer; `told` is why not."""

    status: int
    told: str

    @property
    def succeeded(self) -> bool:
        """Whether the certificate is good for calls, as far as this question tells."""
        return 200 <= self.status < 300

    @property
    def final(self) -> bool:
        """Whether to ask no more: after a 429 VECOZO blocks who goes on."""
        return self.status == 429


async def probe(upstream: Upstream, question: Question) -> Outcome:
    """Ask, and return what came of it; raises nothing."""
    asked = _Asked()
    passage = Passage(
        asked,
        host=question.host,
        port=question.port,
        method=b"GET",
        head=request_octets(RequestHead(b"GET", question.target, Fields(((b"Host", question.authority),)))),
        framing=NO_BODY,
        octets=b"",
        rest=None,
    )
    try:
        upstream.send(passage)
        async with asyncio.timeout(_PATIENCE):
            return await asked.outcome
    except TimeoutError:
        return Outcome(0, f"no answer within {_PATIENCE:g} seconds")
    finally:
        if not passage.over:
            passage.abandon()


class _Asked:
    """The `Receiver` of a probe."""

    def __init__(self) -> None:
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def answered(self, passage: Passage) -> None:
        """Take the answer's head; its body says nothing here."""
        reason = passage.answer.reason.decode("ascii", "replace")
        self._take(Outcome(passage.answer.status, f"{passage.answer.status} {reason}".strip()))

    def failed(self, fault: Exception) -> None:
        """Take what came instead."""
        self._take(Outcome(0, fault.detail if isinstance(fault, RelayError) else type(fault).__name__))

    def _take(self, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)
