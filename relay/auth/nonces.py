"""Which signed calls were seen: a nonce counts once, for as long as its signature could be shown again.

Whoever is asked by several processes is one process: of two that ask for the same nonce at once, one is first.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final, Protocol

# Seconds by which the clock of a caller may be ahead of ours, and the age at which a signature is too old.
MOST_AHEAD: Final = 60
MOST_BACK: Final = 300
# A signature that was accepted is refused for its age after at most so long, and its nonce forgotten then.
KEEP: Final = MOST_AHEAD + MOST_BACK


class Seen(StrEnum):
    """How it stands with a nonce: `FIRST` may go on, `BEFORE` was used. After `UNSURE` nobody knows."""

    FIRST = "first"
    BEFORE = "before"
    UNSURE = "unsure"


Told = Callable[[Seen], object]


class Nonces(Protocol):
    """Where a nonce is used up. Implementations pass the contract suite in tests/contract/test_nonces.py."""

    def use(self, nonce: bytes, created: int, told: Told) -> None:
        """Have `told` hear once, possibly before this returns, whether this nonce is used for the first time.

        `nonce` is a digest of key and nonce; `created` says when the signature was made (seconds since 1970).
        """
        ...


class UsedNonces:
    """The nonces of the last six minutes, at most so many. Times are seconds since 1970, given by the caller.

    When it is full nothing is accepted: forgetting one would let its call go twice. Nothing is kept from one run to
    the next, and so nothing is sure of signatures that were made before this one, which began at `since`; nor is it of
    those as old as any that were forgotten, which a clock that is set back makes young again.
    """

    def __init__(self, *, most: int, since: float) -> None:
        self._most: Final = most
        self._since = since
        self._kept: dict[bytes, float] = {}

    def __repr__(self) -> str:
        return f"<UsedNonces: {len(self._kept)}, room for {self._most - len(self._kept)} more>"

    def __len__(self) -> int:
        return len(self._kept)

    def use(self, nonce: bytes, created: int, at: float) -> Seen:
        """Use a nonce up, and return how it stood with it until now."""
        self._expire(at)
        if nonce in self._kept:
            return Seen.BEFORE
        if created < self._since or len(self._kept) >= self._most:
            return Seen.UNSURE
        self._kept[nonce] = at
        return Seen.FIRST

    def _expire(self, at: float) -> None:
        """Forget what was used too long ago: the first is the oldest."""
        limit = at - KEEP
        while self._kept:
            nonce = next(iter(self._kept))
            if self._kept[nonce] >= limit:
                return
            del self._kept[nonce]
            self._since = max(self._since, limit + MOST_AHEAD)


class OwnNonces:
    """The `Nonces` of a relay in one process."""

    def __init__(self, used: UsedNonces, now: Callable[[], float]) -> None:
        """`now` tells the seconds since 1970."""
        self._used: Final = used
        self._now: Final = now

    def __repr__(self) -> str:
        return f"<OwnNonces {self._used!r}>"

    def use(self, nonce: bytes, created: int, told: Told) -> None:
        """Tell at once."""
        told(self._used.use(nonce, created, self._now()))


class _NoNonces:
    """Remembers nothing, and so can be sure of nothing."""

    def use(self, nonce: bytes, created: int, told: Told) -> None:
        """Be unsure."""
        told(Seen.UNSURE)


NO_NONCES: Final[Nonces] = _NoNonces()
