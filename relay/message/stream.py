"""A body on its way: kept until somebody takes it, then handed on as it comes, as fast as the other end takes it."""

from collections.abc import Callable
from typing import Final, Protocol

from relay.errors import BodyTooLarge, CallerGone, DigestWrong, RelayError
from relay.message.digest import BodyCheck

Fault = RelayError | CallerGone

# Octets that may wait for whoever will take them before the sender is held back.
HIGH_WATER: Final = 256 * 1024

_WRONG: Final = "the body does not have the digest that was signed"


class Sink(Protocol):
    """Where a body goes: pieces, and then either its end or the reason why it has none."""

    def take(self, octets: bytes) -> None:
        """Take the next octets, at least one."""
        ...

    def over(self) -> None:
        """Take the end: that was all of it."""
        ...

    def broke(self, fault: Fault) -> None:
        """Take that the rest cannot come."""
        ...


class Stream:
    """One body, without its transfer coding, from whoever reads it off a connection to whoever sends it on.

    `came` counts its octets so far; `ended` says that all have come.
    """

    __slots__ = (
        "_begun",
        "_check",
        "_enough",
        "_fault",
        "_hold",
        "_most",
        "_sink",
        "_size",
        "_waiting",
        "_withheld",
        "came",
        "ended",
    )

    def __init__(self, hold: Callable[[bool], None]) -> None:
        """`hold` pauses (True) and resumes (False) the sender."""
        self._hold = hold
        self._waiting: list[bytes] = []
        self._size = 0
        self._sink: Sink | None = None
        self._begun: Callable[[bytes], None] | None = None
        self._enough = 1
        self._fault: Fault | None = None
        self._most: int | None = None
        self._check: BodyCheck | None = None
        self._withheld = b""
        self.came = 0
        self.ended = False

    def __repr__(self) -> str:
        state = "broken" if self._fault else "ended" if self.ended else "open"
        return f"<Stream {state}, {self.came} octets came, {self._size} wait>"

    # -- for whoever reads it off a connection ---------------------------------------------------------------

    def put(self, octets: bytes) -> None:
        """Hand on the next octets, at least one."""
        if self._fault is not None:
            return
        self.came += len(octets)
        if self._most is not None and self.came > self._most:
            self.fail(BodyTooLarge(f"the body is over the limit of {self._most} octets"))
            return
        if self._check is not None:
            self._check.take(octets)
        if self._sink is not None:
            self._hand(octets)
            return
        self._waiting.append(octets)
        self._size += len(octets)
        if self._size > HIGH_WATER:
            self._hold(True)  # noqa: FBT003  # a callback has no keywords
        self._begin()

    def end(self) -> None:
        """Say that this was all."""
        if self._fault is not None:
            return
        if self._check is not None and not self._check.right():
            self.fail(DigestWrong(_WRONG))
            return
        self.ended = True
        if self._sink is not None:
            if self._withheld:
                self._sink.take(self._withheld)
            self._sink.over()
        self._begin()

    def fail(self, fault: Fault) -> None:
        """Say that the rest cannot come; the first reason counts, and none after the end."""
        if self.ended or self._fault is not None:
            return
        self._fault = fault
        if self._sink is not None:
            self._sink.broke(fault)
        self._begin()

    # -- for whoever sends it on -----------------------------------------------------------------------------

    def flow(self, sink: Sink) -> None:
        """Hand what waits to `sink`, and from now on all that comes, as it comes."""
        waiting, self._waiting = self._waiting, []
        held, self._size = self._size > HIGH_WATER, 0
        self._sink = sink
        if waiting and self.ended:
            sink.take(b"".join(waiting))
        elif waiting:
            self._hand(b"".join(waiting))
        if self.ended:
            sink.over()
        elif self._fault is not None:
            sink.broke(self._fault)
        elif held:
            self._hold(False)  # noqa: FBT003  # a callback has no keywords

    def limit(self, most: int) -> None:
        """Let it break with BodyTooLarge where it has more than so many octets; before `flow`.

        Raises BodyTooLarge if so many are here.
        """
        if self.came > most:
            raise BodyTooLarge(f"the body is over the limit of {most} octets")
        self._most = most

    def check(self, check: BodyCheck) -> None:
        """Let it break with DigestWrong in place of its end where this finds it wrong; before `flow`.

        Until the end the last octets are withheld, so that whoever counts them (Content-Length) misses some. Raises
        DigestWrong if all is here and wrong.
        """
        for octets in self._waiting:
            check.take(octets)
        if self.ended and not check.right():
            raise DigestWrong(_WRONG)
        self._check = check

    def hold(self, held: bool) -> None:  # noqa: FBT001  # as a callback it has no keywords
        """Have the sender pause, or go on."""
        self._hold(held)

    def when_begun(self, told: Callable[[bytes], None], *, enough: int) -> None:
        """Call `told` once with the first octets, without taking them: `enough` of them, or fewer if that is all."""
        self._begun, self._enough = told, enough
        self._begin()

    def _hand(self, octets: bytes) -> None:
        """Hand on octets that are not the end, or those before them."""
        if self._check is not None:
            octets, self._withheld = self._withheld, octets
        if octets and self._sink is not None:
            self._sink.take(octets)

    def _begin(self) -> None:
        if self._begun is not None and (self._size >= self._enough or self.ended or self._fault is not None):
            told, self._begun = self._begun, None
            told(b"".join(self._waiting))
