"""The metrics: one table that code, docs and tests read. No label value ever comes from a request."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import accumulate
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client import Metric as PrometheusMetric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from relay.observe.tally import BUCKETS, Proof, Tally


class Kind(StrEnum):
    """Kinds of metrics, in Prometheus' words."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table. `name` is as it is scraped."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str


CALLS: Final = Metric(
    "relay_calls_total",
    Kind.COUNTER,
    ("tenant", "client", "route", "environment", "status", "source"),
    "Calls by what the caller got and who made that answer: upstream, relay, or caller (499: it left).",
)
DURATION: Final = Metric(
    "relay_call_duration_seconds", Kind.HISTOGRAM, ("tenant", "route"), "Time from the call's head to the answer's end."
)
IN_PROGRESS: Final = Metric("relay_calls_in_progress", Kind.GAUGE, (), "Calls under way.")
REFUSALS: Final = Metric(
    "relay_upstream_refusals_total",
    Kind.COUNTER,
    ("tenant", "route", "cause"),
    "Refusals by VECOZO, by cause: address_or_blocked, blocked, certificate_invalid, functional, quota.",
)
HELD: Final = Metric(
    "relay_calls_held_total",
    Kind.COUNTER,
    ("tenant", "route", "cause"),
    "Calls not sent because of earlier refusals, by their cause: address_or_blocked, blocked, or quota.",
)
GUARD: Final = Metric(
    "relay_guard_state",
    Kind.GAUGE,
    ("way", "egress", "state"),
    "1 for the state that the guard of a certificate and egress address is in: passing, holding or probing.",
)
HOLDS: Final = Metric(
    "relay_guard_holds_total", Kind.COUNTER, ("way", "egress"), "How often a guard began to hold calls."
)
PROBES: Final = Metric(
    "relay_guard_probes_total", Kind.COUNTER, ("way", "egress"), "Calls that went out to try while a guard held."
)
OWN_PROBES: Final = Metric(
    "relay_probes_total",
    Kind.COUNTER,
    ("way", "purpose", "result"),
    "Harmless calls of the relay's own, to see whether a guard need hold on (guard) or the next certificate is good "
    "(next): passed, refused (address or block), quota, or unclear.",
)
LAST_GOOD: Final = Metric(
    "relay_last_good_call_timestamp_seconds",
    Kind.GAUGE,
    ("way", "egress"),
    "When a call last went well; 0 when none is known.",
)
STOPPED: Final = Metric(
    "relay_quota_stopped_timestamp_seconds",
    Kind.GAUGE,
    ("way", "route"),
    "Since when calls are stopped for a quota; gone once that is lifted.",
)
CONNECTIONS: Final = Metric(
    "relay_upstream_connections_total",
    Kind.COUNTER,
    ("tenant", "event"),
    "Connections to VECOZO: opened, reused, or unsolicited (closed for sending unasked octets).",
)
EXPIRY: Final = Metric(
    "relay_certificate_not_after_timestamp_seconds",
    Kind.GAUGE,
    ("tenant", "way"),
    "When the system certificate in force expires, for each way out (linde, linde/iwlz).",
)
NEXT_EXPIRY: Final = Metric(
    "relay_next_certificate_not_after_timestamp_seconds",
    Kind.GAUGE,
    ("tenant", "way"),
    "When the system certificate that takes over (certificate.next) expires; 0: its file is not there, or not usable.",
)
NEXT_IN_FORCE: Final = Metric(
    "relay_next_certificate_in_force",
    Kind.GAUGE,
    ("tenant", "way"),
    "1 once the next certificate has taken over; 0 before, and after a roll-back.",
)
WAY_OPEN: Final = Metric(
    "relay_way_open",
    Kind.GAUGE,
    ("tenant", "way"),
    "1 while this way out has a system certificate that can be used; 0: its calls get 503, all others go on.",
)
RELOADS: Final = Metric(
    "relay_certificate_reloads_total",
    Kind.COUNTER,
    ("tenant", "way", "result"),
    "Changes of a certificate file noticed: taken, or refused (the old one stays in force).",
)
SERVER_EXPIRY: Final = Metric(
    "relay_server_certificate_not_after_timestamp_seconds",
    Kind.GAUGE,
    (),
    "When the server certificate in force expires.",
)
SERVER_RELOADS: Final = Metric(
    "relay_server_certificate_reloads_total",
    Kind.COUNTER,
    ("result",),
    "Changes of the server certificate's files noticed: taken, or refused (the old one stays in force).",
)
CLIENT_TRUST_RELOADS: Final = Metric(
    "relay_client_trust_reloads_total",
    Kind.COUNTER,
    ("result",),
    "Changes of the files of callers' authorities and revocations noticed: taken, or refused (the old stays in force).",
)
CLIENTS_RELOADS: Final = Metric(
    "relay_clients_reloads_total",
    Kind.COUNTER,
    ("result",),
    "Changes of the clients in the settings file noticed: taken, or refused (the old ones stay in force).",
)
KEY_EXPIRY: Final = Metric(
    "relay_client_key_expiry_timestamp_seconds",
    Kind.GAUGE,
    ("client", "key"),
    "When an API key expires, for those that do; key is its identifier, and no secret.",
)
LAST_USED: Final = Metric(
    "relay_client_last_used_timestamp_seconds",
    Kind.GAUGE,
    ("client", "way", "key"),
    "When a client last proved itself in this way; key is the identifier of an API key, otherwise empty.",
)
KEY_FETCHES: Final = Metric(
    "relay_directory_key_fetches_total",
    Kind.COUNTER,
    ("directory", "result"),
    "Fetches of the keys that a directory signs tokens with: taken, or failed (what is known goes on for a day).",
)
KEYS_FETCHED: Final = Metric(
    "relay_directory_keys_timestamp_seconds",
    Kind.GAUGE,
    ("directory",),
    "When the keys of a directory were last fetched: an hour ago at most, unless that fails; 0: not yet.",
)
TOKENS_REFUSED: Final = Metric(
    "relay_tokens_refused_total",
    Kind.COUNTER,
    ("directory", "fault"),
    "Tokens that proved nobody, by their fault, which callers are not told; no directory: of none that is known.",
)
SIGNATURES_REFUSED: Final = Metric(
    "relay_signatures_refused_total",
    Kind.COUNTER,
    ("client", "fault"),
    "Signatures that proved nobody, by their fault, which callers are not told; client: whose keyid they name.",
)
CALLERS_REFUSED: Final = Metric(
    "relay_callers_refused_total",
    Kind.COUNTER,
    ("reason",),
    "Connections closed before TLS: max_connections, max_connections_per_address, or proxy_header.",
)
AGAIN: Final = Metric(
    "relay_calls_again_total",
    Kind.COUNTER,
    ("tenant", "route", "result"),
    "Calls refused for their address that went out again from another egress: passed, refused, failed, or unsent.",
)
WOULD_REFUSE: Final = Metric(
    "relay_calls_would_refuse_total",
    Kind.COUNTER,
    ("client", "condition"),
    "Calls that a client's policy would refuse, were it enforced, by the first of its conditions that was not met.",
)
EGRESS: Final = Metric(
    "relay_egress_state",
    Kind.GAUGE,
    ("tenant", "egress", "state"),
    "1 for the state that an egress address is in: proven, unknown (no witness told), or out.",
)
EGRESS_PROVEN: Final = Metric(
    "relay_egress_proven_timestamp_seconds",
    Kind.GAUGE,
    ("tenant", "egress"),
    "When witnesses last proved that calls leave under this address.",
)
EGRESS_REGISTERED: Final = Metric(
    "relay_egress_registered",
    Kind.GAUGE,
    ("way", "egress", "state"),
    "1 for what the registry says of an egress address for a certificate: proven (registered), unknown, or out (not).",
)
READY: Final = Metric("relay_ready", Kind.GAUGE, (), "1 while new calls are welcome.")
WORKERS: Final = Metric(
    "relay_workers",
    Kind.GAUGE,
    ("state",),
    "Processes that carry calls: starting, working, or silent (it did not answer the last scrape).",
)
RESTARTS: Final = Metric(
    "relay_worker_restarts_total", Kind.COUNTER, (), "Workers that died unasked and were replaced."
)
LOST: Final = Metric(
    "relay_calls_lost_total",
    Kind.COUNTER,
    ("tenant", "route"),
    "Calls in progress upstream when their worker died: whether they were processed is not known.",
)
KEYS: Final = Metric(
    "relay_idempotency_keys",
    Kind.GAUGE,
    (),
    "Idempotency keys that are remembered; with ledger.most of them, calls with new keys are refused.",
)
SHARED: Final = Metric(
    "relay_shared_count_up",
    Kind.GAUGE,
    (),
    "1 while the server where all relays count together is there; 0: limits hold for each relay by itself.",
)
MAILS: Final = Metric(
    "relay_mails_total",
    Kind.COUNTER,
    ("tenant", "matter", "result"),
    "Mails to people, by address: accepted, failed (tried again), refused (again in a day), unknown (perhaps taken; "
    "again in a day), overtaken (well again before it was sent), unaddressed (the card has nobody's).",
)

# As in `upstream.proof`, which stands higher.
EGRESS_STATES: Final = ("proven", "unknown", "out")

METRICS: Final = (
    CALLS, DURATION, IN_PROGRESS, REFUSALS, AGAIN, WOULD_REFUSE, HELD, GUARD, HOLDS, PROBES, OWN_PROBES, LAST_GOOD,
    STOPPED, CONNECTIONS, EXPIRY, NEXT_EXPIRY, NEXT_IN_FORCE, WAY_OPEN, RELOADS, SERVER_EXPIRY, SERVER_RELOADS,
    CLIENT_TRUST_RELOADS, CLIENTS_RELOADS, KEY_FETCHES, KEYS_FETCHED, TOKENS_REFUSED, SIGNATURES_REFUSED,
    CALLERS_REFUSED, EGRESS, EGRESS_PROVEN, EGRESS_REGISTERED, READY, WORKERS, RESTARTS, LOST, KEYS, KEY_EXPIRY,
    LAST_USED, MAILS, SHARED,
)  # fmt: skip


class GuardSeen(NamedTuple):
    """A guard as it stands: of a way out and egress address. `last_good` is in seconds of the epoch, 0 when unknown."""

    labels: tuple[str, str]
    state: str
    holds: int
    probes: int
    last_good: float


class StopSeen(NamedTuple):
    """A stop for quota, of a way out and route, and since when."""

    labels: tuple[str, str]
    since: float


class _Guards(Collector):
    """The guards, read at each scrape."""

    def __init__(self) -> None:
        self.guards: Callable[[], Iterable[GuardSeen]] = tuple
        self.stops: Callable[[], Iterable[StopSeen]] = tuple

    def collect(self) -> Iterator[PrometheusMetric]:
        """Yield the families."""
        guards = list(self.guards())
        state = GaugeMetricFamily(GUARD.name, GUARD.help, labels=GUARD.labels)
        good = GaugeMetricFamily(LAST_GOOD.name, LAST_GOOD.help, labels=LAST_GOOD.labels)
        stopped = GaugeMetricFamily(STOPPED.name, STOPPED.help, labels=STOPPED.labels)
        for guard in guards:
            for each in ("passing", "holding", "probing"):
                state.add_metric((*guard.labels, each), each == guard.state)
            good.add_metric(guard.labels, guard.last_good)
        for stop in self.stops():
            stopped.add_metric(stop.labels, stop.since)
        yield state
        yield good
        yield stopped
        yield _counted(HOLDS, [(guard.labels, guard.holds) for guard in guards])
        yield _counted(PROBES, [(guard.labels, guard.probes) for guard in guards])


class _Families(Collector):
    """What was tallied here, and by the other processes that report to this one, in Prometheus' shape."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self.reports: Callable[[], Iterable[bytes]] = tuple
        self.expiries: Callable[[], Iterable[tuple[tuple[str, str], datetime]]] = tuple

    def whole(self) -> Tally:
        """Return what was tallied in all processes."""
        whole = Tally()
        for packed in (self._tally.packed(), *self.reports()):
            whole.absorb(packed)
        return whole

    def collect(self) -> Iterator[PrometheusMetric]:
        """Yield the families."""
        whole = self.whole()
        calls = [(tuple(map(str, key)), number) for key, number in whole.calls.items()]
        yield _counted(CALLS, calls)
        yield _counted(REFUSALS, whole.refusals.items())
        yield _counted(HELD, whole.held.items())
        yield _counted(AGAIN, whole.again.items())
        yield _counted(WOULD_REFUSE, whole.would_refuse.items())
        yield _counted(CONNECTIONS, whole.connections.items())
        yield _counted(CALLERS_REFUSED, whole.callers.items())
        yield _counted(KEY_FETCHES, whole.fetches.items())
        yield _counted(TOKENS_REFUSED, whole.tokens.items())
        yield _counted(SIGNATURES_REFUSED, whole.signatures.items())
        fetched = GaugeMetricFamily(KEYS_FETCHED.name, KEYS_FETCHED.help, labels=KEYS_FETCHED.labels)
        for directory, at in whole.fetched.items():
            fetched.add_metric((directory,), at)
        yield fetched
        durations = HistogramMetricFamily(DURATION.name, DURATION.help, labels=DURATION.labels)
        for place, counts in whole.durations.items():
            upto = zip((*map(float, BUCKETS), float("inf")), accumulate(counts[:-1]), strict=True)
            durations.add_metric(place, [(_edge(most), total) for most, total in upto], counts[-1])
        yield durations
        yield _moments(LAST_USED, whole.used.items())
        yield _moments(KEY_EXPIRY, self.expiries())


def _counted(metric: Metric, counts: Iterable[tuple[tuple[str, ...], int]]) -> CounterMetricFamily:
    family = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, number in counts:
        family.add_metric(labels, number)
    return family


def _moments(metric: Metric, moments: Iterable[tuple[tuple[str, ...], datetime]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, at in moments:
        family.add_metric(labels, at.timestamp())
    return family


def _one_of(states: Callable[[], Mapping[str, int]], state: str) -> int:
    return states().get(state, 0)


def _edge(most: float) -> str:
    return "+Inf" if most == float("inf") else repr(most)


class Metrics:
    """The relay's metrics in a registry of their own; also the `Journal` that counts exchanges."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._tally = Tally()
        self._families = _Families(self._tally)
        self.registry.register(self._families)
        self._guards = _Guards()
        self.registry.register(self._guards)
        self._in_progress = self._gauge(IN_PROGRESS)
        self._expiry = self._gauge(EXPIRY)
        self._next_expiry = self._gauge(NEXT_EXPIRY)
        self._next_in_force = self._gauge(NEXT_IN_FORCE)
        self._way_open = self._gauge(WAY_OPEN)
        self._reloads = self._counter(RELOADS)
        self._own_probes = self._counter(OWN_PROBES)
        self._server_expiry = self._gauge(SERVER_EXPIRY)
        self._server_reloads = self._counter(SERVER_RELOADS)
        self._client_trust_reloads = self._counter(CLIENT_TRUST_RELOADS)
        self._clients_reloads = self._counter(CLIENTS_RELOADS)
        self._egress = self._gauge(EGRESS)
        self._egress_proven = self._gauge(EGRESS_PROVEN)
        self._egress_registered = self._gauge(EGRESS_REGISTERED)
        self._ready = self._gauge(READY)
        self._workers = self._gauge(WORKERS)
        self.workers(lambda: {"working": 1})
        self._restarts = self._counter(RESTARTS)
        self._lost = self._counter(LOST)
        self._keys = self._gauge(KEYS)
        self._mails = self._counter(MAILS)
        self._shared: Gauge | None = None
        self.note = self._tally.add
        self.packed = self._tally.packed
        self.absorb = self._tally.absorb

    def connections_of(self, tenant: str) -> Callable[[str], None]:
        """Return the counter of a tenant's connections: it takes "opened", "reused" or "unsolicited"."""
        return self._tally.connections_of(tenant)

    def certificate(self, tenant: str, way: str, not_after: datetime) -> None:
        """Tell that a way is open, and when its certificate in force expires."""
        self._expiry.labels(tenant, way).set(not_after.timestamp())
        self._way_open.labels(tenant, way).set(1)

    def next_certificate(self, tenant: str, way: str, not_after: datetime | None, *, in_force: bool) -> None:
        """Tell of the certificate that takes over; None where there is none yet."""
        self._next_expiry.labels(tenant, way).set(not_after.timestamp() if not_after else 0)
        self._next_in_force.labels(tenant, way).set(in_force)

    def closed(self, tenant: str, way: str) -> None:
        """Tell that a way has no certificate that can be used."""
        self._way_open.labels(tenant, way).set(0)

    def reloaded(self, tenant: str, way: str, *, taken: bool) -> None:
        """Count a certificate file that changed."""
        self._reloads.labels(tenant, way, "taken" if taken else "refused").inc()

    def will_probe(self, way: str, purpose: str, results: Iterable[str]) -> None:
        """Tell that a way makes probes of its own, and what may come of them."""
        for result in results:
            self._own_probes.labels(way, purpose, result)

    def probed(self, way: str, purpose: str, result: str) -> None:
        """Count a probe of the relay's own."""
        self._own_probes.labels(way, purpose, result).inc()

    def server_certificate(self, not_after: datetime) -> None:
        """Tell when the server certificate in force expires."""
        self._server_expiry.set(not_after.timestamp())

    def server_reloaded(self, *, taken: bool) -> None:
        """Count a change of the server certificate's files."""
        self._server_reloads.labels("taken" if taken else "refused").inc()

    def client_trust_reloaded(self, *, taken: bool) -> None:
        """Count a change of the files of callers' authorities and revocations."""
        self._client_trust_reloads.labels("taken" if taken else "refused").inc()

    def clients_reloaded(self, *, taken: bool) -> None:
        """Count a change of the clients in the settings file."""
        self._clients_reloads.labels("taken" if taken else "refused").inc()

    def egress(self, tenant: str, egress: str, state: str) -> None:
        """Tell which state an egress is in."""
        for each in EGRESS_STATES:
            self._egress.labels(tenant, egress, each).set(each == state)

    def egress_proven(self, tenant: str, egress: str, at: datetime) -> None:
        """Tell when an egress was last proven."""
        self._egress_proven.labels(tenant, egress).set(at.timestamp())

    def egress_registered(self, way: str, egress: str, state: str) -> None:
        """Tell what the registry says of an egress address."""
        for each in EGRESS_STATES:
            self._egress_registered.labels(way, egress, each).set(each == state)

    def caller_refused(self, reason: str) -> None:
        """Count a connection that was closed before TLS."""
        self._tally.callers[(reason,)] += 1

    def will_fetch_keys(self, directory: str) -> None:
        """Tell that the keys of a directory are going to be fetched."""
        self._tally.fetched[directory] = 0.0
        self._tally.fetches.update({(directory, result): 0 for result in ("taken", "failed")})

    def keys_fetched(self, directory: str, at: float | None) -> None:
        """Count a fetch of keys: when they came, in seconds of the epoch, or None where they did not."""
        self._tally.fetches[directory, "failed" if at is None else "taken"] += 1
        if at is not None:
            self._tally.fetched[directory] = at

    def token_refused(self, directory: str, fault: str) -> None:
        """Count a token that proved nobody."""
        self._tally.tokens[directory, fault] += 1

    def signature_refused(self, client: str, fault: str) -> None:
        """Count a signature that proved nobody."""
        self._tally.signatures[client, fault] += 1

    def shared(self, *, there: bool) -> None:
        """Tell whether the count of all relays together is there."""
        if self._shared is None:  # a relay that counts for itself has none, and no 0 of it that alarms
            self._shared = self._gauge(SHARED)
        self._shared.set(there)

    def workers(self, states: Callable[[], Mapping[str, int]]) -> None:
        """Read at each scrape how many workers are in which state; until told, this process is the only one."""
        for state in ("starting", "working", "silent"):
            self._workers.labels(state).set_function(partial(_one_of, states, state))

    def reports(self, reports: Callable[[], Iterable[bytes]]) -> None:
        """At each scrape add what others have packed, as they last told."""
        self._families.reports = reports

    def key_expiries(self, expiries: Callable[[], Iterable[tuple[tuple[str, str], datetime]]]) -> None:
        """Read at each scrape when clients' keys expire, by client and identifier."""
        self._families.expiries = expiries

    def used(self) -> dict[Proof, datetime]:
        """Return when each proof of a client was last good, as far as told."""
        return self._families.whole().used

    def guards(self, guards: Callable[[], Iterable[GuardSeen]], stops: Callable[[], Iterable[StopSeen]]) -> None:
        """Read at each scrape how the guards stand, and what is stopped."""
        self._guards.guards, self._guards.stops = guards, stops

    def restarted(self) -> None:
        """Count a worker that died unasked."""
        self._restarts.inc()

    def lost(self, tenant: str, route: str) -> None:
        """Count a call that was in progress upstream when its worker died."""
        self._lost.labels(tenant, route).inc()

    def keys(self, count: Callable[[], int]) -> None:
        """Read at each scrape how many idempotency keys are remembered."""
        self._keys.set_function(count)

    def mails(self, tenant: str, matter: str, result: str, times: int = 1) -> None:
        """Count mails; none, too, so that an alert sees the first."""
        self._mails.labels(tenant, matter, result).inc(times)

    def watch(self, *, readiness: Callable[[], bool], in_progress: Callable[[], int]) -> None:
        """Read these two at each scrape, rather than have every call set them."""
        self._ready.set_function(readiness)
        self._in_progress.set_function(in_progress)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.help, metric.labels, registry=self.registry)

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(metric.name, metric.help, metric.labels, registry=self.registry)
