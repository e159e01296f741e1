"""The seam between the gateway and the world, and the door that leads there for real."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from relay.message.body import Body
from relay.message.framing import Framing
from relay.message.head import ResponseHead
from relay.upstream.connection import Connection
from relay.upstream.egress import Egress
from relay.upstream.passport import Passport
from relay.upstream.pool import Pool
from relay.upstream.reply import Reply
from relay.upstream.transport import Patience


@dataclass(slots=True, kw_only=True)
class Outgoing:
    """A call on its way out: where to, the head as it goes over the wire, and the body as it comes in.

    `first_byte` is in seconds, counted from the moment that all has been sent. `begun` tells whether a first octet
    has gone out: until then, nothing can have been processed.
    """

    host: str
    port: int
    method: bytes
    head: bytes
    framing: Framing
    body: Body
    first_byte: float
    begun: bool = False


@dataclass(slots=True)
class Passage:
    """A call that got its answer's head: the reply, and under which certificate and address it went out.

    `seconds` went by from the first thought of a connection until the head was here.
    """

    head: ResponseHead
    reply: Reply
    connection: Connection
    serial: str
    reused: bool
    seconds: float

    def close(self) -> None:
        """End the call; the connection is kept if both sides left it clean."""
        self.connection.done(self.reply)


class Upstream(Protocol):
    """What the gateway calls through."""

    @property
    def egress(self) -> Egress:
        """The address that calls leave from."""
        ...

    async def call(self, outgoing: Outgoing) -> Passage:
        """Send the call and return when the answer's head is here.

        Raises a RelayError that tells by its `sent` whether the upstream can have processed the call, or
        CallerGone when the caller left before its body was complete.
        """
        ...


class Door:
    """The `Upstream` of one tenant: a pool under its certificate now in force, replaced when that changes."""

    def __init__(self, passport: Passport, egress: Egress, patience: Patience, count: Callable[[str], None]) -> None:
        """Make the door. `count` hears what happens to connections: see `Pool`."""
        self._egress = egress
        self._patience = patience
        self._count = count
        self._loop = asyncio.get_running_loop()
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

    async def call(self, outgoing: Outgoing) -> Passage:
        """Send the call over a kept or new connection: see `Upstream.call`."""
        pool = self._pool
        began = perf_counter()
        connection = pool.kept(outgoing.host, outgoing.port) or await pool.dialled(outgoing.host, outgoing.port)
        reused = connection.calls > 0
        outgoing.begun = True
        reply = connection.send(outgoing.method, outgoing.head, outgoing.body, outgoing.framing, outgoing.first_byte)
        try:
            head = await reply.wait_for_head()
        except BaseException:
            connection.done(reply)
            raise
        return Passage(head, reply, connection, pool.passport.serial, reused, reply.arrived - began)

    def renew(self, passport: Passport) -> None:
        """Use `passport` for every call from now on; calls under the old one end under it."""
        old, self._pool = self._pool, self._new_pool(passport)
        old.retire()

    def close(self) -> None:
        """Close what is idle, and the rest as each call ends."""
        self._pool.retire()

    def _new_pool(self, passport: Passport) -> Pool:
        return Pool(passport, self._egress, self._patience, loop=self._loop, count=self._count)
