"""What has to be known of calls beyond the process that carries them: what is in progress, and which keys were used."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from relay.observe.exchange import Exchange


class Standing(StrEnum):
    """How it stands with a key."""

    FREE = "free"
    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    UNKNOWN = "unknown"
    REUSED = "reused"
    FULL = "full"
    AWAY = "away"


class Claim(NamedTuple):
    """A call that wants to be the only one with its key: digests of client and key, and of the call itself.

    `body` is empty where the body was not whole when the call began.
    """

    key: bytes
    call: bytes
    body: bytes


class Verdict(NamedTuple):
    """What the ledger says to a claim.

    `FREE`: go, and it is in progress now. `IN_PROGRESS`, `ANSWERED` (with that status), `UNKNOWN`: the same call went
    before, and `at` is when it was claimed or answered (seconds since 1970). `REUSED`: another call has this key.
    `FULL`, `AWAY`: nothing can be promised, so the call must not go.
    """

    standing: Standing
    status: int = 0
    at: float = 0.0


Told = Callable[[Verdict], None]


class Ledger(Protocol):
    """Where a call is entered before anything of it can reach the upstream. The journal hears of its end.

    Implementations pass the contract suite in tests/contract/test_ledger.py.
    """

    def begin(self, exchange: Exchange) -> None:
        """Take note that a call is given to the upstream's side."""
        ...

    def claim(self, claim: Claim, told: Told) -> None:
        """Ask for a key. `told` hears the verdict once, possibly before this returns; of many who ask, one is free."""
        ...

    def settle(self, key: bytes, standing: Standing, status: int) -> None:
        """Tell what became of the call that was free to go: `ANSWERED`, `UNKNOWN`, or `FREE` when nothing was sent."""
        ...


class _NoLedger:
    """Keeps nothing, and so can promise nothing: what dies with one process is known to nobody anyway."""

    def begin(self, exchange: Exchange) -> None:
        """Keep nothing."""

    def claim(self, claim: Claim, told: Told) -> None:
        """Promise nothing."""
        told(Verdict(Standing.AWAY))

    def settle(self, key: bytes, standing: Standing, status: int) -> None:
        """Keep nothing."""


NO_LEDGER: Final[Ledger] = _NoLedger()
