"""A registry that listens on loopback with certificates of the demo authority, and somebody who calls it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from yarl import URL

from relay.authority.issued import Issued
from relay.observe.log import make_logger
from relay.registry.api import Authenticate, make_app
from relay.registry.domain.certificates import Environment, PersonalCertificate, SystemCertificate
from relay.registry.domain.identifiers import Fingerprint, OrganisationId, UserNumber
from relay.registry.service import Registry
from relay.registry.storage.sqlite import opened
from relay.wire.server import serving
from relay.x509.any_client import accept_any_client_certificate, peer_certificate
from relay.x509.bundle import Bundle
from relay.x509.context import client_context, server_context_from
from relay.x509.identity import Identity, identify
from relay.x509.verify import Unfit, verify_client
from tests.kit import authority as kit
from tests.kit.authority import AT, PERSONAL_NUMBER, USER_NUMBER
from tests.kit.registry import (
    ELDERS,
    SYSTEM_ELDERS,
    VOORBEELD,
    book_of,
    contact_person,
    organisation,
    system_certificate,
)

ANNAS = UserNumber(PERSONAL_NUMBER)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back; `body` is the JSON read, None when there was none."""

    status: int
    body: Any
    headers: dict[str, str] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Calls the registry under one certificate, or under none; each call on a connection of its own."""

    url: str
    trust: Path
    issued: Issued | None

    async def __call__(
        self, method: str, path: str, told: object = None, *, headers: Mapping[str, str] = MappingProxyType({})
    ) -> Answer:
        bundle = None if self.issued is None else _bundle(self.issued)
        context = client_context(bundle, trust=self.trust)
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method, URL(self.url + path, encoded=True), ssl=context, json=told, headers=headers
            ) as response,
        ):
            body = await response.json(content_type=None) if await response.read() else None
            return Answer(status=response.status, body=body, headers=dict(response.headers))


@dataclass(frozen=True, kw_only=True)
class Place:
    """A registry that listens, with the service behind it."""

    service: Registry
    url: str
    trust: Path
    log: BytesIO = field(repr=False)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was logged."""
        return [orjson.loads(line) for line in self.log.getvalue().splitlines()]

    def caller(self, issued: Issued | None) -> Caller:
        """Return who calls under this certificate."""
        return Caller(url=self.url, trust=self.trust, issued=issued)


def authenticate(request: web.Request) -> Identity | Unfit:
    """Judge the certificate of the connection, as the composition does."""
    assert request.transport is not None
    der = peer_certificate(request.transport.get_extra_info("ssl_object"))
    return verify_client(der, authorities=kit.authority().certificates, at=AT)


@asynccontextmanager
async def placed(service: Registry, folder: Path, door: Authenticate = authenticate) -> AsyncIterator[Place]:
    """Let the registry listen on a free port of loopback."""
    server = kit.server()
    context = server_context_from(server.chain_pem(), server.key_pem())
    accept_any_client_certificate(context)
    trust = folder / "trust.pem"
    trust.write_bytes(kit.authority().trust_pem())
    log = BytesIO()
    app = make_app(service, door, make_logger(log))
    async with serving(app, "127.0.0.1", 0, key="registry.listen", context=context) as listening:
        yield Place(service=service, url=f"https://127.0.0.1:{listening.port}", trust=trust, log=log)


@dataclass(kw_only=True)
class Rehearsed:
    """A registry that a relay asks: in its book are loopback's addresses too. It remembers who asked."""

    place: Place
    away: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.place.url

    def settings(self, tenant: str = "linde") -> dict[str, object]:
        """Return the settings of a relay that asks it for a tenant, in the folder it was made in."""
        person = {"file": "person.p12", "password_file": "password"}
        return {
            "egress_proof.registry": {"url": self.url, "trust": "trust.pem", "persons": {tenant: person}},
            "egress_proof.every": 0.05,
        }

    def register(self, address: str) -> None:
        """Register it, as the contact person does."""
        self.place.service.register(contact_person(UserNumber(PERSONAL_NUMBER)), USER_NUMBER, address)

    def remove(self, address: str) -> None:
        """Remove it."""
        self.place.service.remove(contact_person(UserNumber(PERSONAL_NUMBER)), USER_NUMBER, address)

    def judge(self, request: web.Request) -> Identity | Unfit:
        """Judge who asks, and remember from where, and under which number."""
        judged = authenticate(request)
        number = judged.user_number if isinstance(judged, Identity) else None
        self.asked.append((str(request.remote), number or "nobody"))
        if self.away:
            raise ConnectionError
        return judged


@asynccontextmanager
async def rehearsed(folder: Path) -> AsyncIterator[Rehearsed]:
    """Run one, and leave the contact person's certificate in the folder, as `person.p12` under the word of the kit."""
    path = folder / "book.sqlite"
    path.write_bytes(book_of(filled))
    (folder / "person.p12").write_bytes(person_file())
    (folder / "password").write_text("geheim")
    with opened(path) as store:
        service = Registry(store, lambda: AT, rehearsal=True)
        waiting: list[Rehearsed] = []
        async with placed(service, folder, lambda request: waiting[0].judge(request)) as place:
            waiting.append(Rehearsed(place=place))
            yield waiting[0]


@cache
def person_file() -> bytes:
    """The contact person's certificate as exported; deriving its keys is slow on purpose, so once."""
    return kit.personal().p12("geheim")


def filled(service: Registry) -> Registry:
    """Book the demo authority's own certificates, and another provider's that is nobody's business."""
    service.add_organisation(organisation())
    service.add_organisation(organisation(ELDERS, "99000002"))
    service.add_contact_person(contact_person(UserNumber(PERSONAL_NUMBER)))
    service.add_certificate(personal_of(kit.personal()))
    service.add_certificate(system_of(kit.system()))
    service.add_certificate(system_certificate(SYSTEM_ELDERS, mark=2, of=ELDERS))
    return service


def system_of(issued: Issued) -> SystemCertificate:
    """Return what the book has of an issued system certificate."""
    identity = identify(issued.certificate)
    return SystemCertificate(
        user_number=UserNumber(USER_NUMBER),
        fingerprint=Fingerprint(identity.fingerprint),
        organisation=VOORBEELD,
        environment=Environment.TEST,
        not_before=identity.not_before,
        not_after=identity.not_after,
        collected_at=identity.not_before,
    )


def personal_of(issued: Issued, number: UserNumber = ANNAS, of: OrganisationId = VOORBEELD) -> PersonalCertificate:
    """Return what the book has of an issued personal certificate."""
    identity = identify(issued.certificate)
    return PersonalCertificate(
        user_number=number,
        fingerprint=Fingerprint(identity.fingerprint),
        organisation=of,
        not_before=identity.not_before,
        not_after=identity.not_after,
        collected_at=identity.not_before,
    )


def _bundle(issued: Issued) -> Bundle:
    identity = identify(issued.certificate)
    return Bundle(certificate=issued.certificate, key=issued.key, chain=issued.chain, identity=identity)
