"""The guard on real addresses, with two workers: run in a private network, prints what happened as JSON.

As in `road`, with callers that call all the time while the address is removed and registered again.
"""

import asyncio
import json
import ssl
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from relay.soap.question import ACTION
from tests.e2e.hosts import Host, end, hosts
from tests.e2e.road import COV, FIRST, Road
from tests.kit.line import Answer, CutOff, line, request

CALLERS = 8
_PATH = "/tst/cov/vz801802/v1/soap11"
_GUARD = "guard = { after = 3, first_pause = 0.5, longest_pause = 2 }\nworkers = 2\n"


async def call_all_the_time(folder: Path, key: str) -> dict[str, Any]:
    """Call over lines of their own until a file says that it is enough; tell each answer by its kind and time."""
    context = ssl.create_default_context(cafile=str(folder / "rehearsal" / "authorities.pem"))
    body = (folder / "question.xml").read_bytes()
    octets = request(
        "POST",
        _PATH,
        ("X-Api-Key", key),
        ("X-Relay-Tenant", "first"),
        ("Content-Type", "text/xml; charset=utf-8"),
        ("SOAPAction", ACTION),
        body=body,
        host="20.0.0.1:8443",
    )
    answers: list[tuple[float, str]] = []
    enough = folder / "enough"

    async def caller() -> None:
        while not enough.exists():
            with suppress(CutOff, OSError):
                async with line(8443, context, host="20.0.0.1", name="20.0.0.1") as own:
                    while not enough.exists():
                        answer = await (await own.send(octets)).answer()
                        answers.append((time.time(), _kind(answer)))
                        if answer.status == 503:
                            await asyncio.sleep(0.05)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    answers.sort()
    return {"answers": answers}


def _kind(answer: Answer) -> str:
    return f"{answer.status} {answer.field('x-relay-cause') or ''}".strip()


class Guarded(Road):
    def scrape(self, host: Host, port: int, name: str) -> dict[str, float]:
        """The samples of a metric, by their labels."""
        code = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{port}/metrics').read().decode())"
        page = subprocess.run(host.inside("-c", code), capture_output=True, text=True, check=True).stdout
        rows = [row.rpartition(" ") for row in page.splitlines() if row.startswith(name + "{")]
        return {labels: float(value) for labels, _, value in rows}

    def refused(self) -> float:
        """How many calls the gate has refused."""
        told = self.scrape(self.gate, 9091, "gate_calls_total")
        return sum(value for labels, value in told.items() if 'verdict="refused"' in labels)

    def guard(self, name: str) -> float:
        told = self.scrape(self.office, 9090, name)
        return sum(value for labels, value in told.items() if f'egress="{FIRST}"' in labels)


def walk(folder: Path) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    with hosts("cloud", "office", "gate") as (cloud, office, gate):
        road = Guarded(folder, cloud, office, gate)
        road.lay()
        reference = road.open_gate()
        relay = road.open_relay(_GUARD)
        road.registry("PUT", FIRST)
        seen["registered"] = road.call(COV, tenant="first", source="20.50.1.7")
        callers = subprocess.Popen(
            cloud.inside("-m", "tests.e2e.guarded", "callers", str(folder), road.key.text), stdout=subprocess.PIPE
        )
        cloud.running.append(callers)
        time.sleep(2)
        seen["removed at"] = time.time()
        road.registry("DELETE", FIRST)
        time.sleep(5)
        # Counts of probes before, of refusals after: a probe in between is no call too many.
        seen["refused"] = road.refused()
        seen["probes"] = road.guard("relay_guard_probes_total")
        seen["holds"] = road.guard("relay_guard_holds_total")
        seen["other guard"] = road.call(COV, tenant="second", source="20.50.1.7")
        seen["state"] = road.scrape(road.office, 9090, "relay_guard_state")
        seen["shown"] = json.loads(
            office.relay("guard", "show", "--json", "--config", str(folder / "relay.toml")).stdout
        )
        seen["registered at"] = time.time()
        road.registry("PUT", FIRST)
        before = road.guard("relay_guard_probes_total")
        time.sleep(3.5)
        seen["probes until it flowed"] = road.guard("relay_guard_probes_total") - before
        (folder / "enough").touch()
        seen["callers"] = json.loads(callers.communicate(timeout=20)[0])
        seen["exits"] = [end(relay), end(reference)]
        seen["log"] = [json.loads(row) for row in (folder / "relay.log").read_text().splitlines()]
    seen["counts"] = Counter(kind for _, kind in seen["callers"]["answers"])
    return seen


if __name__ == "__main__":
    if sys.argv[1] == "callers":
        print(json.dumps(asyncio.run(call_all_the_time(Path(sys.argv[2]), sys.argv[3]))))
    else:
        print(json.dumps(walk(Path(sys.argv[1]))))
