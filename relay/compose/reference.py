"""The reference side, put together: the gate and the registry on one book, and the operator's port."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge
from structlog.typing import FilteringBoundLogger

from relay.compose.book import opened_book
from relay.enforcer.answers import ELSEWHERE, WORDINGS, Wording
from relay.enforcer.app import make_gate
from relay.enforcer.backends import Backend, Backends, backend_session
from relay.enforcer.entrance import Entrance
from relay.enforcer.places import Family, Place, place_of
from relay.enforcer.refusal_body import RefusalBody
from relay.enforcer.staging import Staging
from relay.enforcer.trust import Trust, TrustFault, TrustFiles, TrustInForce
from relay.enforcer.witnesses import AuditLog, Counters
from relay.errors import SettingsFault
from relay.front.arrival import Proxies
from relay.front.proxy_header import Reason as ProxyFault
from relay.observe.log import make_logger
from relay.ops.app import Readiness
from relay.ops.app import make_app as make_operator
from relay.registry.api import Authenticate
from relay.registry.api import make_app as make_registry
from relay.registry.domain.certificates import Environment
from relay.registry.domain.mandates import Service
from relay.registry.following import Following
from relay.registry.service import Registry
from relay.settings.reference import Backend as BackendSettings
from relay.settings.reference import GateListen, Listen, Operator, ReferenceSettings, Refusals
from relay.wire.server import Door, Listening, serving
from relay.x509.any_client import AnyClientImpossible, accept_any_client_certificate, peer_certificate
from relay.x509.context import TlsFileFault, client_context, server_context
from relay.x509.identity import Identity
from relay.x509.verify import Unfit

# Seconds from one look at the files to the next.
_LOOK_EVERY: Final = 1.0

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """Everything that can be made without listening: who is trusted, and the TLS of both faces."""

    settings: ReferenceSettings
    files: TrustFiles
    trust: Trust
    backends: tuple[Backend, ...]
    gate: ssl.SSLContext
    registry: ssl.SSLContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A reference side that takes calls: where each face listens, and the book behind them."""

    gate: Listening
    registry: Listening
    operator: Listening
    book: Registry


def build(settings: ReferenceSettings) -> Built:
    """Return everything made from `settings`, or raise SettingsFault with every fault there is."""
    faults: list[tuple[str, str]] = []
    contexts: dict[str, ssl.SSLContext] = {}
    files, trust = TrustFiles(authorities=settings.authorities, revocations=settings.revocations), Trust(authorities=())
    try:
        trust = files.read()
    except TrustFault as fault:
        faults.append((fault.key, fault.detail))
    for name, face in (("gate", settings.gate), ("registry", settings.registry)):
        try:
            contexts[name] = _context(face)
        except (TlsFileFault, AnyClientImpossible) as fault:
            faults.append((f"{name}.certificate", str(fault)))
    backends: list[Backend] = []
    for place, each in enumerate(settings.backends):
        try:
            backends.append(_backend(each))
        except _BackendFault as fault:
            faults.append((f"backends.{place}.{fault.key}", fault.detail))
    if faults:
        raise SettingsFault(faults)
    return Built(settings=settings, files=files, trust=trust, backends=tuple(backends), **contexts)


class _BackendFault(Exception):
    def __init__(self, key: str, detail: str) -> None:
        super().__init__(detail)
        self.key = key
        self.detail = detail


def _backend(told: BackendSettings) -> Backend:
    """Return a backend with what its callers are judged by: all below its prefix is one service in one environment.

    So that no other spelling of a path, which the service may take for the same, is judged as another.
    """
    by_path = place_of(told.prefix)
    service = by_path.service if told.service is None else Service(told.service)
    environment = by_path.environment if told.environment is None else Environment(told.environment)
    for key, found in (("service", service), ("environment", environment)):
        if found is None:
            raise _BackendFault(key, "is not told by the prefix; give it")
    try:
        context = client_context(None, trust=told.trust)
    except TlsFileFault as fault:
        raise _BackendFault("trust", fault.detail) from fault
    return Backend(
        prefix=told.prefix,
        origin=told.url,
        place=Place(environment=environment, service=service, family=by_path.family),
        context=context,
        seconds=told.seconds,
        most_body=told.max_body,
    )


@asynccontextmanager
async def running(built: Built, out: BinaryIO, *, clock: Clock = lambda: datetime.now(UTC)) -> AsyncIterator[Running]:
    """Run gate, registry and operator's port for as long as the block lasts.

    `out` gets the log, a line of JSON for each event, and the audit lines where the settings name no file for them.
    Raises SettingsFault when book, audit file or a port cannot be had.
    """
    settings, metrics, readiness = built.settings, CollectorRegistry(), Readiness()
    logger = make_logger(out)
    entrance = _entrance(settings.gate, metrics)
    door = entrance if settings.gate.proxy_protocol_from else None  # the loop's own costs a connection less
    trust = TrustInForce(built.files, built.trust, clock=clock, log=logger, registry=metrics)
    async with AsyncExitStack() as stack:
        book = stack.enter_context(_kept_book(settings, clock, logger, metrics))
        audit = stack.enter_context(_audit(settings.audit, out))
        session = await stack.enter_async_context(backend_session())
        # Never in earnest: whoever reaches the operator's port could stop everybody.
        staging = Staging(block=book.block, log=logger, registry=metrics) if settings.rehearsal else None
        operator = make_operator(readiness, metrics)
        operator.add_routes(staging.routes() if staging else [])
        gate = make_gate(
            trust=lambda: trust.trust,
            book=lambda: book.snapshot,
            clock=clock,
            witnesses=[AuditLog(audit), Counters(metrics)],
            wordings={family: _worded(settings, wording, family) for family, wording in WORDINGS.items()},
            elsewhere=_worded(settings, ELSEWHERE),
            public_url=settings.public_url,
            address=entrance.address,
            staging=staging,
            backends=Backends(built.backends, session, logger),
        )
        registry = make_registry(book, _authenticator(trust, clock), logger)
        async with (
            _kept_up(trust.keep_looking(_LOOK_EVERY)),
            _listening(operator, settings.operator, "operator") as operating,
            _listening(gate, settings.gate, "gate", built.gate, door) as gating,
            _listening(registry, settings.registry, "registry", built.registry) as registering,
        ):
            readiness.on()
            reference = Running(gate=gating, registry=registering, operator=operating, book=book)
            _announce(logger, reference, settings)
            yield reference


def _worded(settings: ReferenceSettings, wording: Wording, family: Family | None = None) -> Wording:
    """Return how refusals are worded: as the settings say, and where they say nothing, as it was."""
    own = Refusals() if family is None else settings.refusals.get(family.value, Refusals())
    return Wording(
        certificate=own.certificate or wording.certificate,
        address=own.address or wording.address,
        body=RefusalBody(own.body or settings.refusal_body),
    )


def _context(face: Listen) -> ssl.SSLContext:
    context = server_context(face.certificate, face.key)
    accept_any_client_certificate(context)
    return context


def _listening(
    app: web.Application,
    face: Listen | Operator,
    key: str,
    context: ssl.SSLContext | None = None,
    door: Door | None = None,
) -> AbstractAsyncContextManager[Listening]:
    return serving(app, str(face.address), face.port, key=key, context=context, door=door)


def _entrance(face: GateListen, metrics: CollectorRegistry) -> Entrance:
    counts = Counter(
        "gate_turned_away",
        "Load balancers' connections without a PROXY header to go by.",
        ["reason"],
        registry=metrics,
    )
    for reason in ProxyFault:
        counts.labels(reason)
    return Entrance(Proxies(face.proxy_protocol_from), turned_away=lambda reason: counts.labels(reason).inc())


@asynccontextmanager
async def _kept_up(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Have the work go on for as long as the block lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _authenticator(trust: TrustInForce, clock: Clock) -> Authenticate:
    """Return who a contact person's connection proves, judged on every request as at the gate."""

    def authenticate(request: web.Request) -> Identity | Unfit:
        connection = request.get_extra_info("ssl_object")
        certificate = None if connection is None else peer_certificate(connection)
        return trust.trust.identify(certificate, at=clock())

    return authenticate


@contextmanager
def _kept_book(
    settings: ReferenceSettings, clock: Clock, logger: FilteringBoundLogger, metrics: CollectorRegistry
) -> Iterator[Registry]:
    with opened_book(settings) as (store, news):
        book = Registry(
            store,
            clock,
            opens_at=settings.registration_from,
            enforced_from=settings.enforced_from,
            rehearsal=settings.rehearsal,
        )
        with Following(book.follow, news, logger) as following:
            _age(metrics).set_function(following.age)
            yield book


def _age(metrics: CollectorRegistry) -> Gauge:
    return Gauge("registry_book_age_seconds", "Since the book was heard of last.", registry=metrics)


@contextmanager
def _audit(path: Path | None, out: BinaryIO) -> Iterator[BinaryIO]:
    if path is None:
        yield out
        return
    try:
        path.touch(mode=0o600, exist_ok=True)
        file = path.open("ab", buffering=0)
    except OSError as error:
        raise SettingsFault([("audit", f"{path} cannot be written: {error.strerror or error}")]) from None
    with file:
        yield file


def _announce(log: FilteringBoundLogger, running: Running, settings: ReferenceSettings) -> None:
    log.info("ready", gate=running.gate.port, registry=running.registry.port, operator=running.operator.port)
    if settings.rehearsal:
        log.warning("rehearsal", detail="addresses that are not public can be registered: never do this in earnest")
    if settings.enforced_from is not None:
        log.info("enforcement", since=settings.enforced_from.isoformat())
