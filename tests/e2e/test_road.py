"""On real addresses, in network namespaces: a caller that moves, a relay with two egress addresses, the gate."""

from typing import Any

import pytest

from tests.e2e.hosts import played

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
Seen = dict[str, Any]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return played("road", str(tmp_path_factory.mktemp("road")))


def outcome(told: Seen) -> tuple[int, str]:
    return told["status"], told["reason"]


def test_from_an_unregistered_address_the_gate_refuses_and_the_relay_says_why(seen: Seen) -> None:
    assert outcome(seen["unregistered"]) == (403, "Forbidden")
    assert seen["unregistered"]["fields"]["X-Relay-Cause"] == "address_or_blocked"
    assert seen["unregistered"]["fields"]["X-Relay-Egress"] == "145.131.7.10"
    assert seen["unregistered"]["body"] == ""


def test_a_private_address_cannot_be_registered_and_a_public_one_can(seen: Seen) -> None:
    assert seen["register private"]["status"] == 422
    assert "private" in seen["register private"]["body"]
    assert outcome(seen["register"]) == (201, "Created")


def test_once_registered_calls_pass_wherever_the_caller_calls_from(seen: Seen) -> None:
    for step in ("registered", "caller moved"):
        assert outcome(seen[step]) == (200, "OK")
        assert "VerzoekAkkoord" in seen[step]["body"]


def test_each_tenant_calls_from_its_own_egress_address(seen: Seen) -> None:
    assert outcome(seen["other egress"]) == (403, "Forbidden")
    assert outcome(seen["other egress in range"]) == (200, "OK")
    assert "145.131.7.10" in seen["whoami first"]["body"]
    assert "145.131.7.11" in seen["whoami second"]["body"]
    for step in ("whoami first", "whoami second"):
        assert "20." not in seen[step]["body"], "the caller's address went upstream"


def test_a_client_of_one_region_is_refused_from_a_machine_elsewhere_whatever_that_says_of_itself(seen: Seen) -> None:
    assert outcome(seen["in the region"]) == (200, "OK")
    for step in ("elsewhere", "elsewhere, forged"):
        assert seen[step]["status"] == 403
        assert "source_refused" in seen[step]["body"]
        assert "20.61.9.33" in seen[step]["body"]


def test_a_removed_address_is_refused_at_once(seen: Seen) -> None:
    assert seen["remove range"]["status"] == 204
    assert seen["remove"]["status"] == 204
    assert outcome(seen["removed"]) == (403, "Forbidden")


def _broken(told: Seen) -> list[tuple[str, str]]:
    return [(each["way"], each["step"]) for each in told["findings"] if each["state"] == "failed"]


def test_the_doctor_finds_where_each_way_out_is_broken(seen: Seen) -> None:
    assert (_broken(seen["doctor in range"]), seen["doctor in range"]["exit"]) == ([], 0)
    assert (_broken(seen["doctor"]), seen["doctor"]["exit"]) == ([("second", "address registered")], 1)
    [refused] = [each for each in seen["doctor"]["findings"] if each["state"] == "failed"]
    assert "register 145.131.7.11" in refused["next"]
    assert "IP-adres 145.131.7.11" in refused["letters"][0]["text"]


def test_the_doctor_sees_what_the_running_relay_shows_and_what_the_world_sees_of_each_way(seen: Seen) -> None:
    good = [each["what"] for each in seen["doctor in range"]["findings"] if each["state"] == "good"]
    assert "The relay on 20.0.0.1:8443 shows this very certificate" in good
    for address in ("145.131.7.10", "145.131.7.11"):
        assert f"145.131.7.200:8444 sees {address}, as configured" in good


def test_an_address_that_the_host_has_lost_is_named_by_the_doctor(seen: Seen) -> None:
    told = seen["doctor without address"]
    assert ("first", "source address") in _broken(told)
    assert told["exit"] == 1


def test_both_sides_end_with_0_when_told_to_stop(seen: Seen) -> None:
    assert seen["exits"] == [0, 0]


def test_the_log_has_one_line_for_each_call_with_its_egress_address(seen: Seen) -> None:
    lines = [line for line in seen["log"] if line["event"] == "exchange" and line.get("cause") != "source_refused"]
    assert [(line["status"], line["egress"], line["peer"]) for line in lines] == [
        (403, "145.131.7.10", "20.50.1.7"),
        (200, "145.131.7.10", "20.50.1.7"),
        (200, "145.131.7.10", "20.61.9.33"),
        (403, "145.131.7.11", "20.50.1.7"),
        (200, "145.131.7.11", "20.50.1.7"),
        (200, "145.131.7.10", "20.61.9.33"),
        (200, "145.131.7.11", "20.61.9.33"),
        (200, "145.131.7.10", "20.50.1.7"),
        (403, "145.131.7.10", "20.50.1.7"),
    ]
