"""A guard as the calls of one process meet it: a look at one cell of shared memory while it passes."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from relay.errors import CallsHeld, QuotaStopped
from relay.settings.words import Cause
from relay.upstream.book import moment
from relay.upstream.guard import Held
from relay.upstream.refusal import Facts, explanation

if TYPE_CHECKING:
    from relay.upstream.guardroom import Guardroom


class Ward:
    """What stands between calls under one certificate from one egress address and VECOZO.

    `last_good` is the beginning of the last call of this process that went well; `publish` tells the others. Where it
    is `probed` by calls of the relay's own, no caller's call is ever the one that tries.
    """

    def __init__(self, room: "Guardroom", way: str, egress: str, certificate: str, *, probed: bool = False) -> None:
        self.way = way
        self.egress = egress
        self.certificate = certificate
        self.last_good: datetime | None = None
        self._room = room
        self._probed = probed
        self._cells = room.cells
        # In the order of SHUT, DOUBTED, LAST_GOOD.
        self._shut = room.place(way, egress)
        self._doubted = self._shut + 1
        self._good = self._shut + 2

    def __repr__(self) -> str:
        return f"<Ward of {self.way} via {self.egress}: {'shut' if self.shut else 'open'}>"

    @property
    def shut(self) -> bool:
        """Whether a call has to ask before it goes out."""
        return self._cells[self._shut] != 0

    def admit(self, route: str, *, harmless: bool, at: datetime) -> str:
        """Return the permit of a call that may go out: a text where it is a probe. Raises CallsHeld or QuotaStopped."""
        now, harmless = at.timestamp(), harmless and not self._probed
        permit, why = self._room.admit(self.way, self.egress, route, harmless=harmless, at=now)
        if why is None:
            return permit
        if isinstance(why, Held):
            cause = Cause.BLOCKED if self.after_quota else Cause.ADDRESS_OR_BLOCKED
            said = explanation(cause, self.facts(self.certificate))
            raise CallsHeld(said, cause=cause.value, retry_after=why.seconds)
        since = moment(why)
        raise QuotaStopped(
            f"since {since:%Y-%m-%d %H:%M:%S} UTC calls of {self.way} on {route} are stopped: "
            "VECOZO said that its quota is exceeded",
            cause=Cause.QUOTA.value,
        )

    def passed(self, at: datetime, permit: str, now: Callable[[], datetime]) -> None:
        """Take that a call which began `at` was let pass; `now` is asked only where the guard has doubts."""
        self.last_good = at
        if self._cells[self._doubted]:
            self._room.passed(self.way, self.egress, permit=permit, at=now().timestamp())

    def refused(self, permit: str, now: datetime) -> None:
        """Take that a call was refused for its address, or a block."""
        self.publish()
        self._room.refused(self.way, self.egress, permit=permit, at=now.timestamp())

    def returned(self, permit: str, now: datetime) -> None:
        """Take that a probe ended, and nothing was learned."""
        self._room.returned(self.way, self.egress, permit=permit, at=now.timestamp())

    def stop(self, route: str, now: datetime) -> None:
        """Let no call out on this route until a person lifts that."""
        self.publish()
        self._room.stop(self.way, route, at=now.timestamp())

    @property
    def after_quota(self) -> bool:
        """Whether VECOZO said that a quota of this certificate is exceeded, and nobody has lifted that."""
        return self.shut and self._room.book().stopped(self.way)

    def facts(self, certificate: str) -> Facts:
        """Return what an explanation names."""
        self.certificate = certificate
        self.publish()
        return Facts(egress=self.egress, certificate=certificate, last_good=moment(self._cells[self._good] / 1000))

    def publish(self) -> None:
        """Tell other processes when a call last went well."""
        if self.last_good is not None:
            self._cells[self._good] = max(self._cells[self._good], int(self.last_good.timestamp() * 1000))
