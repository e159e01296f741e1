"""What each row has coming: expected.json, read. How its entries are written stands here.

An entry is `"forwarded"`; or the status of an answer of the relay's own; or `"close"`, for a request that never becomes
whole, so that nothing answers it; or a list, one thing for each answer in order. Or it is an object with that under
`expect`, the reason under `why` where the check-list leaves a choice, and under `stranger` what somebody without a key
gets where that does not follow: whatever the head shows to be no HTTP or not for us is told to everybody, all else is
401 to a stranger.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FORWARDED: Final = "forwarded"
CLOSE: Final = "close"
_TOLD_TO_EVERYBODY: Final = frozenset((400, 405, 414, 421, 431, 501, 505))

Outcome = str | int


@dataclass(frozen=True)
class Expectation:
    """What comes back, answer by answer; no answer at all is an unfinished request."""

    known: tuple[Outcome, ...]
    stranger: tuple[Outcome, ...]


def expectations() -> dict[str, dict[str, Expectation]]:
    """Return what is expected: collection -> row -> expectation."""
    written = json.loads((Path(__file__).parent / "expected.json").read_text())
    return {name: {row: _read(entry) for row, entry in rows.items()} for name, rows in written.items()}


def _read(entry: Any) -> Expectation:
    given = entry if isinstance(entry, dict) else {"expect": entry}
    known = _outcomes(given["expect"])
    if "stranger" in given:
        return Expectation(known, _outcomes(given["stranger"]))
    return Expectation(known, tuple(each if each in _TOLD_TO_EVERYBODY else 401 for each in known))


def _outcomes(entry: Any) -> tuple[Outcome, ...]:
    if entry == CLOSE:
        return ()
    return tuple(entry) if isinstance(entry, list) else (entry,)
