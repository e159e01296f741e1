"""Whoever fails often is answered later: how much later, by address. Pure.

Only a refusal is put off, never a call that proves itself: others that fail from the same address, as Dynamics shares
them, cost it nothing.
"""

from typing import Final

# So many in a row cost nothing: people try, and a wrong key in one flow fails for each of its calls.
_FREE: Final = 20.0
_FORGOTTEN_A_SECOND: Final = 1.0
# Seconds for the first that is one too many, and twice as much for each that follows.
_FIRST: Final = 0.1
# What is counted at most, so that nobody is slowed for much longer than it fails.
_MOST: Final = 50.0
_MOST_ADDRESSES: Final = 4096
# Answers that wait at once; beyond it nobody is kept waiting, for each of them takes memory.
_MOST_WAITING: Final = 1024


class Failures:
    """Counts failures by address, and forgets one each second; the address that failed longest ago first of all."""

    __slots__ = ("_counts", "_longest", "most_waiting")

    def __init__(self, longest: float) -> None:
        """`longest` is the most seconds by which an answer is put off; 0 never does."""
        self._longest = longest
        self.most_waiting = _MOST_WAITING
        self._counts: dict[str, tuple[float, float]] = {}

    def __repr__(self) -> str:
        return f"<Failures of {len(self._counts)} addresses>"

    def delay(self, address: str, now: float) -> float:
        """Count one more, and return by how many seconds its answer is put off; `now` is in seconds of any clock."""
        count, at = self._counts.pop(address, (0.0, now))
        count = min(max(count - (now - at) * _FORGOTTEN_A_SECOND, 0.0) + 1.0, _MOST)
        if len(self._counts) >= _MOST_ADDRESSES:
            del self._counts[next(iter(self._counts))]
        self._counts[address] = (count, now)
        over = count - _FREE
        return min(_FIRST * 2.0 ** (over - 1.0), self._longest) if over > 0.0 else 0.0
