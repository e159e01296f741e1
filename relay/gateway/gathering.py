"""An answer kept until it is whole, for what can only be judged whole; one that grows too long goes on as it came."""

from collections.abc import Callable

from relay.front.call import Call
from relay.message.framing import Framing
from relay.message.head import ResponseHead
from relay.message.stream import Fault


class Gathering:
    """The `Sink` of such an answer. `whole` is called with its body, unless that has more than `most` octets.

    What is too long, or has no end, is given to the call under `head` as if nothing had been gathered.
    """

    def __init__(
        self, call: Call, head: ResponseHead, framing: Framing, *, most: int, whole: Callable[[bytes], None]
    ) -> None:
        self._call = call
        self._head = head
        self._framing = framing
        self._most = most
        self._whole = whole
        self._pieces: list[bytes] = []
        self._size = 0
        self._given_up = False

    def __repr__(self) -> str:
        return f"<Gathering {'given up' if self._given_up else self._size}>"

    def take(self, octets: bytes) -> None:
        """Take a part."""
        if self._given_up:
            self._call.take(octets)
            return
        self._pieces.append(octets)
        self._size += len(octets)
        if self._size > self._most:
            self._give_up()

    def over(self) -> None:
        """Take the end."""
        if self._given_up:
            self._call.over()
        else:
            self._whole(b"".join(self._pieces))

    def broke(self, fault: Fault) -> None:
        """Take that there is no end: the caller must see a cut, so what is there is given."""
        if not self._given_up:
            self._give_up()
        self._call.broke(fault)

    def _give_up(self) -> None:
        self._given_up = True
        self._call.start(self._head, self._framing)
        if self._pieces:
            self._call.take(b"".join(self._pieces))
        self._pieces = []
