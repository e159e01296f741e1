"""One call on its way through the door, and its answer on the way back."""

from asyncio import Task
from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol

from relay.message.framing import NO_BODY, Framing, Length
from relay.message.head import ResponseHead
from relay.message.stream import Stream

if TYPE_CHECKING:
    from relay.upstream.connection import Connection


# Octets of a body that are kept at most, for the one case in which a call goes out again.
MOST_KEPT: Final = 64 * 1024


class Receiver(Protocol):
    """Whoever made a call; hears once what came of it."""

    def answered(self, passage: "Passage") -> None:
        """Take the answer: its head is here, and its body or the beginning of it."""
        ...

    def failed(self, fault: Exception) -> None:
        """Take the fault that came instead of an answer.

        A RelayError tells by its `sent` whether the upstream can have processed the call; CallerGone says that the
        caller left before its body was complete.
        """
        ...


class Passage:
    """What goes out: where to, the head as it goes over the wire, the body or its beginning and the `rest` of it.

    `begun` tells whether a first octet has gone out (until then nothing can have been processed), `sent` whether the
    last has. Once answered: the answer's head, framing and body, again with the `answer_rest` that is still to come;
    under which certificate (`serial`), over which connection to which `peer` it went, and the `seconds` from the first
    thought of a connection until the head was here.

    The body is not kept, unless `keep` asks for it: then `again` is the same call once more.
    """

    answer: ResponseHead

    def __init__(
        self,
        receiver: Receiver,
        *,
        host: str,
        port: int,
        method: bytes,
        head: bytes,
        framing: Framing,
        octets: bytes,
        rest: Stream | None,
    ) -> None:
        self.receiver = receiver
        self.host = host
        self.port = port
        self.method = method
        self.head = head
        self.framing = framing
        self.octets = octets
        self.rest = rest
        self.began = perf_counter()
        self.answer_framing: Framing = NO_BODY
        self.answer_octets = b""
        self.answer_rest: Stream | None = None
        self.begun = False
        self.sent = False
        self.reused = False
        self.over = False
        self.serial = ""
        self.peer = ""
        self.seconds = 0.0
        self.connection: Connection | None = None
        self.dialling: Task[None] | None = None
        self._kept: list[bytes] | None = None
        self._kept_octets = 0

    def __repr__(self) -> str:
        state = "over" if self.over else "sent" if self.sent else "begun" if self.begun else "waiting"
        return f"<Passage to {self.host}:{self.port} {state}>"

    def keep(self) -> None:
        """Keep the body as it goes out, if it is short enough."""
        if not isinstance(self.framing, Length) or self.framing.octets <= MOST_KEPT:
            self._kept = []
            self.went(self.octets)

    def went(self, octets: bytes) -> None:
        """Take a part of the body that goes out."""
        kept = self._kept
        if kept is not None:
            self._kept_octets += len(octets)
            if self._kept_octets > MOST_KEPT:
                self._kept = None
            else:
                kept.append(octets)

    def again(self) -> "Passage | None":
        """Return the same call, to be sent once more; None unless all of it went out and was kept.

        It is not kept itself: nothing goes out three times.
        """
        if self._kept is None or not self.sent:
            return None
        return Passage(
            self.receiver,
            host=self.host,
            port=self.port,
            method=self.method,
            head=self.head,
            framing=self.framing,
            octets=b"".join(self._kept),
            rest=None,
        )

    def answered(self) -> None:
        """Tell that the answer's head is here."""
        self.seconds = perf_counter() - self.began
        self.receiver.answered(self)

    def failed(self, fault: Exception) -> None:
        """Tell what came instead of an answer, unless nobody waits for one any more."""
        if not self.over:
            self.over = True
            self.receiver.failed(fault)

    def abandon(self) -> None:
        """Want nothing more of it: what is still under way is broken off."""
        self.over = True
        if self.dialling is not None:
            self.dialling.cancel()
        if self.connection is not None:
            self.connection.drop(self)
