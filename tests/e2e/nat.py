"""Two egress addresses behind a NAT gateway; run in a private network, prints what happened as JSON.

cloud (20.50.1.7) ---- office (20.0.0.1 | 10.9.0.4, 10.9.0.5) ---- router (10.9.0.1 | 145.131.7.10 to .12) ---- gate

The office has 10.9.0.2 besides, from which nothing should ever leave. The gate is 145.131.7.200; 145.131.7.201 is a
second gate, which stands by as the witness alone.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.e2e.hosts import Host, cable, end, hosts, wait_for
from tests.e2e.road import COV, GATE, Road, write_relay

WITNESS = "145.131.7.201"
LOCAL = ("10.9.0.4", "10.9.0.5")
PUBLIC = ("145.131.7.10", "145.131.7.11")
ELSEWHERE = "145.131.7.12"

SETTINGS = """
operator = {{ port = 9090 }}
[egress_proof]
every = 1
on_difference = "{on_difference}"
witnesses = [{{ url = "https://145.131.7.201:8444/whoami", trust = "witness/authorities.pem", gate = true }}]

[tenants.first]
environment = "test"
trust = "rehearsal/authorities.pem"
certificate = {{ file = "rehearsal/system.p12", password_file = "rehearsal/system.password" }}
other_egress = true
egress = [
  {{ source_address = "10.9.0.4", public_address = "145.131.7.10" }},
  {{ source_address = "10.9.0.5", public_address = "145.131.7.11" }},
]
routes = [{{ name = "cov", prefix = "/tst/cov", upstream = "https://145.131.7.200:8444", repeatable = true }}]

[tenants.second]
environment = "test"
trust = "rehearsal/authorities.pem"
certificate = {{ file = "rehearsal/system.p12", password_file = "rehearsal/system.password" }}
egress = {{ source_address = "10.9.0.4", public_address = "145.131.7.10" }}
routes = [{{ name = "cov", prefix = "/tst/cov", upstream = "https://145.131.7.200:8444", repeatable = true }}]
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

    def serve(self, log: str, on_difference: str) -> Any:
        write_relay(self.folder, self.key, SETTINGS.format(on_difference=on_difference))
        arguments = ["serve", "--workers", self.workers, "--config", str(self.folder / "relay.toml")]
        process = self.office.start(*arguments, log=self.folder / log)
        wait_for(self.folder / log, "ready", process)
        return process

    def cov(self, tenant: str = "first") -> dict[str, Any]:
        return self.call(COV, tenant=tenant, source="20.50.1.7")

    def arrived(self) -> list[str]:
        """The addresses from which calls came to the gate, as it saw them."""
        lines = [json.loads(line) for line in (self.folder / "reference.log").read_text().splitlines()]
        return [line["address"] for line in lines if "service" in line]

    def ready(self) -> str:
        told = self.office.relay("health", "--ready", "--config", str(self.folder / "relay.toml"))
        return told.stdout.strip()

    def metrics(self) -> list[str]:
        page = self.office.run(
            sys.executable,
            "-c",
            "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9090/metrics').read().decode())",
        )
        return [row for row in page.splitlines() if row.startswith("relay_egress_state") and row.endswith(" 1.0")]


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


def walk(folder: Path, workers: str) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    with hosts("cloud", "office", "router", "gate") as (cloud, office, router, gate):
        road = Nat(folder, cloud, office, router, gate, workers)
        road.lay()
        road.open_gate()
        standing_by = ["--address", WITNESS, "--operator-port", "9092"]
        witness = road.open_reference("witness", "witness.log", *standing_by)
        road.registry("PUT", PUBLIC[1])
        relay = road.serve("relay.log", "refuse")
        log = Log(folder / "relay.log")
        out, proven, unknown = (
            [(event, each) for each in PUBLIC] for event in ("egress_out", "egress_proven", "egress_unknown")
        )
        log.await_next(*proven)
        seen["second registered"] = [road.cov(), road.cov("second")]
        seen["second registered, arrived"] = road.arrived()
        road.registry("PUT", PUBLIC[0])
        seen["all well"] = road.cov()

        road.here("del", LOCAL[0])
        seen["seconds to notice"] = [log.await_next(out[0])]
        seen["first gone"] = [road.cov(), road.cov("second")]
        seen["first gone, ready"] = road.ready()
        road.here("del", LOCAL[1])
        seen["seconds to notice"].append(log.await_next(out[1]))
        before = road.arrived()
        seen["both gone"] = road.cov()
        seen["both gone, ready"], seen["both gone, metrics"] = road.ready(), road.metrics()
        seen["both gone, arrived"] = road.arrived()[len(before) :]
        for address in LOCAL:
            road.here("add", address)
        log.await_next(*proven)
        seen["back"], seen["back, ready"] = road.cov(), road.ready()

        before = road.arrived()
        road.translate({LOCAL[0]: ELSEWHERE, LOCAL[1]: PUBLIC[1]})
        log.await_next(out[0])
        seen["first differs"] = road.cov()
        road.translate(dict.fromkeys(LOCAL, ELSEWHERE))
        log.await_next(out[1])
        seen["both differ"], seen["both differ, ready"] = road.cov(), road.ready()
        seen["differ, arrived"] = road.arrived()[len(before) :]
        road.translate(dict(zip(LOCAL, PUBLIC, strict=True)))
        log.await_next(*proven)
        seen["right again"] = road.cov()

        end(witness)
        log.await_next(*unknown)
        seen["witness away"] = road.cov()
        seen["witness away, ready"], seen["witness away, metrics"] = road.ready(), road.metrics()
        seen["exits"] = [end(relay)]
        witness = gate.start(
            "reference", "--config", str(folder / "witness" / "reference.toml"), log=folder / "again.log"
        )
        wait_for(folder / "again.log", "ready", witness)

        road.translate(dict.fromkeys(LOCAL, ELSEWHERE))
        relay = road.serve("warned.log", "warn")
        seen["warned"], seen["warned, ready"], seen["warned, metrics"] = road.cov(), road.ready(), road.metrics()
        seen["warned, arrived"] = road.arrived()[-1:]
        seen["exits"].append(end(relay))
        seen["strays"] = road.strays()
        seen["log"] = [json.loads(line) for line in (folder / "relay.log").read_text().splitlines()]
    return seen


if __name__ == "__main__":
    print(json.dumps(walk(Path(sys.argv[1]), sys.argv[2])))
