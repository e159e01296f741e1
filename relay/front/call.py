"""The seam between the front and the gateway: one call, its body, and the way to answer it."""

from collections.abc import Callable
from typing import Protocol

from relay.errors import RelayError
from relay.message.body import Body
from relay.message.framing import Framing
from relay.message.head import RequestHead, ResponseHead
from relay.problems.answer import Answer


class Call(Protocol):
    """One request of a caller. Answered once: `answer`; or `start`, `write` as needed, `finish`; or `abort`."""

    @property
    def head(self) -> RequestHead:
        """The head as it came."""
        ...

    @property
    def framing(self) -> Framing:
        """How its body is delimited."""
        ...

    @property
    def peer(self) -> str:
        """The caller's address."""
        ...

    @property
    def body(self) -> Body:
        """The body as it comes in; reading raises CallerGone when the caller left before its end."""
        ...

    @property
    def bytes_in(self) -> int:
        """Octets of body read so far."""
        ...

    @property
    def bytes_out(self) -> int:
        """Octets of body written so far."""
        ...

    @property
    def started(self) -> bool:
        """Whether an answer has been started, so that no other can be given."""
        ...

    def proceed(self) -> None:
        """Ask for the body, with 100 Continue, where the caller waits for that."""
        ...

    def when_gone(self, told: Callable[[], object]) -> None:
        """Have `told` called once if the caller leaves before the answer is finished."""
        ...

    def answer(self, head: ResponseHead, body: bytes) -> None:
        """Give a whole answer at once, framed by the length that its head tells. Raises CallerGone."""
        ...

    def start(self, head: ResponseHead, framing: Framing) -> None:
        """Start the answer with this head; `framing` is that of its body, which is framed anew for the caller."""
        ...

    async def write(self, octets: bytes) -> None:
        """Send a part of the body, waiting while the caller takes no more. Raises CallerGone."""
        ...

    def finish(self) -> None:
        """End the answer. Raises CallerGone."""
        ...

    def abort(self) -> None:
        """Break the connection off, so that an incomplete answer cannot look complete."""
        ...


class Handler(Protocol):
    """Whoever answers calls."""

    async def handle(self, call: Call) -> None:
        """Answer a call, or break it off. Raises nothing."""
        ...

    def refused(self, peer: str, error: RelayError) -> Answer:
        """Return the answer to octets that are no request; the connection is closed after it."""
        ...
