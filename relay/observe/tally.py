"""What every call adds to the metrics: plain numbers, put in Prometheus' shape when somebody asks.

Measured: the library's counters and histogram cost three times as much for each call.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from operator import add
from typing import Any, Final

import orjson

from relay.observe.exchange import Again, Exchange

# Seconds: from a fast insurance check to the total deadline.
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 45)

# Client, way, and the identifier of the key where there are several.
Proof = tuple[str, str, str]


class Tally:
    """What is counted, by tuples of labels; `durations` has a number for each bucket, one for longer, and the sum.

    `used` tells when each proof of a client was last good.
    """

    def __init__(self) -> None:
        self.calls: defaultdict[tuple[str, str, str, str, int, str], int] = defaultdict(int)
        self.refusals: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self.held: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self.again: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self.would_refuse: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.durations: dict[tuple[str, str], list[float]] = {}
        self.connections: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.used: dict[Proof, datetime] = {}
        # A counter that first appears with its first event cannot be alerted on by its increase.
        self.callers = {("max_connections",): 0, ("max_connections_per_address",): 0, ("proxy_header",): 0}

        self.fetches: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.tokens: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.signatures: defaultdict[tuple[str, str], int] = defaultdict(int)
        # The latest of all processes, in seconds of the epoch.
        self.fetched: dict[str, float] = {}

    def add(self, exchange: Exchange) -> None:
        """Count an exchange."""
        tenant, route = exchange.tenant, exchange.route
        self.calls[tenant, exchange.client, route, exchange.environment, exchange.status, exchange.source] += 1
        if exchange.client:
            self.used[exchange.client, exchange.way, exchange.credential] = exchange.at
        durations = self.durations.get((tenant, route))
        if durations is None:
            durations = self.durations[tenant, route] = [0.0] * (len(BUCKETS) + 2)
        durations[bisect_left(BUCKETS, exchange.seconds)] += 1
        durations[-1] += exchange.seconds
        if exchange.refusal:
            counted = self.refusals if exchange.upstream_status else self.held
            counted[tenant, route, exchange.refusal] += 1
        if exchange.again:
            self.again[tenant, route, exchange.again] += 1
            if exchange.again != Again.UNSENT:  # its first refusal, which another answer came after
                self.refusals[tenant, route, "address_or_blocked"] += 1
        if exchange.would_refuse:
            self.would_refuse[exchange.client, exchange.would_refuse] += 1

    def connections_of(self, tenant: str) -> Callable[[str], None]:
        """Return the counter of a tenant's connections: it takes "opened", "reused" or "unsolicited"."""
        counts = self.connections
        # A counter that first appears with its first event cannot be alerted on by its increase.
        counts.update({(tenant, event): 0 for event in ("opened", "reused", "unsolicited")})

        def count(event: str) -> None:
            counts[tenant, event] += 1

        return count

    def _counters(self) -> tuple[dict[Any, int], ...]:
        """Return what is counted, by tuples of labels of a kind for each."""
        return (
            self.calls,
            self.refusals,
            self.held,
            self.connections,
            self.callers,
            self.again,
            self.would_refuse,
            self.fetches,
            self.tokens,
            self.signatures,
        )

    def packed(self) -> bytes:
        """Return all of it, for the tally of another process to absorb."""
        return orjson.dumps(
            [
                *(list(table.items()) for table in self._counters()),
                list(self.durations.items()),
                list(self.used.items()),
                self.fetched,
            ]
        )

    def absorb(self, packed: bytes) -> None:
        """Add what another process has packed."""
        *counted, durations, used, fetched = orjson.loads(packed)
        for table, counts in zip(self._counters(), counted, strict=True):
            for key, number in counts:
                table[tuple(key)] += number
        for (tenant, route), counts in durations:
            here = self.durations.get((tenant, route))
            added = map(add, here, counts) if here is not None else counts
            self.durations[tenant, route] = list(added)
        for proof, at in used:
            key, moment = tuple(proof), datetime.fromisoformat(at)
            self.used[key] = max(moment, self.used.get(key, moment))
        for directory, at in fetched.items():
            self.fetched[directory] = max(at, self.fetched.get(directory, 0.0))
