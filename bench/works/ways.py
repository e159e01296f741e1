"""The work `ways`: what it costs to find out who calls, by the relay's own authenticators, in this process."""

import asyncio
import hmac
import os
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from itertools import islice
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from bench.directory import APPLICATION, AUDIENCE, ROLE, TENANT
from bench.figures import Results, told
from bench.loads.caller import Requests, Target
from bench.place import CALLER, PATH, Place
from bench.process import BenchFault
from bench.run import Run
from relay.auth.basic import new_password
from relay.auth.caller import Authenticator, Awaited, Caller, Outcome
from relay.auth.client_trust import ClientTrust
from relay.auth.key_ring import keys_in
from relay.auth.nonces import MOST_AHEAD
from relay.auth.signature_fields import read_signatures
from relay.auth.sources import Ranges
from relay.compose.relay.callers import Callers, build_callers
from relay.compose.relay.directories import Directories, build_directories
from relay.compose.relay.nonces import nonces_of
from relay.gateway.meter import Allowance
from relay.message.head import RequestHead
from relay.message.scanner import scan_request
from relay.message.signature_base import signature_base
from relay.observe.log import make_logger
from relay.observe.metrics import Metrics
from relay.settings.client import Client
from relay.settings.directory import Directory
from relay.tenant.policy import Policy

# Fewer than tokens are remembered.
_CALLS: Final = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """A way to prove oneself: the client that can, besides by key, and what calls show, in the head or in TLS.

    `known`: calls are measured after one that showed the same.
    """

    client: Mapping[str, object]
    heads: Sequence[RequestHead]
    certificate: bytes | None = None
    known: bool = True


class _Gate:
    """Stands where the gateway does, and lets calls be judged without one."""

    authenticator: Authenticator

    def admit_by(
        self,
        authenticator: Authenticator,
        sources: Mapping[str, Ranges],
        policies: Mapping[str, Policy],
        allowances: Mapping[str, Allowance],
    ) -> None:
        self.authenticator = authenticator


def measure(run: Run) -> Results:
    """Measure it, on the fronts' processor. Raises BenchFault when a call proved nobody."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, run.front_cpus)
    try:
        seen = asyncio.run(_rounds(run))
    finally:
        os.sched_setaffinity(0, before)
    run.tell(f"ways  {run.rounds} rounds of {_CALLS} calls by each")
    return {"ways": {name: told(rounds, spread="cpu_us_per_call") for name, rounds in seen.items()}}


async def _rounds(run: Run) -> dict[str, list[dict[str, float]]]:
    ways = _ways(run.place)
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for number in range(run.rounds + 1):
        for name, way in ways.items():
            cost = await _cost(run.place, name, way)
            if number:
                seen[name].append({"cpu_us_per_call": cost})
    return seen


async def _cost(place: Place, name: str, way: _Way) -> float:
    """Return what a call costs a relay that has just started and has the keys of its directory. Microseconds."""
    clients = {"dynamics": Client.model_validate({"tenants": ["linde"], "api_keys": [_key(place)], **way.client})}
    trust = ClientTrust.of(place.authority.trust_pem(), b"")
    directories = _directories(place)
    gate = _Gate()
    built, nonces = build_callers(clients, {}), nonces_of(None)
    Callers(gate, built, trust, directories, signature_refused=Metrics().signature_refused, nonces=nonces)
    directories.close()  # the keys are here
    judge, at = gate.authenticator, datetime.now(UTC)
    if way.known:
        await _settled(judge.authenticate(way.heads[0], way.certificate, at))
    outcomes = []
    began = time.process_time_ns()
    for head in way.heads:
        outcomes.append(judge.authenticate(head, way.certificate, at))
        judge.secrets(head)
    took = time.process_time_ns() - began
    if not all([isinstance(await _settled(outcome), Caller) for outcome in outcomes]):
        raise BenchFault(f"ways: {name}: a call proved nobody")
    return took / len(way.heads) / 1000


async def _settled(outcome: Caller | Awaited) -> Outcome:
    if isinstance(outcome, Caller):
        return outcome
    found: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    outcome.then(found.set_result)
    return await found


def _directories(place: Place) -> Directories:
    settings = Directory.model_validate({"tenant_id": TENANT, "audiences": [AUDIENCE], "trust": place.certs / "ca.pem"})
    directories = Directories(build_directories({"entra": settings}), make_logger(BytesIO()), Metrics())
    for ring in directories.rings:
        ring.take(keys_in(place.directory.keys(), ring.issuer.algorithms))
    return directories


# -- what clients show ---------------------------------------------------------------------------------------


def _ways(place: Place) -> dict[str, _Way]:
    key, token = place.proof(tokened=False), place.proof(tokened=True)
    granted = {"tokens": [{"directory": "entra", "application": APPLICATION, "role": ROLE}]}
    tokens = (f"Authorization: Bearer {place.directory.token(number)}" for number in range(1, _CALLS + 1))
    password, secret = new_password(), os.urandom(32)
    basic = b64encode(f"dynamics:{password.text}".encode()).decode()
    file = place.folder / "signing.secret"
    file.write_bytes(b64encode(secret))
    shown = load_pem_x509_certificate((place.certs / "caller.crt").read_bytes())
    return {
        "api-key": _Way(client={}, heads=_heads(place, key)),
        "token-cached": _Way(client=granted, heads=_heads(place, token)),
        "token-first-seen": _Way(client=granted, heads=[_head(place, each) for each in tokens], known=False),
        "client-certificate": _Way(
            client={"certificates": [{"subject": CALLER}]},
            heads=_heads(place, "Accept: */*"),
            certificate=shown.public_bytes(Encoding.DER),
        ),
        "basic-cached": _Way(
            client={"passwords": [{"user": "dynamics", "digest": password.digest}]},
            heads=_heads(place, f"Authorization: Basic {basic}"),
        ),
        "signature": _Way(
            client={"signature_keys": [{"id": "dynamics", "secret_file": file}]},
            heads=list(_signed(place, secret)),
            known=False,
        ),
    }


def _key(place: Place) -> dict[str, str]:
    return {"id": place.key.id, "digest": place.key.digest}


def _heads(place: Place, proof: str) -> list[RequestHead]:
    """Return the heads of as many calls as are measured, all with the same proof."""
    return list(islice(_calls(place, proof), _CALLS))


def _head(place: Place, proof: str) -> RequestHead:
    return next(_calls(place, proof))


def _calls(place: Place, proof: str) -> Iterator[RequestHead]:
    """Yield the heads of calls, each with another correlation id."""
    requests = Requests(place, Target(port=443), PATH, place.request.read_bytes(), proof)
    while True:
        yield scan_request(requests.next().partition(b"\r\n\r\n")[0] + b"\r\n")


def _signed(place: Place, secret: bytes) -> Iterator[RequestHead]:
    """Yield calls that are signed (RFC 9421), their bodies with them."""
    digest = b64encode(sha256(place.request.read_bytes()).digest()).decode()
    # No relay takes a signature from before it started, and one starts in each round.
    created = int(time.time()) + MOST_AHEAD - 1
    for number in range(_CALLS):
        params = f'("@method" "@authority" "@target-uri" "content-digest");created={created};keyid="dynamics"'
        fields = f'Content-Digest: sha-256=:{digest}:\r\nSignature-Input: sig={params};nonce="{number:022}"\r\n'
        unsigned = _head(place, f"{fields}Signature: sig=::")
        (covered,) = read_signatures(unsigned.fields.values(b"signature-input")[0], b"sig=::")
        base = signature_base(unsigned, covered.covered, covered.text)
        signature = b64encode(hmac.digest(secret, base, "sha256")).decode()
        yield _head(place, f"{fields}Signature: sig=:{signature}:")
