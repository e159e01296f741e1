"""Connections kept for the next call, all under one passport from one egress."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable

from relay.deadlines import Deadlines
from relay.errors import RelayError
from relay.tls.departures import Departures
from relay.upstream.connection import Connection
from relay.upstream.egress import Egress
from relay.upstream.passage import Passage
from relay.upstream.passport import Passport
from relay.upstream.transport import Patience, dial


class Pool:
    """The connections of one (certificate, egress). A new certificate gets a new pool; this one is then retired."""

    def __init__(
        self,
        passport: Passport,
        egress: Egress,
        patience: Patience,
        *,
        waits: Deadlines[Connection],
        departures: Departures,
        count: Callable[[str], None],
    ) -> None:
        """Make an empty pool.

        `waits` strikes at connections whose answer is late; `count` hears "opened", "reused" and "unsolicited".
        """
        self.passport = passport
        self.egress = egress
        self._patience = patience
        self._waits = waits
        self._departures = departures
        self._loop = waits.loop
        self._count = count
        self._idle: defaultdict[tuple[str, int], deque[Connection]] = defaultdict(deque)
        self._open: set[Connection] = set()
        self._retired = False
        self._barred: RelayError | None = None
        self._sweep: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        idle = sum(len(kept) for kept in self._idle.values())
        state = " retired" if self._retired else ""
        return f"<Pool {self.passport.serial} via {self.egress}{state}: {len(self._open) - idle} busy, {idle} idle>"

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._open)

    def send(self, passage: Passage) -> None:
        """Send a call over a kept connection, or over a new one as soon as that is there."""
        passage.serial = self.passport.serial
        kept = self._idle.get((passage.host, passage.port))
        while kept:
            # The one used last is the least likely to have been closed by the other side meanwhile.
            connection = kept.pop()
            if connection.quiet:
                self._count("reused")
                passage.reused = True
                connection.send(passage)
                return
            connection.close(gently=False)
        passage.dialling = self._loop.create_task(self._dial_for(passage))

    async def _dial_for(self, passage: Passage) -> None:
        try:
            connection = await dial(
                lambda: Connection(self, passage.host, passage.port, self._waits),
                host=passage.host,
                port=passage.port,
                egress=self.egress,
                passport=self.passport,
                patience=self._patience,
                departures=self._departures,
            )
        except Exception as fault:  # noqa: BLE001  # whatever it is, somebody waits to hear of it
            passage.failed(fault)
            return
        finally:
            passage.dialling = None
        self._count("opened")
        if self._barred is not None:
            connection.close()
            passage.failed(self._barred)
        elif passage.over:
            self.keep(connection)
        else:
            connection.send(passage)

    def opened(self, connection: Connection) -> None:
        """Remember a connection that came about."""
        self._open.add(connection)

    def keep(self, connection: Connection) -> None:
        """Take a connection back after a call that left it clean."""
        if self._retired:
            connection.close()
            return
        connection.idle_since = self._loop.time()
        self._idle[connection.place].append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._patience.idle, self._close_stale)

    def lost(self, connection: Connection) -> None:
        """Forget a connection that ended."""
        self._open.discard(connection)
        kept = self._idle[connection.place]
        if connection in kept:
            kept.remove(connection)

    def unsolicited(self) -> None:
        """Note octets that came while nobody had asked anything."""
        self._count("unsolicited")

    def retire(self) -> None:
        """Close what is idle now, and the rest as each call ends."""
        self._retired = True
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for kept in self._idle.values():
            while kept:
                kept.pop().close()

    def bar(self, fault: RelayError) -> None:
        """Let no call leave from here any more; those that have go on, and those that wait are told `fault`."""
        self._barred = fault
        self.retire()

    def _close_stale(self) -> None:
        self._sweep = None
        limit = self._loop.time() - self._patience.idle
        for kept in self._idle.values():
            while kept and kept[0].idle_since <= limit:
                kept.popleft().close()
        oldest = min((kept[0].idle_since for kept in self._idle.values() if kept), default=None)
        if oldest is not None:
            self._sweep = self._loop.call_at(oldest + self._patience.idle, self._close_stale)
