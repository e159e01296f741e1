"""What several relays share: where all of them count, in the one process or in the parent, for all its workers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count

from structlog.typing import FilteringBoundLogger

from relay.compose.relay.build import Built
from relay.compose.relay.callers import BuiltCallers, total_of
from relay.crew.crew import Clerk
from relay.crew.line import Line
from relay.gateway.shares import Dealer, Shares, Told
from relay.observe.metrics import Metrics


def dealer_of(
    built: Built, callers: Callable[[], BuiltCallers], logger: FilteringBoundLogger, metrics: Metrics
) -> Dealer | None:
    """Return who deals shares among the processes of this relay; None where it counts for itself."""
    if built.common is None:
        return None
    news = _News(logger, metrics)
    return Dealer(
        built.meter_room,
        built.common,
        allowances=lambda: callers().allowances,
        total=total_of(built.settings),
        changed=news.changed,
    )


class _News:
    """Tells log and metrics whether the common count is there; each change once."""

    def __init__(self, logger: FilteringBoundLogger, metrics: Metrics) -> None:
        self._logger = logger
        self._metrics = metrics
        self._why: str | None = ""

    def changed(self, why: str | None) -> None:
        was, self._why = self._why, why
        self._metrics.shared(there=why is None)
        if why is not None and not was:
            self._logger.warning("shared_count_away", detail=why)
        elif why is None and was:
            self._logger.info("shared_count_back")


@asynccontextmanager
async def dealing(dealer: Dealer | None) -> AsyncIterator[None]:
    """Have shares dealt for as long as the block lasts; whether there are any is known when it begins."""
    if dealer is None:
        yield
        return
    await dealer.begin()
    keeping = asyncio.get_running_loop().create_task(dealer.keep())
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        await dealer.close()


class ShareClerk:
    """The parent's `Clerk` for shares; what is not about these it leaves to another."""

    def __init__(self, shares: Shares, other: Clerk) -> None:
        self._shares = shares
        self._other = other
        self.told = other.told
        self.buried = other.buried

    def __repr__(self) -> str:
        return f"<ShareClerk {self._shares!r} beside {self._other!r}>"

    def asked(self, worker: int, words: tuple[str, ...], answer: Callable[..., object]) -> None:
        """Answer when a share was dealt, or that nobody deals."""
        match words:
            case (number, "share", client):
                self._shares.ask(client, lambda dealt: answer(number, "share", "dealt" if dealt else "alone"))
            case _:
                self._other.asked(worker, words, answer)


class LineShares:
    """The `Shares` of a worker: the parent's."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._numbers = count()
        self._waiting: dict[str, Told] = {}

    def __repr__(self) -> str:
        return f"<LineShares {len(self._waiting)} wait>"

    def ask(self, client: str, told: Told) -> None:
        """Ask the parent."""
        number = str(next(self._numbers))
        self._waiting[number] = told
        if not self._line.send("ask", number, "share", client):
            del self._waiting[number]
            told(False)  # noqa: FBT003  # as a callback it has no keywords

    def answered(self, number: str, dealt: str) -> None:
        """Take the parent's answer."""
        self._waiting.pop(number)(dealt == "dealt")

    def lost(self) -> None:
        """Take that the parent is gone."""
        waiting, self._waiting = self._waiting, {}
        for told in waiting.values():
            told(False)  # noqa: FBT003
