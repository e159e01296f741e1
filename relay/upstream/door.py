"""The seam between the gateway and the world, and the door that leads there for real."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from relay.deadlines import Deadlines
from relay.tls.departures import Departures
from relay.upstream.connection import Connection
from relay.upstream.egress import Egress
from relay.upstream.passage import Passage
from relay.upstream.passport import Passport
from relay.upstream.pool import Pool
from relay.upstream.transport import Patience


class Upstream(Protocol):
    """What the gateway calls through."""

    @property
    def egress(self) -> Egress:
        """The address that calls leave from."""
        ...

    def send(self, passage: Passage) -> None:
        """Send the call. Its receiver hears what came of it, possibly before this returns."""
        ...


class Door:
    """The `Upstream` of one tenant: a pool under its certificate now in force, replaced when that changes."""

    def __init__(self, passport: Passport, egress: Egress, patience: Patience, count: Callable[[str], None]) -> None:
        """Make the door. `count` hears what happens to connections: see `Pool`."""
        self._egress = egress
        self._patience = patience
        self._count = count
        self._loop = asyncio.get_running_loop()
        self._departures = Departures(self._loop)
        self._waits = Deadlines(self._loop, patience.first_byte, Connection.late)
        self._pool = self._new_pool(passport)

    def __repr__(self) -> str:
        return f"<Door {self._pool!r}>"

    @property
    def egress(self) -> Egress:
        """The address that calls leave from."""
        return self._egress

    @property
    def passport(self) -> Passport:
        """The certificate now in force."""
        return self._pool.passport

    def send(self, passage: Passage) -> None:
        """Send the call over a kept or new connection: see `Upstream.send`."""
        self._pool.send(passage)

    def renew(self, passport: Passport) -> None:
        """Use `passport` for every call from now on; calls under the old one end under it."""
        old, self._pool = self._pool, self._new_pool(passport)
        old.retire()

    def close(self) -> None:
        """Close what is idle, and the rest as each call ends."""
        self._pool.retire()

    def _new_pool(self, passport: Passport) -> Pool:
        return Pool(
            passport, self._egress, self._patience, waits=self._waits, departures=self._departures, count=self._count
        )
