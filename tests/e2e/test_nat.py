"""Behind a NAT gateway, with one process and with two workers: an egress that is not what it should be is not used."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.hosts import private_network, why_not_here
from tests.e2e.nat import ELSEWHERE, PUBLIC
from tests.kit.may_skip import needed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
Seen = dict[str, Any]


@pytest.fixture(scope="module", params=["1", "2"], ids=["alone", "two workers"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    reason = why_not_here()
    needed("network namespaces", found=reason is None, remedy=reason or "")
    tried = subprocess.run([*private_network(), "sh", "-c", "command -v nft"], capture_output=True)
    needed("nft", found=tried.returncode == 0, remedy="install nftables")
    folder = tmp_path_factory.mktemp("nat")
    command = [*private_network(), sys.executable, "-m", "tests.e2e.nat", str(folder), request.param]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=110)
    assert done.returncode == 0, done.stderr
    told: Seen = json.loads(done.stdout)
    return told


def outcome(told: Seen) -> tuple[int, str]:
    """The status, and the relay's own code for it, if it is the relay's."""
    status: int = told["status"]
    code = told["fields"]["Proxy-Status"].partition('details="')[2].rstrip('"')
    return status, code


def test_a_call_refused_for_its_address_goes_out_again_through_the_one_that_is_registered(seen: Seen) -> None:
    again, once = seen["second registered"]
    assert (again["status"], once["status"]) == (200, 403)
    assert (again["fields"]["X-Relay-Refused-Egress"], again["fields"]["X-Relay-Egress"]) == PUBLIC
    assert seen["second registered, arrived"] == [PUBLIC[0], PUBLIC[1], PUBLIC[0]]


def test_calls_leave_from_the_first_egress(seen: Seen) -> None:
    assert outcome(seen["all well"]) == (200, "")


def test_an_address_that_is_taken_from_the_host_is_noticed_within_five_seconds(seen: Seen) -> None:
    assert len(seen["seconds to notice"]) == 2
    assert max(seen["seconds to notice"]) < 5


def test_the_other_address_is_used_by_whoever_has_one(seen: Seen) -> None:
    assert [outcome(told) for told in seen["first gone"]] == [(200, ""), (503, "source_address_missing")]
    assert seen["first gone, ready"] == "ready"


def test_with_no_address_left_nothing_is_sent_and_the_cause_is_told(seen: Seen) -> None:
    assert outcome(seen["both gone"]) == (503, "source_address_missing")
    assert "<sent>false</sent>" in seen["both gone"]["body"]
    assert seen["both gone, arrived"] == []
    assert seen["both gone, ready"].startswith("not ready: no egress is left: 10.9.0.4 is not an address")
    assert len(seen["both gone, metrics"]) == 3
    assert all('state="out"' in row for row in seen["both gone, metrics"])


def test_when_the_addresses_are_back_and_proven_calls_flow(seen: Seen) -> None:
    assert outcome(seen["back"]) == (200, "")
    assert seen["back, ready"] == "ready"


def test_an_egress_that_the_world_sees_as_another_is_not_used(seen: Seen) -> None:
    assert outcome(seen["first differs"]) == (200, "")
    assert outcome(seen["both differ"]) == (503, "egress_out")
    assert f"10.9.0.4 should be seen as {PUBLIC[0]}, and are seen as {ELSEWHERE}" in seen["both differ"]["body"]
    assert ELSEWHERE in seen["both differ, ready"]
    assert seen["differ, arrived"] == [PUBLIC[1]]
    assert outcome(seen["right again"]) == (200, "")


def test_with_the_witness_away_calls_flow(seen: Seen) -> None:
    assert outcome(seen["witness away"]) == (200, "")
    assert seen["witness away, ready"] == "ready"
    assert len(seen["witness away, metrics"]) == 3
    assert all('state="unknown"' in row for row in seen["witness away, metrics"])


def test_who_is_only_warned_is_refused_by_the_gate(seen: Seen) -> None:
    assert seen["warned"]["status"] == 403
    assert seen["warned"]["fields"]["X-Relay-Cause"] == "address_or_blocked"
    assert seen["warned, arrived"] == [ELSEWHERE]
    assert seen["warned, ready"] == "ready"
    assert all('state="out"' in row for row in seen["warned, metrics"])


def test_nothing_ever_left_from_an_address_that_is_no_egress(seen: Seen) -> None:
    assert seen["strays"] == 0


def test_the_log_tells_changes_alone_and_from_where_each_call_left(seen: Seen) -> None:
    events = [(line["event"], line["egress"]) for line in seen["log"] if line["event"].startswith("egress_")]
    for each in PUBLIC:
        told = [event.removeprefix("egress_") for event, egress in events if egress == each]
        told = [state for place, state in enumerate(told) if state != "unknown" or place == len(told) - 1]
        assert told == ["proven", "out", "proven", "out", "proven", "unknown"]
    first, second = PUBLIC
    calls = [line for line in seen["log"] if line["event"] == "exchange" and line["tenant"] == "first"]
    assert [(line["status"], line["egress"]) for line in calls] == [
        (200, second), (200, first), (200, second), (503, first), (200, first), (200, second), (503, first),
        (200, first), (200, first),
    ]  # fmt: skip


def test_it_ends_well(seen: Seen) -> None:
    assert seen["exits"] == [0, 0]
