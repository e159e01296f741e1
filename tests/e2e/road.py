"""The road from a cloud to the gate on real addresses; run in a private network, prints what happened as JSON.

cloud (20.50.1.7, 20.61.9.33) ---- office (20.0.0.1 | 145.131.7.10, 145.131.7.11) ---- gate (145.131.7.200)
"""

import json
import re
import sys
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from relay.auth.api_key import NewKey, new_key
from relay.authority.authority import Authority
from relay.soap.question import ACTION, question
from tests.e2e.hosts import Host, cable, end, hosts, wait_for

GATE = "145.131.7.200"
FIRST, SECOND = "145.131.7.10", "145.131.7.11"
NUMBER = "20009999000001"
COV = "https://20.0.0.1:8443/tst/cov/vz801802/v1/soap11"
WHOAMI = "https://20.0.0.1:8443/whoami"

TENANT = """
[tenants.{name}]
environment = "test"
trust = "rehearsal/authorities.pem"
certificate = {{ file = "rehearsal/system.p12", password_file = "rehearsal/system.password" }}
egress = {{ source_address = "{source}" }}
routes = [
  {{ name = "cov", prefix = "/tst/cov", upstream = "https://145.131.7.200:8444", repeatable = true }},
  {{ name = "whoami", prefix = "/whoami", upstream = "https://145.131.7.200:8444" }},
]
"""
SETTINGS = """
listen = {{ address = "20.0.0.1", port = 8443, certificate = "relay.crt", key = "relay.key" }}
deadlines = {{ drain_notice = 0 }}
clients.dynamics = {{ tenants = {tenants}, api_keys = [{{ id = "{id}", digest = "{digest}" }}] }}
"""


class Road:
    def __init__(self, folder: Path, cloud: Host, office: Host, gate: Host) -> None:
        self.folder = folder
        self.cloud, self.office, self.gate = cloud, office, gate
        self.trust = str(folder / "rehearsal" / "authorities.pem")
        self.key = new_key()

    def lay(self) -> None:
        cable(self.cloud, "wan", self.office, "inside")
        cable(self.office, "outside", self.gate, "wan")
        self.cloud.address("wan", "20.50.1.7/8", "20.61.9.33/8")
        self.office.address("inside", "20.0.0.1/8")
        self.office.address("outside", f"{FIRST}/24", f"{SECOND}/24")
        self.gate.address("wan", f"{GATE}/24")

    def open_gate(self) -> Any:
        return self.open_reference("rehearsal", "reference.log", "--address", GATE)

    def open_reference(self, name: str, log_name: str, *options: str) -> Any:
        made = self.gate.relay("reference", "new", str(self.folder / name), *options)
        assert made.returncode == 0, made.stderr
        settings = self.folder / name / "reference.toml"
        # In earnest: only public addresses can be registered.
        settings.write_text(settings.read_text().replace("rehearsal = true", "rehearsal = false"))
        log = self.folder / log_name
        process = self.gate.start("reference", "--config", str(settings), log=log)
        wait_for(log, "ready", process)
        return process

    def open_relay(self) -> Any:
        tenants = TENANT.format(name="first", source=FIRST) + TENANT.format(name="second", source=SECOND)
        write_relay(self.folder, self.key, tenants)
        log = self.folder / "relay.log"
        process = self.office.start("serve", "--config", str(self.folder / "relay.toml"), log=log)
        wait_for(log, "ready", process)
        return process

    def bind_to_a_region(self) -> None:
        """Let the client call from one region of the cloud only, while the relay runs."""
        tag = {"name": "Cloud.West", "properties": {"addressPrefixes": ["20.50.0.0/16", "2603:1020::/48"]}}
        (self.folder / "tags.json").write_text(json.dumps({"values": [tag]}))
        settings = self.folder / "relay.toml"
        bound = settings.read_text().replace("api_keys = ", 'sources = ["azure:Cloud.West"], api_keys = ')
        settings.write_text('sources = { azure_service_tags = "tags.json" }\n' + bound)
        wait_for(self.folder / "relay.log", "clients_taken", self.office.running[-1])

    def call(self, url: str, *more: str, tenant: str, source: str) -> dict[str, Any]:
        fields = [f"X-Api-Key: {self.key.text}", f"X-Relay-Tenant: {tenant}", *more]
        if url == COV:
            fields += ["Content-Type: text/xml; charset=utf-8", f"SOAPAction: {ACTION}"]
        options = ["--trust", self.trust, "--source", source]
        options += [word for field in fields for word in ("--field", field)]
        body = ["--body", str(self.folder / "question.xml")] if url == COV else []
        return self.cloud.visit("POST" if url == COV else "GET", url, *options, *body)

    def doctor(self) -> dict[str, Any]:
        witness = f"https://{GATE}:8444/whoami"
        config = str(self.folder / "relay.toml")
        done = self.office.relay("doctor", "--config", config, "--witness", witness, "--json")
        told: dict[str, Any] = json.loads(done.stdout)
        return told | {"exit": done.returncode}

    def registry(self, method: str, addresses: str) -> dict[str, Any]:
        person = str(self.folder / "rehearsal" / "contact-person.p12")
        url = f"https://{GATE}:8445/v1/certificates/{NUMBER}/addresses/{addresses}"
        return self.gate.visit(method, url, "--trust", self.trust, "--p12", person)


def write_relay(folder: Path, key: NewKey, tenants: str) -> None:
    """Write what a relay needs, with these tenants and what else stands before them, all bound to one client."""
    now = datetime.now(UTC)
    issued = Authority.load(folder / "rehearsal" / "authority").issue_server([], [IPv4Address("20.0.0.1")], at=now)
    (folder / "relay.crt").write_bytes(issued.chain_pem())
    (folder / "relay.key").write_bytes(issued.key_pem())
    (folder / "question.xml").write_bytes(question(now.date()))
    bound = json.dumps(re.findall(r"^\[tenants\.([a-z]+)\]", tenants, re.MULTILINE))
    (folder / "relay.toml").write_text(SETTINGS.format(tenants=bound, id=key.id, digest=key.digest) + tenants)


def walk(folder: Path) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    with hosts("cloud", "office", "gate") as (cloud, office, gate):
        road = Road(folder, cloud, office, gate)
        road.lay()
        reference, relay = road.open_gate(), road.open_relay()
        seen["unregistered"] = road.call(COV, tenant="first", source="20.50.1.7")
        seen["register private"] = road.registry("PUT", "10.1.2.3")
        seen["register"] = road.registry("PUT", FIRST)
        seen["registered"] = road.call(COV, tenant="first", source="20.50.1.7")
        seen["caller moved"] = road.call(COV, tenant="first", source="20.61.9.33")
        seen["other egress"] = road.call(COV, tenant="second", source="20.50.1.7")
        seen["doctor"] = road.doctor()
        seen["register range"] = road.registry("PUT", f"{FIRST}-{SECOND}")
        seen["other egress in range"] = road.call(COV, tenant="second", source="20.50.1.7")
        seen["doctor in range"] = road.doctor()
        seen["whoami first"] = road.call(WHOAMI, tenant="first", source="20.61.9.33")
        seen["whoami second"] = road.call(WHOAMI, tenant="second", source="20.61.9.33")
        road.bind_to_a_region()
        seen["in the region"] = road.call(WHOAMI, tenant="first", source="20.50.1.7")
        seen["elsewhere"] = road.call(WHOAMI, tenant="first", source="20.61.9.33")
        forged = ("X-Forwarded-For: 20.50.1.7", "X-Real-IP: 20.50.1.7")
        seen["elsewhere, forged"] = road.call(WHOAMI, *forged, tenant="first", source="20.61.9.33")
        seen["remove range"] = road.registry("DELETE", f"{FIRST}-{SECOND}")
        seen["remove"] = road.registry("DELETE", FIRST)
        seen["removed"] = road.call(COV, tenant="first", source="20.50.1.7")
        road.office.lose("outside", f"{FIRST}/24")
        seen["doctor without address"] = road.doctor()
        seen["exits"] = [end(relay), end(reference)]
        seen["log"] = [json.loads(line) for line in (folder / "relay.log").read_text().splitlines()]
    return seen


if __name__ == "__main__":
    print(json.dumps(walk(Path(sys.argv[1]))))
