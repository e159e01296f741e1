"""The seam between the gateway and the world, and the door that leads there for real."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from relay.deadlines import Deadlines
from relay.tls.departures import Departures
from relay.upstream.connection import Connection
from relay.upstream.egress import Egress
from relay.upstream.passage import Passage
from relay.upstream.passport import Passport
from relay.upstream.pool import Pool
from relay.upstream.proof import Footing, State, chosen, none_left
from relay.upstream.transport import Patience


class Exit(Protocol):
    """One egress of an upstream's."""

    egress: Egress

    def send(self, passage: Passage) -> None:
        """Send a call from there: see `Upstream.send`."""
        ...


class Upstream(Protocol):
    """What the gateway calls through."""

    @property
    def egress(self) -> Egress:
        """The address that the next call leaves from."""
        ...

    @property
    def spare(self) -> bool:
        """Whether a call that is refused for its address may go out again from another."""
        ...

    def send(self, passage: Passage) -> None:
        """Send the call. Its receiver hears what came of it, possibly before this returns."""
        ...

    def other(self, refused: str) -> Exit | None:
        """Return from where a call may go out again that was refused from `refused`: another one that is proven."""
        ...


class Door:
    """The `Upstream` of one tenant: a pool for each egress under the certificate now in force, replaced when that
    changes. Calls leave from the first egress that is not out.
    """

    def __init__(
        self,
        passport: Passport,
        egresses: Sequence[Egress],
        patience: Patience,
        count: Callable[[str], None],
        *,
        twice: bool = False,
    ) -> None:
        """Make the door. `count` hears what happens to connections: see `Pool`.

        `twice` lets a call that is refused for its address go out once more, where two egresses are proven.
        """
        self._twice = twice
        self.spare = False
        self._passport = passport
        self._patience = patience
        self._count = count
        self._loop = asyncio.get_running_loop()
        self._departures = Departures(self._loop)
        self._waits = Deadlines(self._loop, patience.first_byte, Connection.late)
        self._footings: Sequence[Footing] = [Footing(State.UNKNOWN) for _ in egresses]
        self._pools = [self._new_pool(egress) for egress in egresses]
        self._pool = self._pools[0]
        self._closed_to: Footing | None = None

    def __repr__(self) -> str:
        return f"<Door {self._pool!r}>" if self._closed_to is None else f"<Door closed: {self._closed_to.detail}>"

    @property
    def egress(self) -> Egress:
        """The address that the next call leaves from."""
        return self._pool.egress

    @property
    def passport(self) -> Passport:
        """The certificate now in force."""
        return self._passport

    def send(self, passage: Passage) -> None:
        """Send the call over a kept or new connection: see `Upstream.send`."""
        if self._closed_to is None:
            self._pool.send(passage)
        else:
            passage.failed(self._closed_to.fault())

    def other(self, refused: str) -> Exit | None:
        """Return another egress that is proven: see `Upstream.other`."""
        if self.spare:
            for pool, footing in zip(self._pools, self._footings, strict=True):
                if footing.state is State.PROVEN and pool.egress.text != refused:
                    return pool
        return None

    def renew(self, passport: Passport) -> None:
        """Use `passport` for every call from now on; calls under the old one end under it."""
        self._passport = passport
        old, self._pools = self._pools, [self._new_pool(pool.egress) for pool in self._pools]
        self._choose()
        for pool in old:
            pool.retire()

    def stand(self, footings: Sequence[Footing]) -> None:
        """Go by how each egress stands, in their order; from one that may not be used nothing leaves any more."""
        before, self._footings = self._footings, footings
        for place, (was, now) in enumerate(zip(before, footings, strict=True)):
            if was.usable and not now.usable:
                pool = self._pools[place]
                self._pools[place] = self._new_pool(pool.egress)
                pool.bar(now.fault())
        self._choose()

    def close(self) -> None:
        """Close what is idle, and the rest as each call ends."""
        for pool in self._pools:
            pool.retire()

    def _choose(self) -> None:
        place = chosen(self._footings)
        self._closed_to = none_left(self._footings) if place is None else None
        self._pool = self._pools[place or 0]
        self.spare = self._twice and sum(each.state is State.PROVEN for each in self._footings) > 1

    def _new_pool(self, egress: Egress) -> Pool:
        return Pool(
            self._passport, egress, self._patience, waits=self._waits, departures=self._departures, count=self._count
        )
