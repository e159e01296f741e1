"""Which idempotency keys were used, for what call, and what became of it: digests and outcomes, never bodies.

Whoever is asked by several processes is one process: two that ask for the same key at once get one `FREE`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from relay.gateway.ledger import Claim, Standing, Told, Verdict
from relay.observe.exchange import Exchange

# Who claimed, for what was claimed before this process began.
_NOBODY: Final = -1
_SETTLED: Final = (Standing.ANSWERED, Standing.UNKNOWN)


class _Receipt:
    __slots__ = ("at", "begun", "body", "call", "owner", "standing", "status")

    def __init__(self, call: bytes, body: bytes, owner: int, begun: float) -> None:
        self.call = call
        self.body = body
        self.owner = owner
        self.begun = begun
        self.standing = Standing.IN_PROGRESS
        self.status = 0
        self.at = begun

    def settle(self, standing: Standing, status: int, at: float) -> None:
        self.standing, self.status, self.at = standing, status, at


class Receipts:
    """The keys of the last `keep` seconds, at most so many. Times are seconds since 1970, given by the caller.

    When it is full, new keys are refused: forgetting one would let its call go twice.
    """

    def __init__(
        self,
        *,
        most: int,
        keep: float,
        write: Callable[[bytes], bool] = lambda line: True,
        sync: Callable[[Callable[[bool], None]], None] = lambda told: told(True),  # noqa: FBT003  # as a callback it has no keywords
    ) -> None:
        """`write` is given a line for each change, and says whether it is kept.

        `sync` tells, now or later, whether what was written until now outlives the machine.
        """
        self._most = most
        self._keep = keep
        self._write = write
        self._sync = sync
        self._kept: dict[bytes, _Receipt] = {}

    def __repr__(self) -> str:
        return f"<Receipts of {len(self)} keys, room for {self._most - len(self)} more>"

    def __len__(self) -> int:
        return len(self._kept)

    def ask(self, claim: Claim, owner: int, at: float, told: Told) -> None:
        """Have `told` hear how it stands with a key; `FREE` once not even a power failure can make that forgotten."""
        verdict = self.claim(claim, owner, at)
        if verdict.standing is Standing.FREE:
            self._sync(lambda kept: told(verdict if kept else self._taken_back(claim.key, owner, at)))
        else:
            told(verdict)

    def _taken_back(self, key: bytes, owner: int, at: float) -> Verdict:
        self.settle(key, owner, Standing.FREE, 0, at)
        return Verdict(Standing.AWAY)

    def claim(self, claim: Claim, owner: int, at: float) -> Verdict:
        """Return how it stands with a key; `FREE` makes it the owner's until it settles it."""
        self._expire(at)
        found = self._kept.get(claim.key)
        if found is not None:
            if found.call != claim.call or (found.body and claim.body and found.body != claim.body):
                return Verdict(Standing.REUSED)
            return Verdict(found.standing, found.status, found.at)
        if len(self._kept) >= self._most:
            return Verdict(Standing.FULL)
        # Written before it is promised: otherwise a restart would not know of a call that went.
        receipt = _Receipt(claim.call, claim.body, owner, at)
        if not self._write(_claimed(claim.key, receipt)):
            return Verdict(Standing.AWAY)
        self._kept[claim.key] = receipt
        return Verdict(Standing.FREE)

    def settle(self, key: bytes, owner: int, standing: Standing, status: int, at: float) -> None:
        """Take what became of a call that this owner has in progress; of any other, nothing."""
        receipt = self._kept.get(key)
        if receipt is None or receipt.owner != owner or receipt.standing is not Standing.IN_PROGRESS:
            return
        receipt.settle(standing, status, at)
        # What cannot be written is unknown after a restart, and that is the careful reading.
        self._write(_settled(key, receipt))
        if standing not in _SETTLED:
            del self._kept[key]

    def orphan(self, owner: int, at: float) -> None:
        """Take that an owner died: nobody knows what became of what it had in progress."""
        left = [key for key, receipt in self._kept.items() if receipt.owner == owner]
        for key in left:
            self.settle(key, owner, Standing.UNKNOWN, 0, at)

    def lines(self) -> Iterator[bytes]:
        """Yield lines that say all of it."""
        for key, receipt in self._kept.items():
            yield _claimed(key, receipt)
            if receipt.standing is not Standing.IN_PROGRESS:
                yield _settled(key, receipt)

    def read(self, lines: Iterable[bytes], at: float) -> None:
        """Take what an earlier process wrote; what it had in progress is unknown. A torn line counts for nothing."""
        for line in lines:
            try:
                self._take(line.decode("ascii").split())
            except ValueError:
                continue
        for receipt in self._kept.values():
            if receipt.standing is Standing.IN_PROGRESS:
                receipt.settle(Standing.UNKNOWN, 0, receipt.begun)
        self._expire(at)

    def _take(self, words: list[str]) -> None:
        match words:
            case ["claimed", key, call, body, begun, "."]:
                octets = b"" if body == "-" else bytes.fromhex(body)
                self._kept[bytes.fromhex(key)] = _Receipt(bytes.fromhex(call), octets, _NOBODY, float(begun))
            case ["settled", key, standing, status, at, "."] if receipt := self._kept.get(bytes.fromhex(key)):
                receipt.settle(Standing(standing), int(status), float(at))
                if receipt.standing not in _SETTLED:
                    del self._kept[bytes.fromhex(key)]
            case _:
                pass

    def _expire(self, at: float) -> None:
        """Forget what was claimed too long ago: the first is the oldest."""
        limit = at - self._keep
        while self._kept:
            key = next(iter(self._kept))
            if self._kept[key].begun > limit:
                return
            del self._kept[key]


def _claimed(key: bytes, receipt: _Receipt) -> bytes:
    body = receipt.body.hex() or "-"
    return f"claimed {key.hex()} {receipt.call.hex()} {body} {receipt.begun:.3f} .\n".encode()


def _settled(key: bytes, receipt: _Receipt) -> bytes:
    return f"settled {key.hex()} {receipt.standing} {receipt.status} {receipt.at:.3f} .\n".encode()


class OwnLedger:
    """The `Ledger` of a relay in one process."""

    def __init__(self, receipts: Receipts, now: Callable[[], float]) -> None:
        """`now` tells the seconds since 1970."""
        self._receipts = receipts
        self._now = now

    def __repr__(self) -> str:
        return f"<OwnLedger {self._receipts!r}>"

    def begin(self, exchange: Exchange) -> None:
        """Keep nothing: what is in progress here dies with whoever would tell of it."""

    def claim(self, claim: Claim, told: Told) -> None:
        """Have the receipts tell."""
        self._receipts.ask(claim, 0, self._now(), told)

    def settle(self, key: bytes, standing: Standing, status: int) -> None:
        """Take what became of a call that was free to go."""
        self._receipts.settle(key, 0, standing, status, self._now())
