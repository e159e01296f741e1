"""The gate on a real socket, with a book, a clock and a witness that a test can reach."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from relay.authority.issued import Issued
from relay.enforcer.answers import WORDINGS, Wording
from relay.enforcer.app import make_gate
from relay.enforcer.backends import Backends
from relay.enforcer.entrance import Entrance, socket_address
from relay.enforcer.places import Family
from relay.enforcer.staging import Staging
from relay.enforcer.trust import Trust
from relay.enforcer.verdict import Passage
from relay.registry.domain.certificates import Environment, SystemCertificate
from relay.registry.domain.identifiers import Fingerprint, UserNumber
from relay.registry.domain.mandates import Authorisation, Block, Consent, Service
from relay.registry.domain.parties import Organisation
from relay.registry.domain.snapshot import Snapshot
from relay.wire.server import serving
from relay.x509.any_client import accept_any_client_certificate
from relay.x509.context import server_context_from
from relay.x509.identity import identify
from tests.kit import authority as kit
from tests.kit.registry import VOORBEELD, registered, registration

NUMBER = UserNumber(kit.USER_NUMBER)


@dataclass
class Gate:
    """What a test may look at or change while the gate runs. Without certificates and addresses nobody passes."""

    book: Snapshot = field(default_factory=lambda: book([]))
    trust: Trust = field(default_factory=lambda: Trust(authorities=kit.authority().certificates))
    now: datetime = kit.AT
    port: int = 0
    passages: list[tuple[Passage, str, str]] = field(default_factory=list)

    def see(self, passage: Passage, *, method: str, service: str) -> None:
        """Remember, as a witness."""
        self.passages.append((passage, method, service))


def book(
    certificates: Iterable[Issued],
    addresses: Iterable[str] = (),
    *,
    enforced_from: datetime | None = None,
    environment: Environment = Environment.TEST,
    services: Iterable[Service] = Service,
    organisations: Iterable[Organisation] = (),
    consents: Iterable[Consent] = (),
    blocks: Iterable[Block] = (),
) -> Snapshot:
    """Return a book with these system certificates, and these addresses and services for all of them.

    Their holder is VOORBEELD, a care provider where `organisations` do not say otherwise.
    """
    return Snapshot.of(
        [_entry(each, environment) for each in certificates],
        registered(*(registration(text, NUMBER) for text in addresses)),
        organisations=organisations,
        consents=consents,
        authorisations=[Authorisation(user_number=NUMBER, service=each, at=kit.AT) for each in services],
        blocks=blocks,
        enforced_from=enforced_from,
    )


def gate_context() -> ssl.SSLContext:
    """Return the TLS of a gate: localhost's certificate, any client's accepted."""
    context = server_context_from(kit.server().chain_pem(), kit.server().key_pem())
    accept_any_client_certificate(context)
    return context


@asynccontextmanager
async def running(
    gate: Gate,
    *,
    wordings: Mapping[Family, Wording] = WORDINGS,
    public_url: str | None = None,
    entrance: Entrance | None = None,
    staging: Staging | None = None,
    backends: Backends | None = None,
) -> AsyncIterator[Gate]:
    """Serve the gate on 127.0.0.1 until the block ends; its port is then known."""
    app = make_gate(
        trust=lambda: gate.trust,
        book=lambda: gate.book,
        clock=lambda: gate.now,
        witnesses=[gate],
        wordings=wordings,
        public_url=public_url,
        address=socket_address if entrance is None else entrance.address,
        staging=staging,
        backends=backends,
    )
    async with serving(app, "127.0.0.1", 0, key="listen", context=gate_context(), door=entrance) as listening:
        gate.port = listening.port
        yield gate
        await _settle()
    await _settle()


async def _settle() -> None:
    """Let the loop see that callers have gone, and let go of their connections, before it is closed itself."""
    for _ in range(10):
        await asyncio.sleep(0)


def _entry(issued: Issued, environment: Environment) -> SystemCertificate:
    identity = identify(issued.certificate)
    return SystemCertificate(
        user_number=NUMBER,
        fingerprint=Fingerprint(identity.fingerprint),
        organisation=VOORBEELD,
        environment=environment,
        not_before=identity.not_before,
        not_after=identity.not_after,
        collected_at=identity.not_before,
    )
