"""The guards put together: what log and metrics hear of them, and what a person may ask and tell."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from relay.errors import SettingsFault
from relay.observe.history import History, Refused
from relay.observe.metrics import GuardSeen, Metrics, StopSeen
from relay.ops.hatch import LONGEST_NAME, hatch
from relay.settings.relay import RelaySettings
from relay.upstream.book import Book, Place, moment
from relay.upstream.guard import Rules
from relay.upstream.guardroom import Change, Guardroom, StateFault, StateFile

# Beside the state, so that who may change the one may use the other.
_HATCH = ".socket"

_EVENTS = {
    "holding": "guard_holding",
    "probing": "guard_probing",
    "passing": "guard_passing",
    "stopped": "quota_stopped",
    "lifted": "quota_lifted",
}


def hatch_of(state: Path) -> Path:
    """Return where a relay that keeps its state there answers."""
    return state.with_name(state.name + _HATCH)


def guardroom(settings: RelaySettings, places: list[Place], routes: int, at: datetime) -> Guardroom:
    """Return the guards as they were left. Raises SettingsFault."""
    if len(hatch_of(settings.state).name.encode()) > LONGEST_NAME:
        raise SettingsFault([("state", f"is too long a name: with {_HATCH} at its end at most {LONGEST_NAME} octets")])
    guard = settings.guard
    rules = Rules(
        after=guard.after,
        first_pause=guard.first_pause,
        longest_pause=guard.longest_pause,
        permit=settings.deadlines.total + guard.longest_pause,
    )
    try:
        return Guardroom(StateFile(settings.state), rules, places, routes=routes, at=at.timestamp())
    except StateFault as fault:
        raise SettingsFault([("state", fault.detail)]) from None


def guardroom_alone(settings: RelaySettings, at: datetime) -> Guardroom:
    """Return the guards as they were left, where no relay runs with them. Raises SettingsFault."""
    file = StateFile(settings.state)
    try:
        return Guardroom(file, Rules(), list(file.read().guards), routes=0, at=at.timestamp())
    except StateFault as fault:
        raise SettingsFault([("state", fault.detail)]) from None


def tell(room: Guardroom, logger: FilteringBoundLogger) -> None:
    """Have the log of this process tell what its calls change."""

    def told(change: Change) -> None:
        where = {"route" if change.what in ("stopped", "lifted") else "egress": change.place}
        extra: dict[str, object] = {}
        if change.what == "holding":
            extra = {"refused": change.refused, "pause": change.pause}
        say = logger.info if change.what in ("passing", "lifted") else logger.warning
        say(_EVENTS[change.what], way=change.way, **where, **extra)

    def failed(error: OSError) -> None:
        logger.error("guard_state_not_written", key="state", detail=error.strerror)

    room.told, room.failed = told, failed


@asynccontextmanager
async def guarding(
    room: Guardroom,
    settings: RelaySettings,
    logger: FilteringBoundLogger,
    metrics: Metrics,
    history: History,
    publish: Callable[[], None] = lambda: None,
) -> AsyncIterator[None]:
    """Show the guards in metrics, and take what people ask at the hatch, for as long as the block lasts.

    `publish` has this process put down when its calls last went well: no call does so, for it would cost each of them.
    """
    tell(room, logger)

    def book() -> Book:
        publish()
        return room.book()

    metrics.guards(lambda: _seen(book()), lambda: _stops(room.book()))

    def ask(question: dict[str, object], uid: int) -> dict[str, object]:
        match question:
            case {"do": "show"}:
                return shown(book(), history)
            case {"do": "lift", "way": str() as way, "route": (None | str()) as route}:
                count = room.lift(way, route, at=datetime.now(UTC).timestamp())
                logger.warning("guard_lifted", way=way, route=route or "", count=count, by_uid=uid)
                return {"lifted": count}
        raise ValueError("that cannot be asked")

    async with hatch(hatch_of(settings.state), ask, key="state"):
        try:
            yield
        finally:
            room.close()


def shown(book: Book, history: History) -> dict[str, object]:
    """Return a book in words of JSON, with the latest refusal that each guard knows of."""
    return {
        "guards": [
            {
                "way": way,
                "egress": egress,
                "state": guard.state.value,
                "refused": guard.refused,
                "since": _told(guard.since),
                "probe_due": _told(guard.due),
                "last_good": _told(book.last_good.get((way, egress), 0.0)),
            }
            for (way, egress), guard in book.guards.items()
        ],
        "stops": [{"way": way, "route": route, "since": _told(at)} for (way, route), at in book.stops.items()],
        "refusals": [_refusal(last) for place in book.guards if (last := history.last_of(*place)) is not None],
    }


def _refusal(last: Refused) -> dict[str, object]:
    return {
        "way": last.way,
        "egress": last.egress,
        "at": last.at.isoformat(timespec="seconds"),
        "cause": last.cause,
        "answer": f"{last.status} {last.reason}".strip() if last.status else "TLS alert",
    }


def _told(at: float) -> str | None:
    known = moment(at)
    return known.isoformat(timespec="seconds") if known else None


def _seen(book: Book) -> Iterator[GuardSeen]:
    for (way, egress), guard in book.guards.items():
        good = book.last_good.get((way, egress), 0.0)
        yield GuardSeen((way, egress), guard.state.value, guard.holds, guard.probes, good)


def _stops(book: Book) -> Iterator[StopSeen]:
    for (way, route), at in book.stops.items():
        yield StopSeen((way, route), at)
