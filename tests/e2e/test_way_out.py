"""Behind NAT, against the reference gate: the account is spared, and no call leaves but from a registered address."""

import shutil
from typing import Any

import pytest

from tests.e2e.callers import CALLERS
from tests.e2e.hosts import played
from tests.e2e.nat import AGAIN, ELSEWHERE, PROBED, PUBLIC, SINGLE
from tests.kit.may_skip import needed

# Alone, for witnesses have a second to be heard in: on a busy machine an egress is unknown, and the story another.
pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(400)]
Seen = dict[str, Any]

# Two ways with two egress addresses, and one with one.
EGRESSES = 5


@pytest.fixture(scope="module", params=["1", "2"], ids=["alone", "two workers"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    needed("nft", found=shutil.which("nft") is not None, remedy="install nftables")
    return played("way_out", str(tmp_path_factory.mktemp("way_out")), request.param)


def outcome(told: Seen) -> tuple[int, str]:
    """The status, and the relay's own code for it, if it is the relay's."""
    status: int = told["status"]
    code = told["fields"]["Proxy-Status"].partition('details="')[2].rstrip('"')
    return status, code


def exchanges(seen: Seen, tenant: str) -> list[Seen]:
    return [line for line in seen["log"] if line["event"] == "exchange" and line["tenant"] == tenant]


# -- removed in the registry, while callers call -----------------------------------------------------------------


@pytest.mark.parametrize("tenant", [SINGLE, PROBED])
def test_callers_get_the_cause_named(seen: Seen, tenant: str) -> None:
    kinds = [kind for _, kind in seen["callers"][tenant]]
    assert set(kinds) == {"200", "403 address_or_blocked", "503 address_or_blocked"}
    assert kinds.count("503 address_or_blocked") > 50
    assert seen["held"][tenant] > 50


def test_the_gate_refused_three_calls_those_in_flight_at_the_third_and_the_probes(seen: Seen) -> None:
    before, after = seen["probes before"], seen["probes after"]
    assert seen["holds"] == {AGAIN: 0, SINGLE: 1, PROBED: 1}
    assert before[SINGLE] >= 2
    assert before[PROBED] >= 2
    refused, probes = seen["refused at the gate"], (before[SINGLE] + before[PROBED], after[SINGLE] + after[PROBED])
    assert 2 * 3 + probes[0] - 2 <= len(refused) <= 2 * (3 + CALLERS - 1) + probes[1]


def test_of_callers_three_calls_those_in_flight_and_where_the_relay_has_no_probe_those_that_try_are_refused(
    seen: Seen,
) -> None:
    tried = [line for line in seen["log"] if line["event"] == "guard_probing" and line["way"] == SINGLE]
    for tenant, most in ((SINGLE, 3 + CALLERS - 1 + len(tried)), (PROBED, 3 + CALLERS - 1)):
        kinds = [kind for _, kind in seen["callers"][tenant]]
        assert 3 <= kinds.count("403 address_or_blocked") <= most


def test_where_the_relay_probes_itself_no_call_of_a_callers_tries(seen: Seen) -> None:
    own = seen["refused at the gate"].count("GET")
    assert seen["probes before"][PROBED] - 1 <= own <= seen["probes after"][PROBED]
    results = {labels: value for labels, value in seen["own probes"].items() if 'purpose="guard"' in labels}
    assert all(f'way="{PROBED}"' in labels for labels in results)
    assert sum(value for labels, value in results.items() if 'result="passed"' in labels) == 1
    assert sum(value for labels, value in results.items() if 'result="refused"' in labels) >= own
    told = [line["result"] for line in seen["log"] if line["event"] == "guard_probed"]
    assert told == ["refused"] * (len(told) - 1) + ["passed"]


def test_metric_and_verb_tell_that_these_hold_and_no_other_is_concerned(seen: Seen) -> None:
    passing = [labels for labels in seen["state"] if 'state="passing"' in labels]
    assert len(seen["state"]) == EGRESSES
    assert len(passing) == EGRESSES - 2
    assert not [labels for labels in passing if PUBLIC[0] in labels and AGAIN not in labels]
    assert seen["shown"]["running"]
    shown = {(guard["way"], guard["egress"]): guard for guard in seen["shown"]["guards"]}
    for tenant in (SINGLE, PROBED):
        assert shown[tenant, PUBLIC[0]]["state"] in ("holding", "probing")
        assert shown[tenant, PUBLIC[0]]["last_good"]
    assert shown[PROBED, PUBLIC[1]]["state"] == shown[AGAIN, PUBLIC[0]]["state"] == "passing"


@pytest.mark.parametrize("tenant", [SINGLE, PROBED])
def test_registered_again_calls_flow_within_one_probe(seen: Seen, tenant: str) -> None:
    assert seen["probes until it flowed"][tenant] <= 1
    after = [kind for at, kind in seen["callers"][tenant] if at > seen["registered at"] + 3]
    assert after
    assert set(after) == {"200"}


@pytest.mark.parametrize("tenant", [SINGLE, PROBED])
def test_the_log_tells_each_change_of_state_once(seen: Seen, tenant: str) -> None:
    names = ("guard_holding", "guard_probing", "guard_passing")
    changes = [line for line in seen["log"] if line["event"] in names and line["way"] == tenant]
    events = [line["event"] for line in sorted(changes, key=lambda line: line["timestamp"])]
    assert events == ["guard_holding", "guard_probing"] * events.count("guard_probing") + ["guard_passing"]


@pytest.mark.parametrize("tenant", [SINGLE, PROBED])
def test_no_call_held_was_sent_and_every_line_says_so(seen: Seen, tenant: str) -> None:
    held = [line for line in exchanges(seen, tenant) if line.get("cause") == "calls_held"]
    assert held
    assert {(line["status"], line["sent"], line["upstream_status"]) for line in held} == {(503, "false", 0)}


# -- taken from the host -----------------------------------------------------------------------------------------


def test_an_address_that_is_taken_from_the_host_is_noticed_within_five_seconds(seen: Seen) -> None:
    assert len(seen["seconds to notice"]) == 2
    assert max(seen["seconds to notice"]) < 5


def test_calls_go_out_through_the_second_address_as_soon_as_it_is_registered(seen: Seen) -> None:
    refused, passed = seen["first gone, second unregistered"], seen["second registered"]
    assert (refused["status"], passed["status"]) == (403, 200)
    assert (refused["fields"]["X-Relay-Cause"], refused["fields"]["X-Relay-Egress"]) == (
        "address_or_blocked",
        PUBLIC[1],
    )
    assert seen["second registered, arrived"] == [PUBLIC[1], PUBLIC[1]]


def test_the_other_address_is_used_by_whoever_has_one(seen: Seen) -> None:
    assert [outcome(told) for told in seen["first gone"]] == [(200, ""), (503, "source_address_missing")]
    assert seen["first gone, ready"] == "ready"


def test_with_no_address_left_nothing_is_sent_and_the_cause_is_told(seen: Seen) -> None:
    assert outcome(seen["both gone"]) == (503, "source_address_missing")
    assert "<sent>false</sent>" in seen["both gone"]["body"]
    assert seen["both gone, arrived"] == []
    assert seen["both gone, ready"].startswith("not ready: no egress is left: 10.9.0.4 is not an address")
    assert len(seen["both gone, states"]) == EGRESSES
    assert all('state="out"' in labels for labels in seen["both gone, states"])


def test_when_the_addresses_are_back_and_proven_calls_flow(seen: Seen) -> None:
    assert outcome(seen["back"]) == (200, "")
    assert seen["back, ready"] == "ready"


# -- refused, and shown as others --------------------------------------------------------------------------------


def test_a_call_refused_for_its_address_goes_out_again_through_the_one_that_is_registered(seen: Seen) -> None:
    again, once = seen["first removed"]
    assert (again["status"], once["status"]) == (200, 403)
    assert (again["fields"]["X-Relay-Refused-Egress"], again["fields"]["X-Relay-Egress"]) == PUBLIC
    assert seen["first removed, arrived"] == [PUBLIC[0], PUBLIC[1], PUBLIC[0]]


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
    assert len(seen["witness away, states"]) == EGRESSES
    assert all('state="unknown"' in labels for labels in seen["witness away, states"])


def test_who_is_only_warned_is_refused_by_the_gate(seen: Seen) -> None:
    assert seen["warned"]["status"] == 403
    assert seen["warned"]["fields"]["X-Relay-Cause"] == "address_or_blocked"
    assert seen["warned, arrived"] == [ELSEWHERE]
    assert seen["warned, ready"] == "ready"
    assert all('state="out"' in labels for labels in seen["warned, states"])


# -- all the while -----------------------------------------------------------------------------------------------


def test_nothing_ever_left_from_an_address_that_is_no_egress(seen: Seen) -> None:
    assert seen["strays"] == 0


def test_the_log_tells_changes_alone_and_from_where_each_call_left(seen: Seen) -> None:
    events = [(line["event"], line["egress"]) for line in seen["log"] if line["event"].startswith("egress_")]
    for each in PUBLIC:
        told = [event.removeprefix("egress_") for event, egress in events if egress == each]
        told = [state for place, state in enumerate(told) if state != "unknown" or place == len(told) - 1]
        assert told == ["proven", "out", "proven", "out", "proven", "unknown"]
    first, second = PUBLIC
    assert [(line["status"], line["egress"]) for line in exchanges(seen, AGAIN)] == [
        (200, first), (200, second), (503, first), (200, first), (200, second), (200, second), (503, first),
        (200, first), (200, first),
    ]  # fmt: skip


def test_it_ends_well(seen: Seen) -> None:
    assert seen["exits"] == [0, 0]
