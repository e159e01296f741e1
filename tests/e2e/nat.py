"""The road with a NAT gateway in it, and two egress addresses behind that; to be laid in a private network.

cloud (20.50.1.7) ---- office (20.0.0.1 | 10.9.0.4, 10.9.0.5) ---- router (10.9.0.1 | 145.131.7.10 to .12) ---- gate

The office has 10.9.0.2 besides, from which nothing should ever leave. The gate is 145.131.7.200; 145.131.7.201 is a
second gate, which stands by as the witness alone.
"""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.e2e.hosts import Host, cable, wait_for
from tests.e2e.road import COV, GATE, Road, write_relay

WITNESS = "145.131.7.201"
LOCAL = ("10.9.0.4", "10.9.0.5")
PUBLIC = ("145.131.7.10", "145.131.7.11")
ELSEWHERE = "145.131.7.12"
# The tenants: one whose calls may go out again, one with a single egress, one with a probe of the relay's own.
AGAIN, SINGLE, PROBED = "again", "single", "probed"

_BOTH = """[
  { source_address = "10.9.0.4", public_address = "145.131.7.10" },
  { source_address = "10.9.0.5", public_address = "145.131.7.11" },
]"""
_ONE = '{ source_address = "10.9.0.4", public_address = "145.131.7.10" }'
# Behind the checkpoint, as all calls: what the gate refuses of it counts.
_PROBE = 'certificate.probe = { get = "/tst/cov/vz801802/v1/soap11?wsdl" }'

_SETTINGS = """
operator = {{ port = 9090 }}
guard = {{ after = 3, first_pause = 0.5, longest_pause = 2 }}
[egress_proof]
every = 1
on_difference = "{on_difference}"
witnesses = [{{ url = "https://145.131.7.201:8444/whoami", trust = "witness/authorities.pem", gate = true }}]
"""
_TENANT = """
[tenants.{name}]
environment = "test"
trust = "rehearsal/authorities.pem"
certificate.file = "rehearsal/system.p12"
certificate.password_file = "rehearsal/system.password"
egress = {egress}
routes = [{{ name = "cov", prefix = "/tst/cov", upstream = "https://145.131.7.200:8444", repeatable = true }}]
{more}
"""


class Nat(Road):
    """The road with a NAT gateway in it, and a relay with so many workers."""

    def __init__(self, folder: Path, cloud: Host, office: Host, router: Host, gate: Host, workers: str) -> None:
        super().__init__(folder, cloud, office, gate)
        self.router = router
        self.workers = workers

    def lay(self) -> None:
        cable(self.cloud, "wan", self.office, "inside")
        cable(self.office, "outside", self.router, "inside")
        cable(self.router, "outside", self.gate, "wan")
        self.cloud.address("wan", "20.50.1.7/8")
        self.office.address("inside", "20.0.0.1/8")
        self.office.address("outside", "10.9.0.2/24", *(f"{address}/32" for address in LOCAL))
        self.router.address("inside", "10.9.0.1/24")
        self.router.address("outside", *(f"{address}/24" for address in (*PUBLIC, ELSEWHERE)))
        self.gate.address("wan", f"{GATE}/24", f"{WITNESS}/24")
        self.office.run("ip", "route", "add", "default", "via", "10.9.0.1")
        self.router.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        self.router.run("nft", "add table ip way; add chain ip way out { type nat hook postrouting priority 100; }")
        # A chain of its own: one for NAT sees the first packet of each connection only.
        self.router.run("nft", "add chain ip way count { type filter hook forward priority 0; }")
        self.router.run("nft", "add rule ip way count ip saddr 10.9.0.2 counter")
        self.translate(dict(zip(LOCAL, PUBLIC, strict=True)))

    def translate(self, addresses: dict[str, str]) -> None:
        """Have the gateway show these local addresses as these public ones, to connections that begin from now on."""
        rules = [f"add rule ip way out ip saddr {local} snat to {public}" for local, public in addresses.items()]
        self.router.run("nft", "; ".join(["flush chain ip way out", *rules]))

    def strays(self) -> int:
        """How many packets left the office from the address that is no egress."""
        told = json.loads(self.router.run("nft", "-j", "list chain ip way count"))
        [packets] = [
            part["counter"]["packets"]
            for row in told["nftables"]
            for part in row.get("rule", {}).get("expr", [])
            if "counter" in part
        ]
        return int(packets)

    def here(self, change: str, address: str) -> None:
        self.office.run("ip", "address", change, f"{address}/32", "dev", "outside")

    def open_witness(self) -> Any:
        return self.open_reference("witness", "witness.log", "--address", WITNESS, "--operator-port", "9092")

    def serve(self, log: str, on_difference: str) -> Any:
        tenants = (
            _TENANT.format(name=AGAIN, egress=_BOTH, more="other_egress = true"),
            _TENANT.format(name=SINGLE, egress=_ONE, more=""),
            _TENANT.format(name=PROBED, egress=_BOTH, more=_PROBE),
        )
        write_relay(self.folder, self.key, _SETTINGS.format(on_difference=on_difference) + "".join(tenants))
        arguments = ["serve", "--workers", self.workers, "--config", str(self.folder / "relay.toml")]
        process = self.office.start(*arguments, log=self.folder / log)
        wait_for(self.folder / log, "ready", process)
        return process

    def cov(self, tenant: str = AGAIN) -> dict[str, Any]:
        return self.call(COV, tenant=tenant, source="20.50.1.7")

    def start_callers(self, *tenants: str) -> subprocess.Popen[bytes]:
        """Have callers call all the time, until `enough`."""
        command = self.cloud.inside("-m", "tests.e2e.callers", str(self.folder), self.key.text, *tenants)
        callers = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.cloud.running.append(callers)
        return callers

    def enough(self, callers: subprocess.Popen[bytes]) -> dict[str, list[tuple[float, str]]]:
        """Have callers stop; return their answers."""
        (self.folder / "enough").touch()
        answers: dict[str, list[tuple[float, str]]] = json.loads(callers.communicate(timeout=60)[0])
        return answers

    def passages(self) -> list[dict[str, Any]]:
        """What came to the gate, as it noted it."""
        lines = [json.loads(line) for line in (self.folder / "reference.log").read_text().splitlines()]
        return [line for line in lines if "service" in line]

    def arrived(self) -> list[str]:
        """The addresses from which calls came to the gate, as it saw them."""
        return [passage["address"] for passage in self.passages()]

    def ready(self) -> str:
        told = self.office.relay("health", "--ready", "--config", str(self.folder / "relay.toml"))
        return told.stdout.strip()

    def scrape(self, name: str) -> dict[str, float]:
        """The samples of a metric, by their labels."""
        code = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9090/metrics').read().decode())"
        page = subprocess.run(self.office.inside("-c", code), capture_output=True, text=True, check=True).stdout
        rows = [row.rpartition(" ") for row in page.splitlines() if row.startswith(name + "{")]
        return {labels: float(value) for labels, _, value in rows}

    def of_ways(self, name: str, label: str = "way") -> dict[str, float]:
        """A metric of the first egress, or of all, for each way out."""
        samples = self.scrape(name).items()
        return {
            way: sum(value for labels, value in samples if f'{label}="{way}"' in labels and PUBLIC[1] not in labels)
            for way in (AGAIN, SINGLE, PROBED)
        }


class Log:
    """What a relay wrote of its egresses, read on as it comes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read = 0

    def egresses(self) -> list[tuple[str, str]]:
        lines = [json.loads(line) for line in self.path.read_text().splitlines() if line.endswith("}")]
        return [(line["event"], line["egress"]) for line in lines if line["event"].startswith("egress_")]

    def await_next(self, *expected: tuple[str, str]) -> float:
        """Wait until these came, in any order; return the seconds that it took."""
        began = time.monotonic()
        while set(expected) - set(self.egresses()[self.read :]):
            assert time.monotonic() < began + 30, f"{expected} did not come: {self.path.read_text()}"
            time.sleep(0.05)
        self.read = len(self.egresses())
        return time.monotonic() - began
