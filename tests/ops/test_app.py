"""The operator's port: alive, ready or why not, and what was counted."""

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from relay.observe.history import History
from relay.ops.app import Readiness, make_app
from relay.wire.server import serving
from tests.observe.test_history import ONE


@pytest.fixture
def readiness() -> Readiness:
    return Readiness()


@pytest.fixture
async def base(readiness: Readiness) -> AsyncIterator[str]:
    registry = CollectorRegistry()
    Counter("calls_total", "Calls.", registry=registry).inc(3)
    async with serving(make_app(readiness, registry), "127.0.0.1", 0, key="operator") as place:
        yield f"http://{place.address}:{place.port}"


async def _get(url: str, **fields: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=fields) as answer:
        return answer.status, await answer.text(), answer.content_type


async def test_it_is_alive_even_while_it_is_not_ready(base: str) -> None:
    assert (await _get(f"{base}/healthz"))[:2] == (200, "alive\n")


async def test_readiness_says_why_not(base: str, readiness: Readiness) -> None:
    assert (await _get(f"{base}/readyz"))[:2] == (503, "not ready: starting\n")
    readiness.on()
    assert (await _get(f"{base}/readyz"))[:2] == (200, "ready\n")
    readiness.off("draining")
    assert (await _get(f"{base}/readyz"))[:2] == (503, "not ready: draining\n")


async def test_a_hindrance_comes_and_goes_and_a_drain_goes_before_it(base: str, readiness: Readiness) -> None:
    readiness.hinder("no egress is left")
    assert (await _get(f"{base}/readyz"))[:2] == (503, "not ready: starting\n")
    readiness.on()
    assert (await _get(f"{base}/readyz"))[:2] == (503, "not ready: no egress is left\n")
    readiness.hinder("")
    assert (await _get(f"{base}/readyz"))[:2] == (200, "ready\n")
    readiness.hinder("no egress is left")
    readiness.off("draining")
    assert (await _get(f"{base}/readyz"))[:2] == (503, "not ready: draining\n")


async def test_metrics_come_in_the_format_that_is_asked_for(base: str) -> None:
    status, text, content_type = await _get(f"{base}/metrics")
    assert (status, content_type) == (200, "text/plain")
    assert "calls_total 3.0" in text
    _, text, content_type = await _get(f"{base}/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert content_type == "application/openmetrics-text"
    assert text.endswith("# EOF\n")


async def test_where_there_is_a_history_it_is_told_once_all_is_gathered() -> None:
    history = History()

    async def gather() -> None:
        history.note(ONE)

    app = make_app(Readiness(), CollectorRegistry(), gather=gather, history=history)
    async with serving(app, "127.0.0.1", 0, key="operator") as place:
        status, text, content_type = await _get(f"http://{place.address}:{place.port}/history")
    assert (status, content_type) == (200, "application/json")
    [told] = json.loads(text)["refusals"]
    assert (told["at"], told["cause"], told["sent"]) == ("2026-11-30T12:00:00Z", "address_or_blocked", "true")


async def test_there_is_nothing_else_there(base: str) -> None:
    assert [(await _get(f"{base}{path}"))[0] for path in ("/", "/history")] == [404, 404]
