"""Two egress addresses behind NAT, each with its guard: run in a private network, prints what happened as JSON.

An address is removed in the registry while callers call, and registered again; both are taken from the host; another is
registered; the gateway shows others; the witness goes.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.e2e.hosts import end, hosts, wait_for
from tests.e2e.nat import AGAIN, ELSEWHERE, LOCAL, PROBED, PUBLIC, SINGLE, Log, Nat

Seen = dict[str, Any]
_OUT, _PROVEN, _UNKNOWN = (
    [(event, each) for each in PUBLIC] for event in ("egress_out", "egress_proven", "egress_unknown")
)


def registry_removes_it(road: Nat, seen: Seen) -> None:
    """The address is removed in the registry while callers call, and registered again."""
    road.registry("PUT", PUBLIC[0])
    seen["registered"] = [road.cov(tenant) for tenant in (AGAIN, SINGLE, PROBED)]
    callers = road.start_callers(SINGLE, PROBED)
    time.sleep(2)
    before = len(road.passages())
    road.registry("DELETE", PUBLIC[0])
    time.sleep(5)
    # One that is counted may be on its way to the gate, and none arrives that was not counted before.
    seen["probes before"] = road.of_ways("relay_guard_probes_total")
    seen["refused at the gate"] = [
        passage["method"] for passage in road.passages()[before:] if passage["verdict"] == "refused"
    ]
    seen["probes after"] = road.of_ways("relay_guard_probes_total")
    seen["holds"] = road.of_ways("relay_guard_holds_total")
    seen["held"] = road.of_ways("relay_calls_held_total", "tenant")
    seen["state"] = [labels for labels, value in road.scrape("relay_guard_state").items() if value]
    config = str(road.folder / "relay.toml")
    seen["shown"] = json.loads(road.office.relay("guard", "show", "--json", "--config", config).stdout)
    road.registry("PUT", PUBLIC[0])
    seen["registered at"] = time.time()
    before_it_flowed = road.of_ways("relay_guard_probes_total")
    time.sleep(3.5)
    flowed = road.of_ways("relay_guard_probes_total")
    seen["probes until it flowed"] = {way: flowed[way] - count for way, count in before_it_flowed.items()}
    seen["own probes"] = road.scrape("relay_probes_total")
    seen["callers"] = road.enough(callers)


def host_loses_them(road: Nat, log: Log, seen: Seen) -> None:
    """Both addresses are taken from the host, one after the other; meanwhile the second is registered."""
    road.here("del", LOCAL[0])
    seen["seconds to notice"] = [log.await_next(_OUT[0])]
    seen["first gone, second unregistered"] = road.cov(PROBED)
    road.registry("PUT", PUBLIC[1])
    seen["second registered"] = road.cov(PROBED)
    seen["second registered, arrived"] = road.arrived()[-2:]
    seen["first gone"] = [road.cov(), road.cov(SINGLE)]
    seen["first gone, ready"] = road.ready()
    road.here("del", LOCAL[1])
    seen["seconds to notice"].append(log.await_next(_OUT[1]))
    before = len(road.arrived())
    seen["both gone"] = road.cov()
    seen["both gone, ready"], seen["both gone, states"] = road.ready(), _states(road)
    seen["both gone, arrived"] = road.arrived()[before:]
    for address in LOCAL:
        road.here("add", address)
    _await_proof(road, log)
    seen["back"], seen["back, ready"] = road.cov(), road.ready()


def call_goes_out_again(road: Nat, seen: Seen) -> None:
    """The first address is removed in the registry, and a call goes out again from the second."""
    road.registry("DELETE", PUBLIC[0])
    _await_states(road)
    before = len(road.arrived())
    seen["first removed"] = [road.cov(), road.cov(SINGLE)]
    seen["first removed, arrived"] = road.arrived()[before:]
    road.registry("PUT", PUBLIC[0])


def gateway_shows_others(road: Nat, log: Log, seen: Seen) -> None:
    """The NAT gateway shows other addresses than those configured."""
    before = len(road.arrived())
    road.translate({LOCAL[0]: ELSEWHERE, LOCAL[1]: PUBLIC[1]})
    log.await_next(_OUT[0])
    seen["first differs"] = road.cov()
    road.translate(dict.fromkeys(LOCAL, ELSEWHERE))
    log.await_next(_OUT[1])
    seen["both differ"], seen["both differ, ready"] = road.cov(), road.ready()
    seen["differ, arrived"] = road.arrived()[before:]
    road.translate(dict(zip(LOCAL, PUBLIC, strict=True)))
    _await_proof(road, log)
    seen["right again"] = road.cov()


def relay_only_warns(road: Nat, seen: Seen) -> None:
    """Another relay, which is told to send all the same."""
    config = str(road.folder / "witness" / "reference.toml")
    witness = road.gate.start("reference", "--config", config, log=road.folder / "again.log")
    wait_for(road.folder / "again.log", "ready", witness)
    road.translate(dict.fromkeys(LOCAL, ELSEWHERE))
    relay = road.serve("warned.log", "warn")
    seen["warned"], seen["warned, ready"], seen["warned, states"] = road.cov(SINGLE), road.ready(), _states(road)
    seen["warned, arrived"] = road.arrived()[-1:]
    seen["exits"].append(end(relay))


def _await_proof(road: Nat, log: Log) -> None:
    """Wait until each way goes by both addresses: they are asked for one after the other, and workers are told."""
    log.await_next(*_PROVEN)
    _await_states(road)


def _await_states(road: Nat) -> None:
    """Wait until both are proven: on a busy machine a witness may not be heard in time, and then one is not."""
    give_up = time.monotonic() + 30
    while not all('state="proven"' in labels for labels in _states(road)):
        assert time.monotonic() < give_up, _states(road)
    time.sleep(0.2)


def _states(road: Nat) -> list[str]:
    return [labels for labels, value in road.scrape("relay_egress_state").items() if value]


def walk(folder: Path, workers: str) -> Seen:
    seen: Seen = {}
    with hosts("cloud", "office", "router", "gate") as (cloud, office, router, gate):
        road = Nat(folder, cloud, office, router, gate, workers)
        road.lay()
        road.open_gate()
        witness = road.open_witness()
        relay, log = road.serve("relay.log", "refuse"), Log(folder / "relay.log")
        _await_proof(road, log)
        registry_removes_it(road, seen)
        host_loses_them(road, log, seen)
        call_goes_out_again(road, seen)
        gateway_shows_others(road, log, seen)
        end(witness)
        log.await_next(*_UNKNOWN)
        seen["witness away"] = road.cov()
        seen["witness away, ready"], seen["witness away, states"] = road.ready(), _states(road)
        seen["exits"] = [end(relay)]
        relay_only_warns(road, seen)
        seen["strays"] = road.strays()
        seen["log"] = [json.loads(line) for line in (folder / "relay.log").read_text().splitlines()]
    return seen


if __name__ == "__main__":
    print(json.dumps(walk(Path(sys.argv[1]), sys.argv[2])))
