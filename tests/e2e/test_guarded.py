"""With two workers and the reference gate: the account is spared, and calls flow as soon as they may."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.guarded import CALLERS
from tests.e2e.hosts import private_network, why_not_here
from tests.kit.may_skip import needed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
Seen = dict[str, Any]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    reason = why_not_here()
    needed("network namespaces", found=reason is None, remedy=reason or "")
    folder = tmp_path_factory.mktemp("guarded")
    command = [*private_network(), sys.executable, "-m", "tests.e2e.guarded", str(folder)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=110)
    assert done.returncode == 0, done.stderr
    told: Seen = json.loads(done.stdout)
    return told


def _events(seen: Seen, name: str) -> list[dict[str, Any]]:
    return [row for row in seen["log"] if row["event"] == name]


def test_callers_get_the_cause_named(seen: Seen) -> None:
    counts: Counter[str] = Counter(seen["counts"])
    assert set(counts) == {"200", "403 address_or_blocked", "503 address_or_blocked"}
    assert counts["503 address_or_blocked"] > 50


def test_the_gate_refused_three_calls_those_in_flight_at_the_third_and_the_probes(seen: Seen) -> None:
    assert seen["holds"] == 1
    assert seen["probes"] >= 2
    assert 3 + seen["probes"] <= seen["refused"] <= 3 + CALLERS - 1 + seen["probes"]


def test_metric_and_verb_tell_that_it_holds_and_the_other_address_is_not_concerned(seen: Seen) -> None:
    state = {labels: value for labels, value in seen["state"].items() if value}
    assert len(state) == 2
    [first] = [labels for labels in state if '"first"' in labels]
    [second] = [labels for labels in state if '"second"' in labels]
    assert 'state="passing"' not in first
    assert 'state="passing"' in second
    # It was refused too, once, and one refusal holds nobody.
    assert seen["other guard"]["status"] == 403
    shown = {guard["way"]: guard for guard in seen["shown"]["guards"]}
    assert seen["shown"]["running"]
    assert shown["first"]["state"] in ("holding", "probing")
    assert shown["first"]["last_good"]
    assert shown["second"]["state"] == "passing"


def test_registered_again_calls_flow_within_one_probe(seen: Seen) -> None:
    assert seen["probes until it flowed"] <= 1
    after = [(at, kind) for at, kind in seen["callers"]["answers"] if at > seen["registered at"] + 3]
    assert after
    assert {kind for _, kind in after} == {"200"}


def test_the_log_tells_each_change_of_state_once(seen: Seen) -> None:
    changes = [
        (row["event"], row["timestamp"])
        for row in seen["log"]
        if row["event"] in ("guard_holding", "guard_probing", "guard_passing") and row["way"] == "first"
    ]
    events = [event for event, _ in sorted(changes, key=lambda change: change[1])]
    probes = events.count("guard_probing")
    assert events == ["guard_holding", "guard_probing"] * probes + ["guard_passing"]


def test_no_call_held_was_sent_and_every_line_says_so(seen: Seen) -> None:
    held = [row for row in _events(seen, "exchange") if row["status"] == 503]
    assert held
    assert {(row["sent"], row["cause"], row["upstream_status"]) for row in held} == {("false", "calls_held", 0)}


def test_both_sides_end_with_0(seen: Seen) -> None:
    assert seen["exits"] == [0, 0]
