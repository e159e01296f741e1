"""Faults of the network, planted one after another; run in a private network, prints what the doctor told as JSON.

The hosts are those of `nat.py`: office (10.9.0.4) ---- router (10.9.0.1 | 145.131.7.10) ---- gate, and a witness there.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.e2e.hosts import hosts
from tests.e2e.nat import ELSEWHERE, LOCAL, PUBLIC, WITNESS, Nat
from tests.e2e.road import GATE, write_relay
from tests.kit.walked import doctor

FIREWALL = "ip firewall forward"
SETTINGS = """
[egress_proof]
witnesses = [{ url = "https://145.131.7.201:8444/whoami", trust = "witness/authorities.pem", gate = true }]

[tenants.first]
environment = "test"
trust = "rehearsal/authorities.pem"
certificate = { file = "rehearsal/system.p12", password_file = "rehearsal/system.password" }
egress = { source_address = "10.9.0.4", public_address = "145.131.7.10" }
routes = [{ name = "cov", prefix = "/tst/cov", upstream = "https://145.131.7.200:8444", repeatable = true }]
card = { organisation = "Praktijk De Linde", contacts = [{ name = "Anna Voorbeeld" }] }
"""


class Planted(Nat):
    """The road with a firewall on the router, and name servers that never answer."""

    def walked(self) -> dict[str, Any]:
        return asdict(asyncio.run(doctor(self.folder, inside=self.office.inside())))

    def firewall(self, *rules: str) -> None:
        """Have the router's firewall treat what goes to the gate by these rules, and the answers by none."""
        added = [f"add rule {FIREWALL} ip daddr {GATE} {rule}" for rule in rules]
        table = "add table ip firewall; add chain ip firewall forward { type filter hook forward priority 0; }"
        self.router.run("nft", "; ".join([table, f"flush chain {FIREWALL}", *added]))

    def settings(self, change: Callable[[str], str] = lambda text: text) -> None:
        write_relay(self.folder, self.key, change(SETTINGS))
        written = self.folder / "relay.toml"
        written.write_text(written.read_text().replace("drain_notice = 0", "connect = 2, tls = 2"))

    def silence_name_servers(self) -> None:
        """Have names looked up where nobody answers; the file is another in our own mounts only."""
        (self.folder / "resolv.conf").write_text(f"nameserver {ELSEWHERE}\nnameserver {ELSEWHERE}\n")
        self.firewall()
        self.router.run("nft", "add rule ip firewall forward udp dport 53 drop")
        self.router.run("nft", "add chain ip firewall input { type filter hook input priority 0; }")
        self.router.run("nft", "add rule ip firewall input udp dport 53 drop")
        there = str(Path("/etc/resolv.conf").resolve())
        subprocess.run(["mount", "--bind", str(self.folder / "resolv.conf"), there], check=True)


def walk(folder: Path) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    with hosts("cloud", "office", "router", "gate") as (cloud, office, router, gate):
        road = Planted(folder, cloud, office, router, gate, "1")
        road.lay()
        road.open_gate()
        road.open_witness()
        road.registry("PUT", PUBLIC[0])
        road.settings()
        seen["none"] = road.walked()
        road.translate({LOCAL[0]: ELSEWHERE})
        seen["another address behind NAT"] = road.walked()
        road.translate({LOCAL[0]: PUBLIC[0]})
        road.firewall("drop")
        seen["a firewall that drops"] = road.walked()
        road.firewall("reject with icmp type admin-prohibited")
        seen["a firewall that forbids"] = road.walked()
        road.firewall("meta length gt 200 drop")
        seen["large packets lost"] = road.walked()
        road.firewall()
        office.run("ip", "route", "del", "default")
        office.run("ip", "route", "add", WITNESS, "via", "10.9.0.1")
        seen["no route"] = road.walked()
        office.run("ip", "route", "add", "default", "via", "10.9.0.1")
        road.settings(lambda text: text.replace("https://145.131.7.200:8444", "https://api.zorg.example"))
        road.silence_name_servers()
        seen["name servers that are silent"] = road.walked()
    return seen


if __name__ == "__main__":
    print(json.dumps(walk(Path(sys.argv[1]))))
