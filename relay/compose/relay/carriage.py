"""What carries calls, in whichever process: doors out, the gateway between, the listener."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from structlog.typing import FilteringBoundLogger

from relay.auth.api_key import ApiKeys
from relay.auth.nonces import NO_NONCES, Nonces
from relay.compose.relay.build import Built
from relay.compose.relay.callers import Callers, total_of
from relay.compose.relay.directories import Directories
from relay.compose.relay.guards import tell
from relay.compose.relay.reception import Reception, TurnedAway
from relay.compose.relay.ways import BuiltWay
from relay.front.arrival import Proxies
from relay.front.caps import Caps
from relay.front.listener import Listener
from relay.gateway.admission import Admission
from relay.gateway.failures import Failures
from relay.gateway.gateway import Gateway
from relay.gateway.journey import Road
from relay.gateway.ledger import NO_LEDGER, Ledger
from relay.gateway.meter import Meter
from relay.gateway.remedies import Remedies
from relay.gateway.shares import NOBODY_DEALS, Shares
from relay.observe.exchange import Journal
from relay.observe.history import History
from relay.observe.metrics import Metrics
from relay.settings.relay import OwnRefusal, RelaySettings
from relay.tenant.directory import Directory
from relay.upstream.book import Place
from relay.upstream.closed import Closed
from relay.upstream.door import Door, Upstream
from relay.upstream.passport import Passport
from relay.upstream.proof import Footing
from relay.upstream.refusal import Readings, Row
from relay.upstream.transport import Patience
from relay.upstream.ward import Ward


class Carriage:
    """Carries calls from its listener through its doors. To be made inside the loop."""

    def __init__(
        self,
        built: Built,
        metrics: Metrics,
        journal: Journal,
        history: History,
        logger: FilteringBoundLogger,
        *,
        ledger: Ledger = NO_LEDGER,
        nonces: Nonces = NO_NONCES,
        shares: Shares = NOBODY_DEALS,
    ) -> None:
        self.ways = {name: _Way(way, built.settings, metrics) for name, way in built.ways.items()}
        upstreams = {name: way.upstream for name, way in self.ways.items()}
        for way in self.ways.values():
            way.upstreams = upstreams
        self._wards = dict(_wards(built))
        tell(built.guardroom, logger)
        gateway = _gateway(built, upstreams, self._wards, journal, history, logger, ledger, shares)
        self.listener = _listener(gateway, built, TurnedAway(logger, metrics))
        self._directories = Directories(built.directories, logger, metrics)
        field, trust = built.settings.listen.key_field, built.trust.trust
        self.callers = Callers(
            gateway,
            built.callers,
            trust,
            self._directories,
            signature_refused=metrics.signature_refused,
            key_field=field,
            nonces=nonces,
        )
        self.reception = Reception(self.listener, built, logger, self.callers)

    def __repr__(self) -> str:
        return f"<Carriage {self.listener!r}>"

    def publish(self) -> None:
        """Let the other processes know when calls last went well."""
        for ward in self._wards.values():
            ward.publish()

    def close(self) -> None:
        """Close the doors: what is idle now, the rest as each call ends."""
        self.publish()
        self._directories.close()
        for way in self.ways.values():
            way.close()


def _wards(built: Built) -> Iterator[tuple[Place, Ward]]:
    for name, way in built.ways.items():
        serial = way.passport.serial if way.passport else ""
        for egress in way.egresses:
            ward = Ward(built.guardroom, name, egress.text, serial, probed=way.question is not None)
            yield (name, egress.text), ward


class _Way:
    """A way out in this process: closed until there is a passport, and then a door that is renewed.

    The gateway looks a call's door up in `upstreams`, by name: no call asks whether its way is open.
    """

    def __init__(self, built: BuiltWay, settings: RelaySettings, metrics: Metrics) -> None:
        self._built = built
        self._patience = patience_of(settings)
        self._count = metrics.connections_of(built.tenant)
        self._door: Door | None = None
        self.footings: Sequence[Footing] = ()
        self.upstreams: dict[str, Upstream] = {}
        self.upstream = self._upstream(built.passport)

    def __repr__(self) -> str:
        return f"<way {self._built.name}: {self.upstream!r}>"

    def renew(self, passport: Passport) -> None:
        """Use `passport` for every call from now on."""
        if self._door is None:
            self.upstream = self.upstreams[self._built.name] = self._upstream(passport)
        else:
            self._door.renew(passport)

    def closed(self, cause: str) -> None:
        """Tell whoever calls why, while there is no door."""
        if self._door is None:
            cause = self._built.told_to_callers(cause)
            self.upstream = self.upstreams[self._built.name] = Closed(self._built.egresses[0], cause)

    def stand(self, footings: Sequence[Footing]) -> None:
        """Go by how each egress stands, also once there is a door."""
        self.footings = footings
        if self._door is not None:
            self._door.stand(footings)

    def close(self) -> None:
        """Close the door, if there is one."""
        if self._door is not None:
            self._door.close()

    def _upstream(self, passport: Passport | None) -> Upstream:
        if passport is None:
            cause = "" if self._built.fault is None else self._built.fault.cause
            return Closed(self._built.egresses[0], self._built.told_to_callers(cause))
        self._door = Door(passport, self._built.egresses, self._patience, self._count, twice=self._built.other_egress)
        if self.footings:
            self._door.stand(self.footings)
        return self._door


def patience_of(settings: RelaySettings) -> Patience:
    """Return how long connections to an upstream may take, in each of their states."""
    deadlines = settings.deadlines
    return Patience(connect=deadlines.connect, tls=deadlines.tls, first_byte=deadlines.first_byte, idle=deadlines.idle)


def _listener(gateway: Gateway, built: Built, usher: TurnedAway) -> Listener:
    listen = built.settings.listen
    return Listener(
        gateway,
        built.listener.certificate.context,
        handshake_seconds=built.settings.deadlines.tls,
        proxies=Proxies(listen.proxy_protocol_from),
        forwarders=Proxies(listen.forwarded_from),
        caps=Caps(listen.max_connections, listen.max_connections_per_address),
        usher=usher,
    )


def _gateway(
    built: Built,
    upstreams: Mapping[str, Upstream],
    wards: dict[Place, Ward],
    journal: Journal,
    history: History,
    logger: FilteringBoundLogger,
    ledger: Ledger,
    shares: Shares,
) -> Gateway:
    settings = built.settings
    admission = Admission(
        authenticator=ApiKeys({}),
        sources={},
        directory=Directory({name: tenant.tenant for name, tenant in built.tenants.items()}),
        hosts=built.hosts,
        max_body=settings.listen.max_body,
        policies={},
        meter=Meter(built.meter_room, total_of(settings)),
    )
    road = Road(
        admission=admission,
        upstreams=upstreams,
        wards=wards,
        pseudonym=settings.pseudonym.encode(),
        total=settings.deadlines.total,
        readings=readings(settings),
        remedies=Remedies({name: tenant.card for name, tenant in settings.tenants.items()}),
    )

    def alarm(request_id: str, error: Exception) -> None:
        logger.error("internal_fault", id=request_id, exc_info=error)

    return Gateway(
        road,
        journal,
        history,
        now=partial(datetime.now, UTC),
        alarm=alarm,
        failures=Failures(settings.listen.longest_delay),
        ledger=ledger,
        shares=shares,
    )


def readings(settings: RelaySettings) -> Readings:
    """Return how refusals are read: by the operator's own rows, then by the built-in ones."""
    return Readings([*map(_reading, settings.refusals)])


def _reading(own: OwnRefusal) -> Row:
    """Return the row of the table that the operator's own reading is: all in lower case."""
    return Row(
        cause=own.cause,
        statuses=frozenset((own.status,)),
        families=frozenset(own.families) or None,
        reasons=None if own.reason is None else frozenset((_octets(own.reason).strip(),)),
        field=None if own.header is None else (_octets(own.header.name), _octets(own.header.contains)),
        body=None if own.body is None else _octets(own.body),
        built_in=False,
    )


def _octets(text: str) -> bytes:
    # As octets are lowered, so are these: of letters beyond ASCII, only the same octets are the same.
    return text.encode().lower()
