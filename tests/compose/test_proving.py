"""The proof of egresses in a relay that runs: what witnesses say decides whether, and from where, calls leave."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from tests.kit import authority
from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import call
from tests.kit.relay import PASSWORD, PATH, Relay, relay
from tests.kit.witness import World, telling, truth

ELSEWHERE = "192.0.2.99"
FIRST, SECOND = "127.0.0.9", "127.0.0.10"
BOTH = [{"source_address": FIRST}, {"source_address": SECOND}]

pytestmark = pytest.mark.one_process


def _wrong(request: web.Request) -> str:
    return ELSEWHERE


def _wrong_for_the_first(request: web.Request) -> str:
    return ELSEWHERE if request.remote == FIRST else str(request.remote)


def _silent(request: web.Request) -> web.Response:
    return web.Response(status=500)


@asynccontextmanager
async def _proven(
    folder: Path, upstream: kit.Upstream, *worlds: World, gate: bool = True, **changes: object
) -> AsyncIterator[Relay]:
    witnesses = [{"url": world.url, "trust": "trust.pem", "gate": gate} for world in worlds]
    told = {"egress_proof.witnesses": witnesses, "egress_proof.every": 0.05}
    more = {name.replace("__", "."): value for name, value in changes.items()}
    async with relay(folder, upstream.port, changes=told | more) as here:
        yield here


@pytest.fixture
async def upstream() -> AsyncIterator[kit.Upstream]:
    async with kit.running() as upstream:
        yield upstream


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with telling(World()) as world:
        yield world


@pytest.fixture
async def other() -> AsyncIterator[World]:
    async with telling(World()) as world:
        yield world


def _events(here: Relay, *names: str) -> list[str]:
    names = names or ("egress_proven", "egress_unknown", "egress_out")
    return [str(line["event"]) for line in here.lines if line["event"] in names]


def _state(page: str, egress: str = FIRST, tenant: str = "linde") -> str:
    states = [state for state in ("proven", "unknown", "out") if _row(egress, state, tenant) in page]
    assert len(states) == 1
    return states[0]


def _row(egress: str, state: str, tenant: str) -> str:
    return f'relay_egress_state{{egress="{egress}",state="{state}",tenant="{tenant}"}} 1.0'


async def test_it_is_proven_before_the_first_call_and_no_witness_sees_a_certificate(
    tmp_path: Path, upstream: kit.Upstream, world: World
) -> None:
    async with _proven(tmp_path, upstream, world) as here:
        assert _events(here, "witness_confirms", "egress_proven", "ready") == [
            "witness_confirms",
            "egress_proven",
            "ready",
        ]
        assert (await call(here, PATH)).status == 200
        page = await here.scrape()
        assert _state(page) == "proven"
        assert f'relay_egress_proven_timestamp_seconds{{egress="{FIRST}",tenant="linde"}}' in page
        await until(lambda: len(world.asked) > 3)
        assert _events(here) == ["egress_proven"]  # said once, however often it is proven
    assert set(world.asked) == {FIRST}
    assert set(world.shown) == {None}
    assert "geheim" not in str(here.lines)


async def test_where_the_gate_sees_another_address_nothing_is_sent_until_it_sees_the_right_one(
    tmp_path: Path, upstream: kit.Upstream, world: World
) -> None:
    world.tells = _wrong
    async with _proven(tmp_path, upstream, world) as here:
        answer = await call(here, PATH)
        told = orjson.loads(answer.body)
        assert (answer.status, told["code"], told["sent"]) == (503, "egress_out", "false")
        assert ELSEWHERE in told["detail"]
        assert f"localhost:{world.port}" in told["detail"]
        assert answer.field("retry-after") == "60"
        status, why = await here.ask_operator("/readyz")
        assert (status, ELSEWHERE in why) == (503, True)
        page = await here.scrape()
        assert _state(page) == "out"
        assert "relay_ready 0.0" in page
        assert upstream.connections == 0
        [out] = [line for line in here.lines if line["event"] == "egress_out"]
        assert (out["cause"], out["tenants"], out["egress"], out["refused"]) == (
            "address_differs", ["linde"], FIRST, True,
        )  # fmt: skip
        world.tells = _silent
        asked = len(world.asked)
        await until(lambda: len(world.asked) > asked + 2)
        assert (await call(here, PATH)).status == 503
        world.tells = truth
        await until(lambda: _events(here) == ["egress_out", "egress_proven"])
        assert (await call(here, PATH)).status == 200
        assert await here.ask_operator("/readyz") == (200, "ready\n")


async def test_by_choice_a_difference_is_told_and_calls_go_on(
    tmp_path: Path, upstream: kit.Upstream, world: World
) -> None:
    world.tells = _wrong
    async with _proven(tmp_path, upstream, world, egress_proof__on_difference="warn") as here:
        assert (await call(here, PATH)).status == 200
        assert await here.ask_operator("/readyz") == (200, "ready\n")
        assert _state(await here.scrape()) == "out"
        [out] = [line for line in here.lines if line["event"] == "egress_out"]
        assert out["refused"] is False


async def test_a_witness_that_is_away_changes_nothing(tmp_path: Path, upstream: kit.Upstream, world: World) -> None:
    async with _proven(tmp_path, upstream, world) as here:
        world.tells = _silent
        await until(lambda: _events(here) == ["egress_proven", "egress_unknown"])
        assert (await call(here, PATH)).status == 200
        assert _state(await here.scrape()) == "unknown"
        assert await here.ask_operator("/readyz") == (200, "ready\n")
        assert _events(here, "witness_silent") == ["witness_silent"]


async def test_one_witness_that_differs_is_told_and_two_put_it_out(
    tmp_path: Path, upstream: kit.Upstream, world: World, other: World
) -> None:
    world.tells = _wrong
    other.tells = _silent
    async with _proven(tmp_path, upstream, world, other, gate=False) as here:
        assert (await call(here, PATH)).status == 200
        assert _events(here, "witness_differs") == ["witness_differs"]
        assert _state(await here.scrape()) == "unknown"
        other.tells = _wrong
        await until(lambda: _events(here) == ["egress_out"])
        assert (await call(here, PATH)).status == 503
        assert _events(here, "witness_differs") == ["witness_differs"] * 2


async def test_the_other_egress_is_used_while_one_is_out(tmp_path: Path, upstream: kit.Upstream, world: World) -> None:
    async with _proven(tmp_path, upstream, world, tenants__linde__egress=BOTH) as here:
        peers = []
        for tells, told in ((truth, 2), (_wrong_for_the_first, 3), (truth, 4)):
            world.tells = tells
            await until(lambda told=told: len(_events(here)) == told)
            assert (await call(here, PATH)).status == 200
            peers.append(upstream.requests[-1].writer.get_extra_info("peername")[0])
            assert await here.ask_operator("/readyz") == (200, "ready\n")
        assert peers == [FIRST, SECOND, FIRST]
        assert [line["egress"] for line in here.exchanges] == [FIRST, SECOND, FIRST]


async def test_a_tenant_without_egress_leaves_the_others_alone_and_the_relay_ready(
    tmp_path: Path, upstream: kit.Upstream, world: World
) -> None:
    world.tells = _wrong_for_the_first
    route = {"name": "cov", "prefix": "/acc/cov", "upstream": f"https://localhost:{upstream.port}"}
    eik: dict[str, Any] = {
        "tenants__eik__environment": "acceptance",
        "tenants__eik__trust": "trust.pem",
        "tenants__eik__certificate": {"file": "system.p12", "password_file": "password"},
        "tenants__eik__egress": {"source_address": SECOND},
        "tenants__eik__routes": [route],
        "clients__dynamics__tenants": ["linde", "eik"],
    }
    async with _proven(tmp_path, upstream, world, **eik) as here:
        answers = [await call(here, PATH, ("X-Relay-Tenant", tenant)) for tenant in ("linde", "eik")]
        assert [answer.status for answer in answers] == [503, 200]
        assert await here.ask_operator("/readyz") == (200, "ready\n")
        page = await here.scrape()
        assert (_state(page), _state(page, SECOND, "eik")) == ("out", "proven")


async def test_a_probe_of_the_next_certificate_leaves_from_an_egress_that_is_not_out(
    tmp_path: Path, upstream: kit.Upstream, world: World
) -> None:
    peers = []

    async def answer(exchange: kit.Exchange) -> None:
        peers.append(exchange.writer.get_extra_info("peername")[0])
        await exchange.answer(kit.OK)

    upstream.script = answer
    world.tells = _wrong_for_the_first
    following = authority.authority().issue_system(authority.USER_NUMBER, authority.ORGANISATION, at=authority.AT)
    (tmp_path / "next.p12").write_bytes(following.p12(PASSWORD))
    certificate = {"file": "next.p12", "password_file": "password"}
    more = {
        "tenants__linde__certificate__next": certificate,
        "tenants__linde__certificate__probe": {"get": "/acc/cov/alive"},
        "tenants__linde__egress": BOTH,
    }
    async with _proven(tmp_path, upstream, world, gate=True, **more) as here:
        await until(lambda: _events(here, "certificate_probe_succeeded"))
    assert peers == [SECOND]


async def test_without_witnesses_nobody_is_asked_and_calls_go_on(tmp_path: Path, upstream: kit.Upstream) -> None:
    async with _proven(tmp_path, upstream) as here:
        assert (await call(here, PATH)).status == 200
        assert _state(await here.scrape()) == "unknown"
        assert _events(here) == []


async def test_an_address_that_is_not_here_at_the_start_is_out_while_another_is(
    tmp_path: Path, upstream: kit.Upstream
) -> None:
    egresses = [{"source_address": "192.0.2.1"}, {"source_address": SECOND}]
    async with _proven(tmp_path, upstream, tenants__linde__egress=egresses) as here:
        assert (await call(here, PATH)).status == 200
        assert _state(await here.scrape(), "192.0.2.1") == "out"
        [out] = [line for line in here.lines if line["event"] == "egress_out"]
        assert (out["cause"], out["detail"]) == ("address_missing", "192.0.2.1 is not an address of this machine")
        assert [line["egress"] for line in here.exchanges] == [SECOND]


async def test_a_fault_of_our_own_is_told_and_proving_goes_on(
    tmp_path: Path, upstream: kit.Upstream, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from relay.compose.relay import proving

    async with _proven(tmp_path, upstream, world) as here:
        with monkeypatch.context() as patched:
            patched.setattr(proving, "Word", None)
            await until(lambda: _events(here, "egress_proof_failed"))
        world.tells = _wrong
        await until(lambda: "egress_out" in _events(here))
