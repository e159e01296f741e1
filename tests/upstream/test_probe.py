"""A probe: one harmless call of our own, what came of it in words, and what that proves of certificate and address."""

from pathlib import Path

import pytest

from relay.authority.issued import Issued
from relay.settings.words import Cause, Environment, Family
from relay.tenant.harmless import got, is_alive
from relay.tenant.routing import Route
from relay.upstream import probe as probe_module
from relay.upstream.probe import Outcome, Verdict, probe
from relay.upstream.refusal import Readings, Row
from tests.kit import authority as kit
from tests.kit import upstream as upstream_kit
from tests.kit.door import ajar, passport
from tests.kit.gate import Gate
from tests.kit.gate import book as gate_book
from tests.kit.gate import running as gate_running
from tests.kit.upstream import answering

READINGS = Readings()


def _route(port: int, prefix: str = "/x") -> Route:
    return Route(
        name="x",
        prefix=prefix.encode(),
        host="localhost",
        port=port,
        environment=Environment.TEST,
        family=Family.SOAP,
    )


async def _probed(
    folder: Path, script: upstream_kit.Script, readings: Readings = READINGS
) -> tuple[Outcome, upstream_kit.Upstream]:
    async with upstream_kit.running(script) as upstream, ajar(folder, upstream.port) as open_door:
        return await probe(open_door.door, got(_route(upstream.port), "/whoami?a=b"), readings), upstream


@pytest.mark.parametrize(
    ("answer", "succeeded", "verdict", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", True, Verdict.PASSED, "200 OK"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True, Verdict.PASSED, "204 No Content"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nbegun", True, Verdict.PASSED, "200 OK"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", False, Verdict.UNCLEAR, "302 Found"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", False, Verdict.REFUSED, "403 Forbidden"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nrights", False, Verdict.PASSED, "403 Forbidden"),
        (b"HTTP/1.1 403 Invalid Client Certificate\r\nContent-Length: 0\r\n\r\n", False, Verdict.UNCLEAR, "403 Inv"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", False, Verdict.UNCLEAR, "404 Not Found"),
        (b"HTTP/1.1 500 No\r\nContent-Type: text/xml\r\nContent-Length: 0\r\n\r\n", False, Verdict.PASSED, "500 No"),
        (b"HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n", False, Verdict.QUOTA, "429 Too Many"),
        (b"no HTTP at all\r\n\r\n", False, Verdict.UNCLEAR, ""),
    ],
)
async def test_only_2xx_is_a_success_and_what_it_proves_is_read_as_of_any_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes, succeeded: bool, verdict: Verdict, told: str
) -> None:
    monkeypatch.setattr(probe_module, "_REST_SECONDS", 0.5)
    outcome, upstream = await _probed(tmp_path, answering(answer))
    assert (outcome.succeeded, outcome.verdict) == (succeeded, verdict)
    assert outcome.told.startswith(told)
    assert bytes(upstream.octets) == b"GET /whoami?a=b HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % upstream.port


async def test_an_operators_own_readings_count(tmp_path: Path) -> None:
    own = Readings([Row(cause=Cause.ADDRESS_OR_BLOCKED, statuses=frozenset((503,)), body=b"address", built_in=False)])
    answer = b"HTTP/1.1 503 No\r\nContent-Length: 11\r\n\r\nyour addres"
    assert (await _probed(tmp_path, answering(answer), own))[0].verdict is Verdict.UNCLEAR
    outcome, _ = await _probed(tmp_path, answering(answer.replace(b"11", b"12") + b"s"), own)
    assert outcome.verdict is Verdict.REFUSED


async def test_is_alive_is_asked_in_soap(tmp_path: Path) -> None:
    async with upstream_kit.running() as upstream, ajar(tmp_path, upstream.port) as open_door:
        await probe(open_door.door, is_alive(_route(upstream.port), "/Router.V1.svc/X"), READINGS)
        [exchange] = upstream.requests
    assert exchange.head.startswith(b"POST /Router.V1.svc/X HTTP/1.1\r\n")
    assert b'\r\nSOAPAction: "urn:www-vecozo-nl:v1:isalive:IsAlive"\r\n' in exchange.head
    assert exchange.body.count(b"IsAlive") == 1


async def test_a_road_that_is_broken_is_told(tmp_path: Path) -> None:
    async with ajar(tmp_path, 1) as open_door:
        outcome = await probe(open_door.door, got(_route(1), "/whoami"), READINGS)
    assert not outcome.succeeded
    assert (outcome.status, outcome.verdict) == (0, Verdict.UNCLEAR)
    assert outcome.told


@pytest.mark.parametrize(
    ("certificate", "registered", "verdict"),
    [
        (kit.system(), True, Verdict.PASSED),
        (kit.system(), False, Verdict.REFUSED),
        (kit.foreign(), True, Verdict.UNCLEAR),
    ],
    ids=["registered", "unregistered", "another authority's"],
)
async def test_whoami_of_the_reference_gate_answers_200_and_proves_what_it_says(
    tmp_path: Path, certificate: Issued, registered: bool, verdict: Verdict
) -> None:
    addresses = ["127.0.0.9"] if registered else ["192.0.2.1"]
    async with (
        gate_running(Gate(gate_book([certificate], addresses))) as gate,
        ajar(tmp_path, gate.port, shown=passport(tmp_path, certificate)) as open_door,
    ):
        outcome = await probe(open_door.door, got(_route(gate.port), "/whoami"), READINGS)
    assert (outcome.status, outcome.verdict, outcome.succeeded) == (200, verdict, verdict is Verdict.PASSED)
    assert gate.passages == []


async def test_what_is_told_of_an_answer_is_short_and_on_one_line_and_names_no_patient(tmp_path: Path) -> None:
    said = b"HTTP/1.1 403 no \xff such 999979668 " + b"x" * 4000 + b"\r\nContent-Length: 0\r\n\r\n"
    outcome, _ = await _probed(tmp_path, answering(said))
    assert outcome.told.startswith("403 no \xff such [...] x")
    assert len(outcome.told) < 130
