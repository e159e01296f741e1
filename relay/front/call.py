"""The seam between the front and the gateway: one call, its body, and the way to answer it."""

from typing import Protocol

from relay.errors import CallerGone, RelayError
from relay.message.framing import Framing
from relay.message.head import RequestHead, ResponseHead
from relay.message.stream import Stream
from relay.problems.answer import Answer


class Traveller(Protocol):
    """Whoever takes a call on its way; hears what becomes of the caller."""

    def gone(self) -> None:
        """Take that the caller left before its answer was finished."""
        ...

    def cut_off(self) -> None:
        """Take that there is no time left: the caller's connection is broken off now."""
        ...

    def delivered(self) -> None:
        """Take that the whole of a streamed answer has been given."""
        ...

    def cut_short(self, fault: RelayError | CallerGone) -> None:
        """Take that a streamed answer had no end, and was broken off so that it cannot look complete."""
        ...

    def hold(self, held: bool) -> None:  # noqa: FBT001  # as a callback it has no keywords
        """Let the answer wait while the caller takes no more, or go on."""
        ...


class Call(Protocol):
    """One request of a caller.

    Answered once: `answer`; or `start`, and then it is the `Sink` of the answer's body; or `abort`.
    """

    traveller: Traveller | None

    @property
    def head(self) -> RequestHead:
        """The head as it came."""
        ...

    @property
    def framing(self) -> Framing:
        """How its body is delimited."""
        ...

    @property
    def octets(self) -> bytes:
        """The body, or as much of it as came with the head."""
        ...

    @property
    def rest(self) -> Stream | None:
        """What of the body is still to come; breaks with CallerGone when the caller leaves before its end."""
        ...

    @property
    def peer(self) -> str:
        """The caller's address."""
        ...

    @property
    def certificate(self) -> bytes | None:
        """The certificate that the caller showed in TLS (DER), whatever it is worth."""
        ...

    @property
    def bytes_in(self) -> int:
        """Octets of body that came."""
        ...

    @property
    def bytes_out(self) -> int:
        """Octets of body given."""
        ...

    @property
    def started(self) -> bool:
        """Whether an answer has been started, so that no other can be given."""
        ...

    def proceed(self) -> None:
        """Ask for the body, with 100 Continue, where the caller waits for that."""
        ...

    def answer(self, head: ResponseHead, body: bytes) -> None:
        """Give a whole answer at once, framed by the length that its head tells. Raises CallerGone."""
        ...

    def start(self, head: ResponseHead, framing: Framing) -> None:
        """Start the answer with this head; `framing` is that of its body, which is framed anew for the caller."""
        ...

    def take(self, octets: bytes) -> None:
        """Give a part of the body."""
        ...

    def over(self) -> None:
        """End the answer."""
        ...

    def broke(self, fault: RelayError | CallerGone) -> None:
        """Break the answer off: it has no end."""
        ...

    def abort(self) -> None:
        """Break the connection off, so that an incomplete answer cannot look complete."""
        ...


class Handler(Protocol):
    """Whoever answers calls."""

    def take(self, call: Call) -> None:
        """Answer a call, now or later, or break it off. Raises nothing."""
        ...

    def drain(self) -> None:
        """Take that no more calls come: whatever waits only to be slow has no time for that any more."""
        ...

    def refused(self, peer: str, error: RelayError) -> Answer:
        """Return the answer to octets that are no request; the connection is closed after it."""
        ...
