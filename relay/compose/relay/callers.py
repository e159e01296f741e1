"""Who may call: everything that is made of the clients in the settings, and made anew when these change."""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final, Protocol, TypeVar

from pydantic import ConfigDict, TypeAdapter

from relay.auth.api_key import ApiKeys, KnownKey
from relay.auth.basic import Passwords
from relay.auth.caller import Authenticator, Caller
from relay.auth.client_certificate import ClientCertificates
from relay.auth.client_trust import ClientTrust
from relay.auth.hashing import Hashing
from relay.auth.nonces import NO_NONCES, Nonces
from relay.auth.signature import SignatureFault, Signatures
from relay.auth.signature_keys import SignatureKey
from relay.auth.sources import OF_AZURE, Ranges, ServiceTagsFault, Tags, service_tags
from relay.auth.tokens import Grant, Grants, Tokens
from relay.auth.ways import Ways
from relay.compose.relay.directories import Directories
from relay.compose.relay.signing import KeyFiles, signature_keys
from relay.errors import SettingsFault
from relay.gateway.meter import Allowance
from relay.settings.client import Client
from relay.settings.limits import Limits
from relay.settings.policy import Policy as PolicySettings
from relay.settings.relay import RelaySettings
from relay.tenant.hours import Hours
from relay.tenant.policy import Policy, environment_id
from relay.x509.identity import named

_NO_SUBJECT: Final = (
    "is no subject as `openssl x509 -noout -subject -nameopt RFC2253 -in FILE` prints it: CN=name,O=organisation"
)
Each = TypeVar("Each")
# The clients, the service tags that they name, and what stands in files of theirs.
_PARCEL: Final = TypeAdapter(
    tuple[dict[str, Client], dict[str, tuple[str, ...]], dict[Path, bytes]],
    config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltCallers:
    """The clients as they are known: by which keys, certificates, users with passwords, tokens, and signing keys.

    `sources` has the ranges of those that may not call from anywhere, by client; `tags` and `files` what it was made
    of: ranges of service tags, and what stood in files of keys. `policies` are of those that may not do all that their
    tenants may, `allowances` of those that may not ask as much. `written` is all of it for other processes.
    """

    clients: Mapping[str, Client]
    keys: Mapping[str, KnownKey]
    pinned: Mapping[bytes, Caller]
    subjects: Mapping[str, Caller]
    passwords: Mapping[str, tuple[str, Caller]]
    sources: Mapping[str, Ranges]
    tags: Tags
    signing: Mapping[str, tuple[SignatureKey, Caller]]
    files: Mapping[Path, bytes] = field(repr=False)
    written: bytes = field(repr=False)
    allowances: Mapping[str, Allowance]
    policies: Mapping[str, Policy]
    grants: Grants

    @property
    def certified(self) -> bool:
        """Whether any client proves itself with a certificate, so that callers are asked for one."""
        return bool(self.pinned or self.subjects)

    @classmethod
    def read(cls, octets: bytes) -> "BuiltCallers":
        """Return what `octets` wrote in another process, which could build it."""
        return replace(build_callers(*_PARCEL.validate_json(octets)), written=octets)

    def octets(self) -> bytes:
        """Return all that another process needs, with the secrets that clients sign by."""
        return self.written

    def same(self, other: "BuiltCallers") -> bool:
        """Whether both are made of the same."""
        return (self.clients, self.tags, self.files) == (other.clients, other.tags, other.files)

    @property
    def revision(self) -> str:
        """What tells these clients from others, in whichever process."""
        return hashlib.sha256(self.written).hexdigest()[:16]


class Gate(Protocol):
    """Where callers are judged: the gateway."""

    def admit_by(
        self,
        authenticator: Authenticator,
        sources: Mapping[str, Ranges],
        policies: Mapping[str, Policy],
        allowances: Mapping[str, Allowance],
    ) -> None:
        """Judge callers by `authenticator`, and clients by all that is given by their names, from the next call on."""
        ...


class Callers:
    """Who may call, in one process, as settings and files in force have it."""

    def __init__(
        self,
        gate: Gate,
        built: BuiltCallers,
        trust: ClientTrust,
        directories: Directories,
        *,
        signature_refused: Callable[[str, SignatureFault], None],
        key_field: str = "X-Api-Key",
        nonces: Nonces = NO_NONCES,
    ) -> None:
        """Take what they are judged by; `signature_refused` counts signatures that proved nobody, by client and why."""
        self._key_field = key_field
        self._gate = gate
        self._trust = trust
        self._hashing = Hashing()
        self._nonces = nonces
        self._signature_refused = signature_refused
        self._directories = directories
        self.use(built)

    def __repr__(self) -> str:
        return f"<Callers {', '.join(self.built.clients)}>"

    def use(self, built: BuiltCallers) -> None:
        """Go by these clients from the next call on."""
        self.built = built
        self._certificates = ClientCertificates(pinned=built.pinned, subjects=built.subjects, trust=self._trust)
        self._gate.admit_by(self._authenticator(), built.sources, built.policies, built.allowances)

    def trust(self, trust: ClientTrust) -> None:
        """Judge their certificates by these authorities and revocations, from the next call on."""
        self._trust = trust
        self._certificates.use(trust)

    def _authenticator(self) -> Authenticator:
        ways: list[Authenticator] = [ApiKeys(self.built.keys, field=self._key_field)]
        if self.built.certified:
            ways.insert(0, self._certificates)  # first: what is wrong with it, its holder may know
        if self.built.passwords:
            ways.append(Passwords(self.built.passwords, self._hashing))
        if self.built.grants:
            ways.append(Tokens(self.built.grants, self._directories.rings, self._directories.refused))
        if self.built.signing:
            signatures = Signatures(self.built.signing, self._nonces, self._signature_refused)
            ways.append(signatures)  # last: it tells of the one call
        return Ways(ways) if len(ways) > 1 else ways[0]  # the shortest way for most


def tags_of(settings: RelaySettings) -> Tags:
    """Return the ranges of the service tags that clients name. Raises SettingsFault."""
    wanted = {
        source.removeprefix(OF_AZURE)
        for client in settings.clients.values()
        for source in client.sources
        if source.startswith(OF_AZURE)
    }
    file = settings.sources.azure_service_tags
    if file is None:
        return {}
    try:
        return service_tags(file.read_bytes(), wanted)
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    except ServiceTagsFault as error:
        fault = str(error)
    raise SettingsFault([("sources.azure_service_tags", f"{file} {fault}")])


def build_callers(clients: Mapping[str, Client], tags: Tags, files: Mapping[Path, bytes] | None = None) -> BuiltCallers:
    """Return the clients as they are known; `tags` has the ranges of those that they name.

    Raises SettingsFault with every fault there is. `files` is what was read of their files before, if that was done.
    """
    faults: list[tuple[str, str]] = []
    read = KeyFiles(files)
    signing = {
        keyid: (key, caller_of(name, clients[name], "signature"))
        for keyid, name, key in signature_keys(clients, read, faults)
    }
    pinned: dict[bytes, Caller] = {}
    subjects: dict[str, Caller] = {}
    for name, client in clients.items():
        caller = caller_of(name, client, "client_certificate")
        for number, each in enumerate(client.certificates):
            if each.fingerprint is not None:
                pinned[bytes.fromhex(each.fingerprint)] = caller
            if each.subject is None:
                continue
            key = f"clients.{name}.certificates.{number}.subject"
            try:
                subject = named(each.subject)
            except ValueError:
                faults.append((key, _NO_SUBJECT))
                continue
            if other := subjects.get(subject):
                faults.append((key, f"{subject} is also with client {other.client!r}; give each its own"))
            subjects[subject] = caller
    if faults:
        raise SettingsFault(faults)
    return BuiltCallers(
        clients=clients,
        keys=dict(_keys(clients)),
        pinned=pinned,
        subjects=subjects,
        passwords=dict(_passwords(clients)),
        sources={name: _ranges(client, tags) for name, client in clients.items() if client.sources},
        tags=tags,
        signing=signing,
        files=read.octets,
        written=_PARCEL.dump_json((dict(clients), dict(tags), read.octets)),
        allowances={name: allowance_of(client.limits) for name, client in clients.items() if client.limits is not None},
        policies={name: policy_of(client.policy) for name, client in clients.items() if client.policy is not None},
        grants=_grants(clients),
    )


def caller_of(name: str, client: Client, way: str) -> Caller:
    """Return what a client is once it has proven itself in this way."""
    return Caller(
        name,
        frozenset(client.tenants),
        way,
        faults_as_500=client.soap_faults == "500",
        never_repeats=client.never_repeats,
        key_field=client.idempotency_field.lower().encode(),
        requires=frozenset(client.requires),
    )


def _keys(clients: Mapping[str, Client]) -> Iterator[tuple[str, KnownKey]]:
    for name, client in clients.items():
        caller = caller_of(name, client, "api_key")
        for key in client.api_keys:
            known = replace(caller, credential=key.id)
            yield key.id, KnownKey(key.digest, known, expires=key.expires, in_query=client.key_in_query)


def _passwords(clients: Mapping[str, Client]) -> Iterator[tuple[str, tuple[str, Caller]]]:
    for name, client in clients.items():
        caller = caller_of(name, client, "basic")
        for each in client.passwords:
            yield each.user, (each.digest, caller)


def _ranges(client: Client, tags: Tags) -> Ranges:
    networks = list[IPv4Network]()
    for source in client.sources:
        tagged = source.startswith(OF_AZURE)
        networks += map(IPv4Network, tags[source.removeprefix(OF_AZURE)] if tagged else (source,))
    return Ranges(networks)


def policy_of(settings: PolicySettings) -> Policy:
    """Return what a client may do, as calls are judged by it."""
    types, ids = settings.content_types, settings.dataverse_environments
    return Policy(
        enforced=settings.mode == "enforce",
        environments=_set(settings.environments),
        routes=_set(settings.routes),
        methods=None if settings.methods is None else frozenset(each.encode() for each in settings.methods),
        content_types=None if types is None else frozenset(each.lower().encode() for each in types),
        dataverse=None if ids is None else frozenset(environment_id(each.encode()) for each in ids),
        dataverse_field=(settings.dataverse_field or "").lower().encode(),
        hours=None if settings.hours is None else Hours(settings.hours, settings.zone),
        max_body=settings.max_body,
    )


def _set(given: tuple[Each, ...] | None) -> frozenset[Each] | None:
    return None if given is None else frozenset(given)


def _grants(clients: Mapping[str, Client]) -> Grants:
    grants: dict[tuple[str, str], tuple[Grant, ...]] = {}
    for name, client in clients.items():
        caller = caller_of(name, client, "token")
        for each in client.tokens:
            until = each.until.timestamp() if each.until else math.inf
            grant = Grant(caller=caller, role=each.role, scope=each.scope, until=until)
            place = (each.directory, each.application)
            grants[place] = (*grants.get(place, ()), grant)
    return grants


def total_of(settings: RelaySettings) -> Allowance | None:
    """Return how much may be asked in all, None: any."""
    return None if settings.limits == Limits() else allowance_of(settings.limits)


def allowance_of(limits: Limits) -> Allowance:
    """Return how much may be asked, as it is counted."""
    return Allowance(
        calls_per_minute=limits.calls_per_minute or 0,
        calls_per_second=limits.calls_per_second or 0,
        in_flight=limits.in_flight or 0,
        bytes_per_day=limits.bytes_per_day or 0,
    )
