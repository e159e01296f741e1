"""The stage: a folder of throw-away certificates and settings, and both sides running on it as in earnest."""

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from relay.auth.api_key import new_key
from relay.authority.authority import Authority
from relay.compose import reference, relay
from relay.compose.rehearsal import SYSTEM, Place, Rehearsal, new_rehearsal
from relay.settings.load import load
from relay.settings.reference import ReferenceSettings
from relay.settings.relay import RelaySettings
from relay.soap.question import ACTION, question

# Of the loopback network, yet another address than the gate's own: so it can be told apart from it.
EGRESS: Final = IPv4Address("127.0.0.9")
PATH: Final = "/tst/cov/vz801802/v1/soap11"
_LOOPBACK: Final = IPv4Address("127.0.0.1")

_RELAY_SETTINGS = """\
# The demo's relay. In earnest: preset = "vecozo" in place of routes and trust, and a public egress address.
[listen]
address = "127.0.0.1"
port = 0
certificate = "relay.crt"
key = "relay.key"

[operator]
port = 0

[deadlines]
drain_notice = 0

[tenants.praktijk-voorbeeld]
environment = "test"
trust = "authorities.pem"
routes = [{{ name = "cov", prefix = "/tst/cov", upstream = "https://localhost:{gate_port}", repeatable = true }}]
certificate = {{ file = "system.p12", password_file = "system.password" }}
egress = {{ source_address = "{egress}" }}

[clients.dynamics]
tenants = ["praktijk-voorbeeld"]
api_keys = [{{ id = "{key_id}", digest = "{digest}" }}]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Both sides, running: where they are, and what a caller and a contact person need."""

    folder: Path
    rehearsal: Rehearsal
    key: str
    relay: str
    relay_metrics: str
    gate_metrics: str
    registry: str

    @property
    def address_url(self) -> str:
        """The registry's resource for the egress address."""
        return f"{self.registry}/v1/certificates/{SYSTEM}/addresses/{EGRESS}"

    @property
    def call_line(self) -> str:
        """The insurance check as a line to paste."""
        return (
            f"curl -i --cacert {shlex.quote(str(self.rehearsal.authorities))} -H 'X-Api-Key: {self.key}' \\\n"
            f"  -H 'Content-Type: text/xml; charset=utf-8' -H 'SOAPAction: \"{ACTION}\"' \\\n"
            f"  --data-binary @{shlex.quote(str(self.folder / 'question.xml'))} {self.relay}{PATH}"
        )

    def register_line(self, method: str) -> str:
        """Registering (PUT) or removing (DELETE) the address as a line to paste."""
        person = self.rehearsal.contact_person
        return (
            f"curl -i -X {method} --cacert {shlex.quote(str(self.rehearsal.authorities))} --cert-type P12 \\\n"
            f'  --cert {shlex.quote(str(person))}:"$(cat {shlex.quote(str(person.with_suffix(".password")))})" \\\n'
            f"  {self.address_url}"
        )


@asynccontextmanager
async def set_stage(folder: Path) -> AsyncIterator[Stage]:
    """Make everything in `folder` (new or empty) and run both sides for as long as the block lasts."""
    now = datetime.now(UTC)
    place = Place(address=_LOOPBACK, names=["localhost"], gate_port=0, registry_port=0, operator_port=0)
    rehearsal = new_rehearsal(folder, place, at=now)
    (folder / "question.xml").write_bytes(question(now.date()))
    reference_settings = load(ReferenceSettings, rehearsal.settings, prefix=None)
    with (folder / "reference.log").open("wb", buffering=0) as gate_log, (folder / "relay.log").open("wb", 0) as log:
        async with reference.running(reference.build(reference_settings), gate_log) as gate:
            key = _write_relay_settings(folder, gate.gate.port, now)
            settings = load(RelaySettings, folder / "relay.toml", prefix=None)
            async with relay.running(relay.build(settings, now), log) as running:
                yield Stage(
                    folder=folder,
                    rehearsal=rehearsal,
                    key=key,
                    relay=f"https://localhost:{running.port}",
                    relay_metrics=f"http://127.0.0.1:{running.operator.port}/metrics",
                    gate_metrics=f"http://127.0.0.1:{gate.operator.port}/metrics",
                    registry=f"https://localhost:{gate.registry.port}",
                )


def _write_relay_settings(folder: Path, gate_port: int, now: datetime) -> str:
    """Write `relay.toml` and the relay's own server certificate; return the key of its one client."""
    issued = Authority.load(folder / "authority").issue_server(["localhost"], [_LOOPBACK], at=now)
    (folder / "relay.crt").write_bytes(issued.chain_pem())
    key_file = folder / "relay.key"
    key_file.touch(mode=0o600)
    key_file.write_bytes(issued.key_pem())
    key = new_key()
    text = _RELAY_SETTINGS.format(gate_port=gate_port, egress=EGRESS, key_id=key.id, digest=key.digest)
    (folder / "relay.toml").write_text(text, encoding="utf-8")
    return key.text
