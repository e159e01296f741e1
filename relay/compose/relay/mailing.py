"""Mails to the people on the tenants' cards: by one process for all, beside the calls and never in their way.

Nothing is queued: every few seconds it is looked at afresh what is the matter, and what the diary does not say to be
told yet is due. So nothing gets lost with a process, there is never more to send than there are matters, and what is
well again by the time a mail server comes back is not sent any more.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from structlog.typing import FilteringBoundLogger

from relay.compose.relay.build import Built
from relay.compose.relay.concerns import concerns
from relay.compose.relay.rotation import Rotation, Shown
from relay.keeping import write_whole
from relay.mail.diary import QUIET, Concern, Diary, DiaryUnreadable, Well
from relay.mail.message import message
from relay.mail.server import MailFault, MailServer
from relay.observe.history import History
from relay.observe.metrics import Metrics
from relay.people.letter import Letter
from relay.people.matter import Matter
from relay.people.unasked import UNASKED, together, unasked

# Seconds.
_LOOK_EVERY: Final = 5.0
# After a failure: each pause is twice the last. Servers that let strangers wait want some minutes (RFC 6647).
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 3600.0

# Beside the state.
_DIARY: Final = ".mails"

# A tenant, a matter and an address: whom a mail of its own can be due to.
_Due = tuple[str, Matter, str]
# What is the matter, and the letters that say so.
_Worded = tuple[Concern, Sequence[Letter]]


def diary_of(state: Path) -> Path:
    """Return where a relay that keeps its state there writes down what it mailed."""
    return state.with_name(state.name + _DIARY)


class _Result(StrEnum):
    """What came of a mail to somebody; `relay_mails_total` says what each is."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    OVERTAKEN = "overtaken"
    UNADDRESSED = "unaddressed"


@dataclass(frozen=True, slots=True)
class _Pause:
    """No attempt before `until`, in seconds of the epoch, so long after the last one."""

    until: float
    seconds: float

    @classmethod
    def after(cls, last: "_Pause | None", at: float) -> "_Pause":
        """Return the pause after one more failure."""
        seconds = min(2 * last.seconds, _LONGEST_PAUSE) if last and last.seconds else _FIRST_PAUSE
        return cls(at + seconds, seconds)

    def over(self, at: float) -> bool:
        """Whether it is; a clock that was set back makes no pause longer than any is."""
        return not 0 < self.until - at <= QUIET


@dataclass(frozen=True, slots=True)
class _Parcel:
    """One mail: of one matter of one tenant, to everybody to whom the same letters are due."""

    tenant: str
    matter: Matter
    to: tuple[str, ...]
    concerns: tuple[Concern, ...]
    letters: tuple[Letter, ...]

    @property
    def due(self) -> Iterator[_Due]:
        """Everybody, each with what it is about."""
        return ((self.tenant, self.matter, address) for address in self.to)

    def narrowed(self, to: Iterable[str]) -> "_Parcel":
        """Return it for some of them."""
        return _Parcel(self.tenant, self.matter, tuple(to), self.concerns, self.letters)


class Mailing:
    """What was mailed, what is due, and what waits for another attempt."""

    def __init__(
        self, server: MailServer, diary: Path, tenants: Iterable[str], logger: FilteringBoundLogger, metrics: Metrics
    ) -> None:
        self._server = server
        self._file = diary
        self._logger = logger
        self._metrics = metrics
        self._diary = self._read()
        self._pauses: dict[_Due, _Pause] = {}
        self._server_pause: _Pause | None = None
        self._unaddressed: set[tuple[str, Matter, str]] = set()
        self._tried_to_write = False
        for tenant in tenants:
            for matter in UNASKED:
                for result in _Result:
                    metrics.mails(tenant, matter, result, times=0)

    def __repr__(self) -> str:
        return f"<Mailing by {self._server}: {len(self._pauses)} wait>"

    async def round(self, seen: Iterable[Concern | Well], at: datetime) -> None:
        """Send what is due `at` this moment, of what is `seen` to be the matter."""
        now, found = at.timestamp(), list(seen)
        forgotten = [well for well in found if isinstance(well, Well) and self._diary.forget(well)]
        concerned = (each for each in found if isinstance(each, Concern))
        on = [(each, tuple(unasked(each.matter, each.card, each.facts))) for each in concerned]
        self._tell_unaddressed(on)
        parcels = list(_parcels(on, self._diary, now))
        self._give_up({due for parcel in parcels for due in parcel.due})
        if parcels:
            self._see_that_it_can_be_kept(now)
        told = False
        for parcel in parcels:
            to = [due[2] for due in parcel.due if due not in self._pauses or self._pauses[due].over(now)]
            if to and (self._server_pause is None or self._server_pause.over(now)):
                told = await self._send(parcel.narrowed(to), at) or told
            for due in parcel.due:  # what was not even tried waits as well, and is told when it is overtaken
                if any(self._diary.is_due(concern, due[2], now) for concern in parcel.concerns):
                    self._pauses.setdefault(due, _Pause(now, 0))
        if told or forgotten:
            self._write()

    async def _send(self, parcel: _Parcel, at: datetime) -> bool:
        """Send it; return whether there is anything new to write down."""
        now = at.timestamp()
        subject, text = together(parcel.letters)
        last = (str(self._diary.last.get((parcel.tenant, parcel.matter, each), "")) for each in parcel.to)
        tokens = (f"{each.place} {each.token}" for each in parcel.concerns)
        octets = message(
            sender=self._server.sender,
            to=parcel.to,
            subject=subject,
            text=text,
            at=at,
            occasion=(parcel.tenant, parcel.matter, *tokens, *last),
        )
        try:
            refused = await self._server.send(parcel.to, octets)
        except MailFault as fault:
            if fault.unknown:
                self._may_be_taken(parcel, fault, now)
                return True
            self._server_pause = _Pause.after(self._server_pause, now)
            self._tell_failed(parcel, len(parcel.to), fault.key, fault.detail, self._server_pause)
            return False
        self._server_pause = None
        taken = [each for each in parcel.to if each not in refused]
        for address in taken:
            self._pauses.pop((parcel.tenant, parcel.matter, address), None)
            for concern in parcel.concerns:
                self._diary.tell(concern, address, now)
        if taken:
            self._count(parcel, _Result.ACCEPTED, len(taken))
            places = [concern.place for concern in parcel.concerns]
            self._logger.info("mail_sent", tenant=parcel.tenant, matter=parcel.matter, places=places, to=len(taken))
        for address, refusal in refused.items():
            due, key = (parcel.tenant, parcel.matter, address), _key(parcel.concerns[0], address)
            if refusal.final:
                self._pauses[due] = _Pause(now + QUIET, _LONGEST_PAUSE)
                self._tell_refused(parcel, key, refusal.detail)
            else:
                self._pauses[due] = _Pause.after(self._pauses.get(due), now)
                self._tell_failed(parcel, 1, key, refusal.detail, self._pauses[due])
        return bool(taken)

    def _may_be_taken(self, parcel: _Parcel, fault: MailFault, now: float) -> None:
        for due in parcel.due:
            self._pauses.pop(due, None)
            self._diary.put_off(*due, now)
        self._server_pause = _Pause.after(self._server_pause, now)  # or each of many mails might come twice
        self._count(parcel, _Result.UNKNOWN, len(parcel.to))
        self._logger.error("mail_unknown", **_about(parcel, fault.key, fault.detail), again_in=QUIET)

    # -- what it tells -----------------------------------------------------------------------------------------

    def _tell_failed(self, parcel: _Parcel, count: int, key: str, detail: str, pause: _Pause) -> None:
        self._count(parcel, _Result.FAILED, count)
        self._logger.warning("mail_failed", **_about(parcel, key, detail), again_in=pause.seconds)

    def _tell_refused(self, parcel: _Parcel, key: str, detail: str) -> None:
        self._count(parcel, _Result.REFUSED, 1)
        self._logger.error("mail_refused", **_about(parcel, key, detail), again_in=QUIET)

    def _tell_unaddressed(self, on: Iterable[_Worded]) -> None:
        unaddressed = {
            (each.tenant, each.matter, each.place)
            for each, letters in on
            if not all(letter.mails for letter in letters)
        }
        for tenant, matter, place in unaddressed - self._unaddressed:
            self._metrics.mails(tenant, matter, _Result.UNADDRESSED)
            key = f"tenants.{tenant}.card.contacts"
            self._logger.warning("mail_unaddressed", tenant=tenant, matter=matter, place=place, key=key)
        self._unaddressed = unaddressed

    def _give_up(self, due: set[_Due]) -> None:
        """Tell of what could not be sent and need not be any more."""
        for tenant, matter, address in self._pauses.keys() - due:
            del self._pauses[tenant, matter, address]
            self._metrics.mails(tenant, matter, _Result.OVERTAKEN)
            self._logger.warning("mail_overtaken", tenant=tenant, matter=matter)

    def _count(self, parcel: _Parcel, result: _Result, times: int) -> None:
        self._metrics.mails(parcel.tenant, parcel.matter, result, times)

    # -- the diary's file --------------------------------------------------------------------------------------

    def _read(self) -> Diary:
        """Return what was told; where that cannot be read, somebody may be told once more."""
        try:
            return Diary.read(self._file.read_bytes())
        except FileNotFoundError:
            return Diary()
        except (OSError, DiaryUnreadable) as error:
            detail = f"{self._file} {error}: begun anew"
            self._logger.error("mail_diary_unreadable", key="state", detail=detail)
            return Diary()

    def _see_that_it_can_be_kept(self, now: float) -> None:
        """Have the first mail wait where it cannot be written down: a relay that keeps falling would mail each time."""
        if not self._tried_to_write:
            self._tried_to_write = True
            if not self._write():
                self._server_pause = _Pause(now + _LONGEST_PAUSE, 0)

    def _write(self) -> bool:
        try:
            write_whole(self._file, self._diary.octets() + b"\n")
        except OSError as error:  # it is known here all the same, and told again only after a restart
            self._logger.error("mail_diary_not_written", key="state", detail=f"{self._file}: {error.strerror}")
            return False
        return True


def _parcels(on: Iterable[_Worded], diary: Diary, at: float) -> Iterator[_Parcel]:
    """Yield the mails that are due: what is the matter in several places at once is one mail."""
    due: dict[_Due, list[tuple[Concern, Letter]]] = {}
    for concern, letters in on:
        for letter in letters:
            for address in dict.fromkeys(letter.mails):
                if diary.is_due(concern, address, at):
                    due.setdefault((concern.tenant, concern.matter, address), []).append((concern, letter))
    alike: dict[tuple[str, Matter, tuple[tuple[str, str], ...]], list[str]] = {}
    for (tenant, matter, address), what in due.items():
        which = tuple((concern.place, letter.text) for concern, letter in what)
        alike.setdefault((tenant, matter, which), []).append(address)
    for (tenant, matter, _), to in alike.items():
        what = due[tenant, matter, to[0]]
        concerned = tuple({concern.place: concern for concern, _ in what}.values())
        yield _Parcel(tenant, matter, tuple(to), concerned, tuple(letter for _, letter in what))


def _about(parcel: _Parcel, key: str, detail: str) -> dict[str, object]:
    return {"tenant": parcel.tenant, "matter": parcel.matter, "key": key, "detail": detail}


def _key(concern: Concern, address: str) -> str:
    """Return where in the settings an address is, so that no log has to name it."""
    for number, contact in enumerate(concern.card.contacts):
        if contact.mail == address:
            return f"tenants.{concern.tenant}.card.contacts.{number}.mail"
    return f"tenants.{concern.tenant}.card.party.mail"


@asynccontextmanager
async def mailing(
    built: Built,
    ways: Mapping[str, Shown],
    rotations: Mapping[str, Rotation],
    history: History,
    logger: FilteringBoundLogger,
    metrics: Metrics,
) -> AsyncIterator[None]:
    """Mail for as long as the block lasts what there is to tell, where the settings name a server for that."""
    if built.mail is None:
        yield
        return
    mails = Mailing(built.mail, diary_of(built.settings.state), built.tenants, logger, metrics)

    def look(at: datetime) -> Iterator[Concern | Well]:
        return concerns(built, rotations, ways, history, at)

    task = asyncio.create_task(_keep_mailing(mails, look, logger))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _keep_mailing(
    mails: Mailing, look: Callable[[datetime], Iterable[Concern | Well]], logger: FilteringBoundLogger
) -> None:
    while True:
        now = datetime.now(UTC)
        try:
            await mails.round(look(now), now)
        except Exception as error:  # whatever it is, the next matter still has to be told
            logger.error("mailing_failed", exc_info=error)
        await asyncio.sleep(_LOOK_EVERY)
