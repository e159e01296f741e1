"""When the end of a certificate is announced: at so many days before it, once each. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

# Days before the end. Renewal needs a user number and a PIN that somebody has to find, so mails begin early.
IN_LOG: Final = (60, 30, 14, 7, 1, 0)
BY_MAIL: Final = (90, *IN_LOG)


def mark(not_after: datetime, at: datetime, marks: Sequence[int]) -> int | None:
    """Return the last of the marks, in days before the end, that is reached; None before the first. 0 is the end."""
    left = not_after - at
    return min((days for days in marks if left <= timedelta(days=days)), default=None)


class Once:
    """Tells each mark of each certificate once."""

    def __init__(self, marks: Sequence[int]) -> None:
        self._marks = tuple(marks)
        self._told: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<Once at {', '.join(map(str, self._marks))} days: {len(self._told)} certificates told>"

    def reached(self, fingerprint: str, not_after: datetime, at: datetime) -> int | None:
        """Return the mark that this certificate has reached, unless it was told already."""
        reached = mark(not_after, at, self._marks)
        if reached is None or self._told.get(fingerprint) == reached:
            return None
        self._told[fingerprint] = reached
        return reached
