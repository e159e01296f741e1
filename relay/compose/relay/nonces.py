"""The nonces of signed calls: used up in the one process or in the parent, for all its workers."""

import time
from collections.abc import Callable
from itertools import count
from typing import Final

from relay.auth.nonces import Seen, Told, UsedNonces
from relay.crew.crew import Clerk
from relay.crew.line import Line

# Some 30 MB at most, and 700 signed calls a second for as long as nonces are remembered.
_MOST: Final = 262_144


def used_nonces() -> UsedNonces:
    """Return room for the nonces of a relay that starts now."""
    return UsedNonces(most=_MOST, since=time.time())


class NonceClerk:
    """The parent's `Clerk` for nonces; what is not about these it leaves to another."""

    def __init__(self, used: UsedNonces, other: Clerk) -> None:
        self._used = used
        self._other = other
        self.told = other.told
        self.buried = other.buried

    def __repr__(self) -> str:
        return f"<NonceClerk {self._used!r} beside {self._other!r}>"

    def asked(self, worker: int, words: tuple[str, ...], answer: Callable[..., object]) -> None:
        """Answer whether a nonce is used for the first time."""
        match words:
            case (number, "nonce", nonce, created):
                answer(number, self._used.use(bytes.fromhex(nonce), int(created), time.time()))
            case _:
                self._other.asked(worker, words, answer)


class LineNonces:
    """The `Nonces` of a worker: the parent's."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._numbers = count()
        self._waiting: dict[str, Told] = {}

    def __repr__(self) -> str:
        return f"<LineNonces {len(self._waiting)} wait>"

    def use(self, nonce: bytes, created: int, told: Told) -> None:
        """Ask the parent."""
        number = str(next(self._numbers))
        self._waiting[number] = told
        if not self._line.send("ask", number, "nonce", nonce.hex(), str(created)):
            del self._waiting[number]
            told(Seen.UNSURE)

    def answered(self, number: str, seen: str) -> None:
        """Take the parent's answer."""
        self._waiting.pop(number)(Seen(seen))

    def lost(self) -> None:
        """Take that the parent is gone."""
        waiting, self._waiting = self._waiting, {}
        for told in waiting.values():
            told(Seen.UNSURE)
