"""The guard over the wire: VECOZO counts no call that is sure to be refused, and every call held is told why."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest

from relay.compose.relay.guards import hatch_of
from relay.ops.hatch import asked
from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import Answer, line, request
from tests.kit.relay import Relay, relay

COV, CLAIMS = "/acc/cov/x", "/acc/claims/x"
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
FUNCTIONAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
INVALID = b"HTTP/1.1 403 Invalid Client Certificate\r\nContent-Length: 0\r\n\r\n"
QUOTA = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
FAULT = b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/xml\r\nContent-Length: 0\r\n\r\n"
GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"

SOON = {"guard.first_pause": 0.1, "guard.longest_pause": 0.4}
LATE = {"guard.first_pause": 60}
OWN = SOON | {"tenants.linde.certificate.probe.get": "/acc/claims/alive"}


@dataclass
class Gate:
    """An upstream that answers as it is told now."""

    says: bytes = kit.OK
    calls: int = 0
    probes: int = 0
    held: asyncio.Event | None = field(default=None)

    async def __call__(self, exchange: kit.Exchange) -> None:
        self.calls += 1
        self.probes += exchange.head.startswith(b"GET /acc/claims/alive ")
        says = self.says
        if self.held is not None:
            await self.held.wait()
        await exchange.answer(says)


async def _called(here: Relay, path: str = COV, method: str = "POST") -> Answer:
    async with line(here.port) as caller:
        body = None if method == "GET" else b"<q/>"
        return await (await caller.send(request(method, path, here.authorised, body=body))).answer()


async def _statuses(here: Relay, count: int, path: str = COV) -> list[int]:
    return [(await _called(here, path)).status for _ in range(count)]


def _events(here: Relay, *names: str) -> list[dict[str, object]]:
    return [event for event in here.lines if event["event"] in names]


async def _lift(here: Relay, route: str | None = None) -> object:
    question: dict[str, object] = {"do": "lift", "way": "linde", "route": route}
    told = await asyncio.to_thread(asked, hatch_of(here.folder / "relay.state"), question)
    return told and told["lifted"]


async def test_after_three_refusals_in_a_row_calls_are_held_and_told_why(tmp_path: Path) -> None:
    gate = Gate()
    async with kit.running(gate) as upstream, relay(tmp_path, upstream.port, changes=LATE) as here:
        assert await _statuses(here, 1) == [200]
        gate.says = REFUSED
        assert await _statuses(here, 3) == [403] * 3
        answer = await _called(here, CLAIMS)
        await _called(here)
        page = await here.scrape()
        [held] = _events(here, "guard_holding")
        noted = here.exchanges[-1]
    assert gate.calls == 4
    problem = orjson.loads(answer.body)
    assert (answer.status, problem["code"], problem["sent"]) == (503, "calls_held", "false")
    assert problem["cause"] == answer.field("x-relay-cause") == "address_or_blocked"
    assert 50 <= int(str(answer.field("retry-after"))) <= 60
    assert "127.0.0.9" in problem["detail"]
    assert "a call last went well at" in problem["detail"]
    assert (held["way"], held["egress"], held["refused"]) == ("linde", "127.0.0.9", 3)
    assert (noted["sent"], noted["cause"]) == ("false", "calls_held")
    assert 'relay_guard_state{egress="127.0.0.9",state="holding",way="linde"} 1.0' in page
    assert 'relay_guard_holds_total{egress="127.0.0.9",way="linde"} 1.0' in page
    for route in ("cov", "claims"):
        assert f'relay_calls_held_total{{cause="address_or_blocked",route="{route}",tenant="linde"}} 1.0' in page
    assert 'relay_upstream_refusals_total{cause="address_or_blocked",route="cov",tenant="linde"} 3.0' in page


@pytest.mark.parametrize("says", [FUNCTIONAL, INVALID, FAULT, GATEWAY, kit.OK], ids=lambda says: says[9:30].decode())
async def test_only_address_refusals_count(tmp_path: Path, says: bytes) -> None:
    gate = Gate(says)
    async with kit.running(gate) as upstream, relay(tmp_path, upstream.port, changes=LATE) as here:
        await _statuses(here, 6)
    assert gate.calls == 6


@pytest.mark.parametrize(
    ("between", "held"),
    [(kit.OK, False), (FUNCTIONAL, False), (FAULT, False), (INVALID, True), (GATEWAY, True)],
    ids=["success", "functional", "fault", "certificate", "gateway"],
)
async def test_only_what_proves_the_address_begins_the_row_anew(tmp_path: Path, between: bytes, held: bool) -> None:
    gate = Gate(REFUSED)
    async with kit.running(gate) as upstream, relay(tmp_path, upstream.port, changes=LATE) as here:
        await _statuses(here, 2)
        gate.says = between
        await _statuses(here, 1)
        gate.says = REFUSED
        statuses = await _statuses(here, 2)
    assert statuses == [403, 503 if held else 403]


async def test_one_harmless_call_probes_and_when_it_passes_all_do(tmp_path: Path) -> None:
    gate = Gate(REFUSED)
    async with kit.running(gate) as upstream, relay(tmp_path, upstream.port, changes=SOON) as here:
        await _statuses(here, 3)
        await asyncio.sleep(0.15)
        assert await _statuses(here, 1, CLAIMS) == [503]
        assert gate.calls == 3
        gate.held = asyncio.Event()
        probe = asyncio.create_task(_called(here))
        while gate.calls < 4:
            await asyncio.sleep(0.01)
        assert await _statuses(here, 3) == [503] * 3
        gate.held.set()
        assert (await probe).status == 403
        gate.held, gate.says = None, kit.OK
        await asyncio.sleep(0.25)
        assert await _statuses(here, 1) == [200]
        assert await _statuses(here, 1, CLAIMS) == [200]
        assert [event["event"] for event in _events(here, "guard_holding", "guard_probing", "guard_passing")] == [
            "guard_holding", "guard_probing", "guard_holding", "guard_probing", "guard_passing",
        ]  # fmt: skip
        assert 'relay_guard_probes_total{egress="127.0.0.9",way="linde"} 2.0' in await here.scrape()
    assert gate.calls == 6


async def test_a_probe_whose_caller_leaves_or_whose_answer_says_nothing_gives_its_permit_back(tmp_path: Path) -> None:
    gate = Gate(REFUSED)
    async with kit.running(gate) as upstream, relay(tmp_path, upstream.port, changes=SOON) as here:
        await _statuses(here, 3)
        await asyncio.sleep(0.15)
        gate.held = asyncio.Event()
        async with line(here.port) as caller:
            await caller.send(request("GET", COV, here.authorised))
            while gate.calls < 4:
                await asyncio.sleep(0.01)
        while here.exchanges[-1]["status"] != 499:
            await asyncio.sleep(0.01)
        gate.held.set()
        gate.held, gate.says = None, GATEWAY
        await asyncio.sleep(0.2)
        assert await _statuses(here, 2) == [502, 503]
        gate.says = kit.OK
        await asyncio.sleep(0.15)
        assert await _statuses(here, 2) == [200, 200]


async def test_with_a_probe_of_its_own_no_caller_goes_first_and_once_it_passes_all_calls_do(tmp_path: Path) -> None:
    gate = Gate(REFUSED)
    async with kit.running(gate) as upstream, relay(tmp_path, upstream.port, changes=OWN) as here:
        await _statuses(here, 3)
        async with asyncio.timeout(5):
            while gate.probes < 2:
                assert await _statuses(here, 1) == [503]
                await asyncio.sleep(0.02)
        assert gate.calls == 3 + gate.probes
        gate.says = kit.OK
        await until(lambda: _events(here, "guard_passing"))  # nobody calls, and all the same it tries
        assert await _statuses(here, 1, CLAIMS) == [200]
        page, probed = await here.scrape(), _events(here, "guard_probed")
        passed = gate.probes
    assert [event["result"] for event in probed] == ["refused"] * (passed - 1) + ["passed"]
    assert {event["answer"] for event in probed} == {"403 Forbidden", "200 OK"}
    told = 'relay_probes_total{{purpose="guard",result="{}",way="linde"}} {}.0'
    assert told.format("refused", passed - 1) in page
    assert told.format("passed", 1) in page
    assert told.format("quota", 0) in page
    assert f'relay_guard_probes_total{{egress="127.0.0.9",way="linde"}} {passed}.0' in page


async def test_a_probe_that_is_over_the_quota_stops_its_route_and_nothing_is_probed_any_more(tmp_path: Path) -> None:
    gate = Gate(REFUSED)
    async with kit.running(gate) as upstream, relay(tmp_path, upstream.port, changes=OWN) as here:
        await _statuses(here, 3)
        gate.says = QUOTA
        await until(lambda: _events(here, "quota_stopped"))
        [stopped] = _events(here, "quota_stopped")
        await asyncio.sleep(1)
        assert (gate.probes, stopped["route"]) == (1, "claims")
        gate.says = kit.OK
        assert await _lift(here, "claims") == 1
        await until(lambda: _events(here, "guard_passing"))


async def test_a_refusal_counts_though_its_caller_has_left(tmp_path: Path) -> None:
    async def begins(exchange: kit.Exchange) -> None:
        await exchange.answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 500\r\n\r\n")

    async with kit.running(begins) as upstream, relay(tmp_path, upstream.port, changes=LATE) as here:
        for count in range(1, 4):
            async with line(here.port) as caller:
                await caller.send(request("GET", COV, here.authorised))
                while len(upstream.requests) < count:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)
        assert await _statuses(here, 1) == [503]


async def test_a_quota_stops_the_route_at_once_and_only_a_person_lifts_that(tmp_path: Path) -> None:
    gate = Gate(QUOTA)
    changes = {"guard.first_pause": 0.05, "guard.longest_pause": 0.05, "guard.after": 2}
    async with kit.running(gate) as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        first = await _called(here)
        assert (first.status, first.field("x-relay-cause")) == (429, "quota")
        gate.says = kit.OK
        await asyncio.sleep(0.1)
        answer = await _called(here)
        assert await _statuses(here, 1, CLAIMS) == [200]
        problem = orjson.loads(answer.body)
        assert (answer.status, problem["code"], problem["sent"]) == (503, "quota_stopped", "false")
        assert "relay guard lift" in problem["remedy"]
        gate.says = REFUSED
        blocked = await _called(here, CLAIMS)
        assert (blocked.status, blocked.field("x-relay-cause")) == (403, "blocked")
        page = await here.scrape()
        assert 'relay_calls_held_total{cause="quota",route="cov",tenant="linde"} 1.0' in page
        assert 'relay_quota_stopped_timestamp_seconds{route="cov",way="linde"}' in page
        gate.says = kit.OK
        assert await _lift(here) == 1
        assert await _statuses(here, 1) == [200]
        assert [event["event"] for event in _events(here, "quota_stopped", "quota_lifted", "guard_lifted")] == [
            "quota_stopped", "quota_lifted", "guard_lifted",
        ]  # fmt: skip


async def test_what_was_held_and_stopped_is_so_after_a_restart(tmp_path: Path) -> None:
    gate = Gate(QUOTA)
    async with kit.running(gate) as upstream:
        async with relay(tmp_path, upstream.port, changes=LATE) as here:
            assert await _statuses(here, 1, CLAIMS) == [429]
            gate.says = REFUSED
            assert await _statuses(here, 3) == [403] * 3
        gate.says = kit.OK
        async with relay(tmp_path, upstream.port, changes=LATE) as here:
            answers = [orjson.loads((await _called(here, path)).body) for path in (COV, CLAIMS)]
        assert [answer["code"] for answer in answers] == ["calls_held", "quota_stopped"]
    assert gate.calls == 4


async def test_a_person_can_let_held_calls_out(tmp_path: Path) -> None:
    gate = Gate(REFUSED)
    async with kit.running(gate) as upstream, relay(tmp_path, upstream.port, changes=LATE) as here:
        assert await _statuses(here, 4) == [403] * 3 + [503]
        gate.says = kit.OK
        assert await _lift(here, "cov") == 0
        assert await _lift(here) == 1
        assert await _statuses(here, 1, CLAIMS) == [200]
