"""The relay's settings: who calls, as whom and where it calls on, and what it listens on."""

import re
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AwareDatetime,
    Field,
    SecretStr,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from relay.settings.card import Card, Line, Mail
from relay.settings.client import Client, TokenGrant
from relay.settings.directory import Directory
from relay.settings.limits import Limits
from relay.settings.load import Branch, Settings, SettingsPath
from relay.settings.secret import Locked
from relay.settings.shapes import (
    AwsSecret,
    AzureSecret,
    Balancers,
    FieldName,
    Fingerprint,
    Host,
    LocalAddress,
    Name,
    Part,
    Phrase,
    Port,
    Prefix,
    ProbePath,
    RedisUrl,
    RegistryUrl,
    Seconds,
    SecretField,
    UpstreamUrl,
    WitnessUrl,
    is_guid,
)
from relay.settings.words import TEST_WORDS, Cause, Environment, Family, Registration, Wording


class Listen(Branch):
    """Where callers connect."""

    address: IPv4Address = Field(
        default=IPv4Address("0.0.0.0"),  # noqa: S104  # a server's default; narrowed by whoever has several
        description="The local IPv4 address to listen on; 0.0.0.0 is all of them.",
    )
    port: Port = Field(default=8443, description="0 takes any free port.")
    certificate: SettingsPath = Field(description="The server certificate with its chain, PEM.")
    key: SettingsPath = Field(description="The server certificate's private key, PEM.")
    names: tuple[str, ...] = Field(
        default=(), description="Host names that callers may use; empty: those in the server certificate."
    )
    client_authorities: SettingsPath | None = Field(
        default=None, description="PEM of the authorities whose client certificates count; empty: pinned ones alone."
    )
    client_revocations: SettingsPath | None = Field(
        default=None, description="What these authorities have revoked: their lists (CRL), PEM or DER."
    )
    key_field: SecretField = Field(
        default="X-Api-Key", description="The field in which callers send their API key; it never travels on."
    )
    proxy_protocol_from: tuple[Balancers, ...] = Field(
        default=(),
        description="IPv4 ranges of load balancers that must, and alone may, tell the caller in a PROXY v2 header.",
    )
    forwarded_from: tuple[Balancers, ...] = Field(
        default=(),
        description="IPv4 ranges of load balancers that speak HTTP, and alone tell the caller in X-Forwarded-For.",
    )
    max_connections: int = Field(default=10_000, ge=1, description="Connections from callers at once, in each process.")
    max_connections_per_address: int | None = Field(
        default=None, ge=1, description="The same from one address; empty: no such cap, for Dynamics shares addresses."
    )
    longest_delay: float = Field(
        default=2,
        ge=0,
        le=2,
        description="Seconds by which a 401 is put off at most, where many from one address failed; 0: never.",
    )
    max_body: int = Field(default=40 * 1024 * 1024, ge=0, description="Bytes. VECOZO's 25 MB is 34 MB in base64.")


class Operator(Branch):
    """The operator's port: health, readiness, metrics. Plain HTTP, so keep it on an inner network."""

    address: IPv4Address = Field(default=IPv4Address("127.0.0.1"), description="Where probes and scrapers come.")
    port: Port = Field(default=9090, description="0 takes any free port.")


class Deadlines(Branch):
    """How long things may take, in seconds. The relay must answer before its caller gives up."""

    connect: Seconds = Field(default=5, description="Resolving VECOZO's name and connecting to it.")
    tls: Seconds = Field(default=5, description="A TLS handshake, the caller's as well as VECOZO's.")
    first_byte: Seconds = Field(default=40, description="From the end of the request to the start of VECOZO's answer.")
    total: Seconds = Field(default=45, description="A whole call; Flow and plug-ins give up after 120.")
    idle: Seconds = Field(default=50, description="How long a connection to VECOZO is kept between calls.")
    drain_notice: float = Field(
        default=5, ge=0, le=600, description="At the end: not ready any more, still taking calls."
    )
    drain: Seconds = Field(default=45, description="At the end: how long calls in progress may take.")


class Ledger(Branch):
    """Which idempotency keys callers have used, so that a call with one goes at most once."""

    keep: float = Field(
        default=24 * 3600,
        ge=3600,
        le=30 * 24 * 3600,
        description="Seconds that a key is remembered from its first use.",
    )
    most: int = Field(
        default=100_000,
        ge=1,
        description="Keys at once, some 400 bytes each. When there are as many, calls with new keys get 503.",
    )
    file: SettingsPath | None = Field(
        default=None, description="Where keys are kept over a restart, as digests; without it a restart forgets them."
    )


class Guard(Branch):
    """When calls are held that VECOZO would refuse for their address, and how often one is let try."""

    after: int = Field(default=3, ge=1, le=100, description="Address refusals in a row after which calls are held.")
    first_pause: Annotated[float, Field(ge=0.05, le=60)] = Field(
        default=5, description="Seconds until one call may try; twice as long after each refusal."
    )
    longest_pause: Annotated[float, Field(ge=0.05, le=60)] = Field(default=60, description="The longest such pause.")

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.first_pause > self.longest_pause:
            raise ValueError("first_pause is longer than longest_pause")
        return self


class ExportedFile(Branch):
    """A certificate as exported: a .p12 or .pfx file and its password."""

    file: SettingsPath = Field(description="The .p12 or .pfx file; a new one is taken into use within seconds.")
    password_file: SettingsPath | None = Field(default=None, description="A file with the password of the export.")
    password: SecretStr | None = Field(default=None, description="The password, for environment variables.")

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if (self.password_file is None) == (self.password is None):
            raise ValueError("give either password_file or password")
        return self


class StoredCertificate(Branch):
    """A system certificate as exported, a PKCS#12 file, and its password: on this machine, or in a vault."""

    file: SettingsPath | None = Field(
        default=None,
        description="The .p12 or .pfx file; a new one is taken into use within seconds. This, or one of the two below.",
    )
    azure_secret: AzureSecret | None = Field(
        default=None,
        description="In Azure Key Vault: https://VAULT.vault.azure.net/secrets/NAME; a new version within a minute.",
    )
    aws_secret: AwsSecret | None = Field(
        default=None, description="In AWS Secrets Manager: the secret's ARN; a new version within a minute."
    )
    password_file: SettingsPath | None = Field(default=None, description="A file with the password of the export.")
    password: SecretStr | None = Field(
        default=None, description="The password, for environment variables. What is in a vault need not have any."
    )
    fingerprints: tuple[Fingerprint, ...] = Field(
        default=(),
        max_length=8,
        description="Only these certificates (SHA-256), whatever their names say of the environment; empty: any.",
    )

    @model_validator(mode="after")
    def _one_place_and_password(self) -> Self:
        if [self.file, self.azure_secret, self.aws_secret].count(None) != 2:
            raise ValueError("give either file, azure_secret or aws_secret")
        passwords = 2 - [self.password_file, self.password].count(None)
        if passwords > 1 or (self.file is not None and not passwords):
            raise ValueError("give either password_file or password")
        return self


class NextCertificate(StoredCertificate):
    """The certificate that is to take over, beside the one in use; it may come later."""

    at: AwareDatetime | None = Field(
        default=None, description="It takes over at this moment (2027-01-31T06:00:00+01:00), not before."
    )


class Probe(Branch):
    """The relay's own call that does no harm: it tries while calls are held, and proves the next certificate."""

    get: ProbePath | None = Field(
        default=None, description="GET this path, below one of the routes of this certificate, such as /whoami."
    )
    is_alive: ProbePath | None = Field(
        default=None, description="Or ask IsAlive at this path, that of a claims service."
    )

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if (self.get is None) == (self.is_alive is None):
            raise ValueError("give either get or is_alive")
        return self

    @property
    def path(self) -> str:
        """The path of whichever is asked, with its query."""
        return self.get or self.is_alive or ""


class Certificate(StoredCertificate):
    """The system certificate in use, the one that takes over from it, and the call that tries whether calls pass."""

    probe: Probe | None = None
    next: NextCertificate | None = None

    @model_validator(mode="after")
    def _next_takes_over(self) -> Self:
        if self.next is not None and self.next.at is None and self.probe is None:
            raise ValueError("next never takes over: give next.at, probe, or both")
        return self


class Egress(Branch):
    """An address that calls leave from; of several, the first that is not out. One table, or a list of them."""

    source_address: LocalAddress = Field(
        description="A local IPv4 address of this machine. `egress` is one table, or a list in order of preference."
    )
    public_address: IPv4Address | None = Field(
        default=None, description="What VECOZO sees, where a NAT gateway makes it differ; otherwise the same."
    )

    @property
    def seen_as(self) -> IPv4Address:
        """The address to register with VECOZO."""
        return self.public_address or self.source_address


class MailServer(Branch):
    """The server that takes the relay's mails to the people on the tenants' cards."""

    host: Host = Field(description="The mail server that letters go out by; without [mail] nothing is sent by itself.")
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="Empty: 587 with starttls, 465 with implicit, 25 with none."
    )
    tls: Literal["starttls", "implicit", "none"] = Field(
        default="starttls", description='"none" only where host is this machine itself: localhost, or 127.0.0.1.'
    )
    sender: Mail = Field(description="The address that mails come from; what cannot be delivered goes back to it.")
    user: Line | None = Field(default=None, description="Who logs in, where the server asks for that.")
    password_file: SettingsPath | None = Field(default=None, description="A file with the password of user.")
    password: SecretStr | None = Field(default=None, description="The password, for environment variables.")
    trust: SettingsPath | None = Field(
        default=None, description="PEM of the mail server's authorities; empty: public trust."
    )

    @property
    def on_this_machine(self) -> bool:
        """Whether nobody but this machine sees what is sent."""
        return self.host.casefold() == "localhost" or re.fullmatch(r"127(\.[0-9]{1,3}){3}", self.host) is not None

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield what no field of it can know by itself."""
        if self.tls == "none":
            if not self.on_this_machine:
                yield "mail.tls", '"none" is readable on the way to another machine; take "starttls" or "implicit"'
            if self.trust is not None:
                yield "mail.trust", 'with tls = "none" no certificate is shown; leave it out'
        given = [each for each in (self.password_file, self.password) if each is not None]
        if self.user is not None and len(given) != 1:
            yield "mail.password_file", "give either mail.password_file or mail.password for mail.user"
        if self.user is None and given:
            yield "mail.user", "is required with a password: it says whose that is"


class FieldPart(Branch):
    """A field of an answer's head."""

    name: FieldName = Field(description="The field's name, in any case.")
    contains: Part = Field(description="A part of its value, in any case.")


class OwnRefusal(Branch):
    """A reading of refusals besides the built-in ones, and before them: all that is given has to fit.

    Parts of text, not patterns: nothing that an upstream sends can keep a processor busy.
    """

    status: Annotated[int, Field(ge=400, le=599)] = Field(description="The answer's status, from 400 on.")
    cause: Cause = Field(description="What it means; the guard counts address_or_blocked and blocked, quota stops.")
    families: tuple[Family, ...] = Field(default=(), description="On routes of these families; empty: on all.")
    reason: Phrase | None = Field(
        default=None, description="The whole reason phrase, in any case; an empty one is given as such."
    )
    header: FieldPart | None = None
    body: Part | None = Field(default=None, description="A part of the first 4096 octets of the body, in any case.")

    @model_validator(mode="after")
    def _narrow(self) -> Self:
        stopping = self.cause is not Cause.FUNCTIONAL
        if stopping and self.reason is None and self.header is None and self.body is None:
            raise ValueError("takes every answer of its status for this cause: give reason, header or body")
        return self


def _one_or_several(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    """Let one table stand for a list of one; its faults then have no number in their keys."""
    return (Egress.model_validate(value),) if isinstance(value, dict) else handler(value)


class Witness(Branch):
    """Whoever answers with the address that it was asked from. It never sees a system certificate."""

    url: WitnessUrl = Field(
        description="https://; its answer is an IPv4 address, as text or in a JSON object, such as a gate's /whoami."
    )
    gate: bool = Field(
        default=False, description="Its word alone puts an egress out; of others, it takes two that see it differ."
    )
    trust: SettingsPath | None = Field(
        default=None, description="PEM of the witness's authorities; empty: public trust."
    )


class Registry(Branch):
    """A registry that tells which addresses are registered: the reference registry, or one with its API."""

    url: RegistryUrl = Field(
        description="https://host:port of a registry with the reference registry's API; VECOZO's portal has none."
    )
    trust: SettingsPath | None = Field(
        default=None, description="PEM of the registry's authorities; empty: public trust."
    )
    persons: Annotated[dict[Name, ExportedFile], Field(min_length=1)] = Field(
        description="By tenant, the personal certificate of a contact person, who alone can log in there."
    )


class EgressProof(Branch):
    """How it is proven that calls leave under the configured address: by asking witnesses from each egress."""

    witnesses: tuple[Witness, ...] = Field(default=(), max_length=8)
    registry: Registry | None = None
    every: Seconds = Field(default=60, description="Seconds from one round of asking to the next.")
    on_difference: Literal["refuse", "warn"] = Field(
        default="refuse",
        description="Whether calls are refused where another address is seen, or it is not registered; or only told.",
    )


class OwnRoute(Branch):
    """A route besides the preset's: a path prefix and the upstream that serves it."""

    name: Name = Field(description="Its name in log and metrics.")
    prefix: Prefix = Field(description="Whole path segments; the longest prefix wins. The path travels unchanged.")
    upstream: UpstreamUrl = Field(description="https://host or https://host:port.")
    family: Family = Field(default=Family.SOAP, description="What kind of service it is.")
    wording: Wording = Field(default=Wording.GATEWAY, description="How its 403 is worded; pep for iWlz' PEP.")
    repeatable: bool = Field(default=False, description="A repeat of the same call does no harm (COV; never claims).")

    @property
    def place(self) -> tuple[str, int]:
        """The upstream's host and port."""
        parts = urlsplit(self.upstream)
        return parts.hostname or "", parts.port or 443


class Tenant(Branch):
    """A care provider or software party on whose behalf calls are made."""

    environment: Environment = Field(description="Which of VECOZO's environments the certificate is for.")
    certificate: Certificate
    certificates: dict[Family, Certificate] = Field(
        default={}, description="For families of routes with a certificate of their own: iWlz has one."
    )
    egress: Annotated[tuple[Egress, ...], WrapValidator(_one_or_several), Field(min_length=1, max_length=8)]
    other_egress: bool = Field(
        default=False, description="Send a call that is refused for its address once more from another proven egress."
    )
    preset: Literal["vecozo"] | None = Field(default=None, description="VECOZO's own hosts and paths.")
    routes: tuple[OwnRoute, ...] = ()
    rewrite_payload_urls: tuple[Name, ...] = Field(
        default=(),
        description="Routes of family messages in whose lists each payload.url is made to lead to the relay.",
    )
    trust: SettingsPath | None = Field(
        default=None, description="PEM of the upstream's authorities; empty: public trust."
    )
    trust_revocations: SettingsPath | None = Field(
        default=None, description="What these authorities have revoked: their lists (CRL), PEM or DER."
    )
    card: Card = Card()

    @property
    def ways(self) -> dict[Family | None, Certificate]:
        """The certificates, by the family of routes that each is for; None: all that have none of their own."""
        return {None: self.certificate} | dict(self.certificates.items())

    @model_validator(mode="after")
    def _tells_egresses_apart(self) -> Self:
        for addresses in ([each.source_address for each in self.egress], [each.seen_as for each in self.egress]):
            if len(set(addresses)) < len(addresses):
                raise ValueError("has two egresses with one address; give each its own source and public address")
        return self

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if self.preset is None and not self.routes:
            raise ValueError('has no way to go: set preset = "vecozo", or give routes')
        return self


class Shared(Locked):
    """Where several relays with the same clients count together; without it each counts for itself."""

    url: RedisUrl = Field(
        description="A Redis or Valkey server: rediss://host:port/number; another number for relays with other clients."
    )
    trust: SettingsPath | None = Field(default=None, description="PEM of its authorities; empty: public trust.")

    @model_validator(mode="after")
    def _trust_with_tls(self) -> Self:
        if self.trust is not None and not self.url.startswith("rediss:"):
            raise ValueError("trust belongs to rediss://, for without TLS no certificate is shown")
        return self


class Sources(Branch):
    """Where the ranges come from that clients call from."""

    azure_service_tags: SettingsPath | None = Field(
        default=None,
        description="Microsoft's file ServiceTags_Public_*.json; a new one is in force within seconds.",
    )


class RelaySettings(Settings):
    """Everything `relay serve` can be told."""

    pseudonym: Name = Field(default="relay", description="Our name in Via and Proxy-Status.")
    loop: Literal["uvloop", "asyncio"] = Field(default="uvloop", description="asyncio only where uvloop cannot run.")
    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes that carry calls, one for each processor at most; from 2 on, another watches over them.",
    )
    listen: Listen
    operator: Operator = Operator()
    deadlines: Deadlines = Deadlines()
    ledger: Ledger = Ledger()
    guard: Guard = Guard()
    state: SettingsPath = Field(
        default=Path("relay.state"),
        description="A file that relay writes: what is held or stopped, so that no restart forgets it.",
    )
    refusals: Annotated[tuple[OwnRefusal, ...], Field(max_length=32)] = ()
    egress_proof: EgressProof = EgressProof()
    mail: MailServer | None = None
    test_certificate_words: tuple[str, ...] = Field(
        default=TEST_WORDS,
        description="Words in a certificate's names that tell it is not for production. A guess: see fingerprints.",
    )
    tenants: Annotated[dict[Name, Tenant], Field(min_length=1)]
    sources: Sources = Sources()
    directories: Annotated[dict[Name, Directory], Field(max_length=32)] = Field(default={})
    limits: Limits = Limits()
    shared: Shared | None = None
    clients: dict[Name, Client] = Field(default={}, description="None: every call is refused.")

    @property
    def asks_for_certificates(self) -> bool:
        """Whether any client proves itself with a certificate, so that callers are asked for one."""
        return any(client.certificates for client in self.clients.values())

    def disagreements(self) -> Iterator[tuple[str, str]]:
        """Yield routes told twice, clients bound to tenants that do not exist, keys and certificates used twice."""
        yield from self._tenant_faults()
        seen: dict[str, str] = {}
        yield from self._certificate_faults()
        yield from self._password_faults()
        yield from self._source_faults()
        if self.mail is not None:
            yield from self.mail.faults()
        yield from self._registry_faults()
        yield from self._token_faults()
        for name, client in self.clients.items():
            for bound in client.tenants:
                if bound not in self.tenants:
                    yield f"clients.{name}.tenants", f"{bound!r} is not under [tenants]"
            if client.idempotency_field.lower() == self.listen.key_field.lower():
                yield f"clients.{name}.idempotency_field", "is the field of API keys, listen.key_field; give another"
            yield from self._policy_faults(name, client)
            for key in client.api_keys:
                if other := seen.get(key.id):
                    yield f"clients.{name}.api_keys", f"key id {key.id} is also with client {other!r}; make a new key"
                seen[key.id] = name

    def _password_faults(self) -> Iterator[tuple[str, str]]:
        seen: dict[str, str] = {}
        for name, client in self.clients.items():
            for each in client.passwords:
                if other := seen.get(each.user):
                    yield f"clients.{name}.passwords", f"user {each.user} is also with {other!r}; give each a user once"
                seen[each.user] = name

    def _source_faults(self) -> Iterator[tuple[str, str]]:
        if self.listen.forwarded_from and self.listen.proxy_protocol_from:
            yield "listen.forwarded_from", "is told beside proxy_protocol_from; give the one that your balancers speak"
        if self.sources.azure_service_tags is not None:
            return
        for name, client in self.clients.items():
            if any(source.startswith("azure:") for source in client.sources):
                yield f"clients.{name}.sources", "has tags of Azure's; give their file as sources.azure_service_tags"

    def _policy_faults(self, name: str, client: Client) -> Iterator[tuple[str, str]]:
        most = client.policy.max_body if client.policy else None
        if most is not None and most > self.listen.max_body:
            yield f"clients.{name}.policy.max_body", f"is more than listen.max_body, {self.listen.max_body}"

    def _tenant_faults(self) -> Iterator[tuple[str, str]]:
        for name, tenant in self.tenants.items():
            for fault in _told_twice(tenant.routes):
                yield f"tenants.{name}.routes", fault
            for number, route in enumerate(tenant.routes):
                if route.prefix.split("/")[1] == "t":
                    yield f"tenants.{name}.routes.{number}.prefix", "/t/NAME names a tenant; no route begins with it"
            if tenant.other_egress and (len(tenant.egress) < 2 or not self.egress_proof.witnesses):
                yield f"tenants.{name}.other_egress", "needs two egresses, and egress_proof.witnesses to prove them"
            if tenant.trust_revocations is not None and tenant.trust is None:
                yield f"tenants.{name}.trust_revocations", f"belongs to authorities; give them as tenants.{name}.trust"

    def _registry_faults(self) -> Iterator[tuple[str, str]]:
        registry = self.egress_proof.registry
        for name in registry.persons if registry else ():
            tenant, key = self.tenants.get(name), f"egress_proof.registry.persons.{name}"
            if tenant is None:
                yield key, f"{name!r} is not under [tenants]"
            elif tenant.card.registration is Registration.PARTY:
                # They count for the provider's certificate, and stand in the party's own list (Q26, Q30).
                yield key, "the addresses of its software party are not in the list of this tenant's certificate"

    def _token_faults(self) -> Iterator[tuple[str, str]]:
        issuers: dict[str, str] = {}
        for name, directory in self.directories.items():
            key, value = ("issuer", directory.issuer) if directory.issuer else ("tenant_id", directory.tenant_id)
            if other := issuers.get(str(value)):
                yield f"directories.{name}.{key}", f"is also that of directory {other!r}; give it once"
            issuers[str(value)] = name
        seen: dict[tuple[str, str], str] = {}
        for name, client in self.clients.items():
            for number, each in enumerate(client.tokens):
                for leaf, fault in self._grant_faults(each):
                    yield f"clients.{name}.tokens.{number}.{leaf}", fault
                other = seen.setdefault((each.directory, each.application), name)
                if other != name:
                    fault = f"{each.application} is also with client {other!r}: its tokens would be of both"
                    yield f"clients.{name}.tokens.{number}.application", fault

    def _grant_faults(self, grant: TokenGrant) -> Iterator[tuple[str, str]]:
        directory = self.directories.get(grant.directory)
        if directory is None:
            yield "directory", f"{grant.directory!r} is not under [directories]"
        elif directory.tenant_id is not None and not is_guid(grant.application):
            yield "application", "in Entra ID this is the application's client id, a guid in lower case"

    def _certificate_faults(self) -> Iterator[tuple[str, str]]:
        listen = self.listen
        if listen.client_revocations is not None and listen.client_authorities is None:
            yield "listen.client_revocations", "belongs to authorities; give them as listen.client_authorities"
        seen: dict[str, str] = {}
        for name, client in self.clients.items():
            for each in client.certificates:
                if each.subject is not None and listen.client_authorities is None:
                    fault = (
                        f"{each.subject!r} proves nothing by itself; give listen.client_authorities, or a fingerprint"
                    )
                    yield f"clients.{name}.certificates", fault
                if each.fingerprint is not None:
                    if other := seen.get(each.fingerprint):
                        fault = f"fingerprint {each.fingerprint} is also with client {other!r}; give each its own"
                        yield f"clients.{name}.certificates", fault
                    seen[each.fingerprint] = name


def _told_twice(routes: tuple[OwnRoute, ...]) -> Iterator[str]:
    """A prefix leads one way, and metrics and log tell routes apart by name."""
    for what in ("name", "prefix"):
        counts = Counter(getattr(route, what) for route in routes)
        yield from (f"{what} {value} is given to {count} routes" for value, count in counts.items() if count > 1)
