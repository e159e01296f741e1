"""The reference side's settings: the gate, the registry, and the book that both look into."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from relay.settings.load import Branch, Settings, SettingsPath
from relay.settings.secret import Locked
from relay.settings.shapes import Balancers, DatabaseUrl, Port, Prefix, UpstreamUrl, formed

_PUBLIC_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*/?\Z")
PublicUrl = Annotated[
    str, formed(_PUBLIC_URL, "a public address is https://host, with port and path where needed, without a query")
]


_PHRASE = re.compile(r"[A-Za-z]+(?: [A-Za-z]+)*\Z")
Phrase = Annotated[str, Field(max_length=80), formed(_PHRASE, "a reason phrase is plain words, such as Not Allowed")]

Routes = Literal["cov", "claims", "messages", "iwlz-token", "iwlz-pep"]
Body = Literal["empty", "json", "html"]


class Refusals(Branch):
    """How a family of routes words a bare 403; what is not told here stays as the docs' table has it."""

    certificate: Phrase | None = Field(
        default=None, description="The reason phrase for what is wrong with a certificate, such as Forbidden."
    )
    address: Phrase | None = Field(
        default=None, description="The reason phrase for an address or a block, such as Not Allowed."
    )
    body: Body | None = Field(default=None, description="What stands in it; empty: as refusal_body says.")


class Listen(Branch):
    """Where callers connect, always by TLS."""

    address: IPv4Address = Field(default=IPv4Address("127.0.0.1"), description="The local IPv4 address.")
    port: Port = Field(description="0 takes any free port.")
    certificate: SettingsPath = Field(description="The server certificate with its chain, PEM.")
    key: SettingsPath = Field(description="The server certificate's private key, PEM.")


class Backend(Branch):
    """A service of one's own behind the gate."""

    prefix: Prefix = Field(description="Whole path segments; the longest prefix wins. The path travels unchanged.")
    url: UpstreamUrl = Field(description="https://host:port of the service.")
    trust: SettingsPath | None = Field(default=None, description="PEM of its authorities; empty: public trust.")
    service: Literal["cov", "claims", "messages", "iwlz"] | None = Field(
        default=None, description="What callers must be authorised for; empty: as the path tells."
    )
    environment: Literal["production", "test"] | None = Field(
        default=None, description="Which certificates are for it; empty: as the path tells."
    )
    seconds: float = Field(default=60, gt=0, le=600, description="How long it may be silent.")
    max_body: int = Field(default=41_943_040, ge=0, description="Bytes of a request.")


class GateListen(Listen):
    """Where the gate listens, behind load balancers or not."""

    proxy_protocol_from: tuple[Balancers, ...] = Field(
        default=(),
        description="IPv4 ranges of load balancers that must, and alone may, tell the caller in a PROXY v2 header.",
    )


class Operator(Branch):
    """The operator's port: health, readiness, metrics. Plain HTTP, so keep it on an inner network."""

    address: IPv4Address = Field(default=IPv4Address("127.0.0.1"), description="Where probes and scrapers come.")
    port: Port = Field(default=9091, description="0 takes any free port.")


class Database(Locked):
    """A book in PostgreSQL, which several gates and registries can share; over TLS unless it is on this machine."""

    url: DatabaseUrl = Field(
        description="postgresql://user@host:port/name, a database in which this user makes tables."
    )
    trust: SettingsPath | None = Field(default=None, description="PEM of its authorities; empty: public trust.")


class ReferenceSettings(Settings):
    """Everything `relay reference` can be told."""

    book: SettingsPath | None = Field(
        default=None, description="The registry's SQLite file, made when there is none; needed without a database."
    )
    database: Database | None = None
    authorities: SettingsPath = Field(description="PEM of the authorities whose client certificates count.")
    revocations: SettingsPath | None = Field(
        default=None, description="What these authorities have revoked: their lists (CRL), PEM or DER; followed."
    )
    audit: SettingsPath | None = Field(
        default=None, description="The file that gets a line for each call at the gate; empty: standard output."
    )
    registration_from: AwareDatetime | None = Field(
        default=None, description="Before it no address can be registered (Q3); empty: at any time."
    )
    enforced_from: AwareDatetime | None = Field(
        default=None, description="Before it an unregistered address passes and is noted; empty: always enforced."
    )
    rehearsal: bool = Field(
        default=False, description="Let contact persons register addresses that are not public. Never in earnest."
    )
    refusal_body: Body = Field(
        default="empty", description="What stands in the gate's 403; VECOZO does not say, so each guess is here."
    )
    refusals: dict[Routes, Refusals] = Field(
        default={}, description="How each family of routes words its 403; nothing here: as docs/registry.md has it."
    )
    backends: tuple[Backend, ...] = Field(
        default=(), description="Services of one's own behind the gate, before those that are built in."
    )
    public_url: PublicUrl | None = Field(
        default=None, description="Where callers reach the services, for the WSDL, when their Host does not tell."
    )
    gate: GateListen = Field(description="The gate, with the services behind it.")
    registry: Listen = Field(description="The registry's API, for contact persons.")
    operator: Operator = Operator()

    def disagreements(self) -> Iterator[tuple[str, str]]:
        """Yield a book in two places, or in none; places that two faces want at once; and prefixes of two backends."""
        if (self.book is None) == (self.database is None):
            yield "book", "name the file of a book, or the [database] that it is in: one of the two"
        taken: dict[tuple[IPv4Address, int], str] = {}
        for name, face in (("gate", self.gate), ("registry", self.registry), ("operator", self.operator)):
            other = taken.setdefault((face.address, face.port), name)
            if other != name and face.port:
                yield f"{name}.port", f"{face.port} is the port of [{other}] as well; choose another"
        prefixes = [backend.prefix for backend in self.backends]
        for place, prefix in enumerate(prefixes):
            if prefix in prefixes[:place]:
                yield f"backends.{place}.prefix", "is that of another backend as well"
