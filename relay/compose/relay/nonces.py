"""The nonces of signed calls: used up in the one process or in the parent, for all its workers."""

import asyncio
import time
from collections.abc import Callable
from itertools import count
from typing import Final

from relay.auth.nonces import KEEP, MOST_AHEAD, Nonces, OwnNonces, Seen, Told, UsedNonces
from relay.crew.crew import Clerk
from relay.crew.line import Line
from relay.gateway.shares import CommonCount, CommonCountAway

# Some 30 MB at most, and 700 signed calls a second for as long as nonces are remembered.
_MOST: Final = 262_144
# Seconds. Longer than one relay alone would: by another's clock, which is behind, a signature is young for longer.
_KEEP_FOR_ALL: Final = KEEP + MOST_AHEAD


def nonces_of(common: CommonCount | None) -> Nonces:
    """Return where nonces are used up: with those of all relays, or of this one, which starts now."""
    if common is not None:
        return CommonNonces(common)
    return OwnNonces(UsedNonces(most=_MOST, since=time.time()), time.time)


class CommonNonces:
    """The `Nonces` of several relays: of all that count one together, who counts 1 is the first."""

    def __init__(self, common: CommonCount) -> None:
        self._common = common
        self._asking: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<CommonNonces, {len(self._asking)} wait>"

    def use(self, nonce: bytes, created: int, told: Told) -> None:
        """Ask."""
        task = asyncio.get_running_loop().create_task(self._use(nonce, told))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _use(self, nonce: bytes, told: Told) -> None:
        try:
            times = await self._common.add(f"nonce:{nonce.hex()}", 1, _KEEP_FOR_ALL)
        except CommonCountAway:
            told(Seen.UNSURE)
        else:
            told(Seen.FIRST if times == 1 else Seen.BEFORE)


class NonceClerk:
    """The parent's `Clerk` for nonces; what is not about these it leaves to another."""

    def __init__(self, nonces: Nonces, other: Clerk) -> None:
        self._nonces = nonces
        self._other = other
        self.told = other.told
        self.buried = other.buried

    def __repr__(self) -> str:
        return f"<NonceClerk {self._nonces!r} beside {self._other!r}>"

    def asked(self, worker: int, words: tuple[str, ...], answer: Callable[..., object]) -> None:
        """Answer whether a nonce is used for the first time."""
        match words:
            case (number, "nonce", nonce, created):
                self._nonces.use(bytes.fromhex(nonce), int(created), lambda seen: answer(number, seen))
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
