"""A caller may lower the total deadline of its own call, never raise it; and only its own."""

import asyncio
import time
from pathlib import Path

import orjson
import pytest

from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import line, request
from tests.kit.relay import PATH, relay

CLAIMS = "/acc/claims/v1"


async def _is_silent(exchange: kit.Exchange) -> None:
    await exchange.answer(b"")


@pytest.mark.parametrize(
    ("field", "applied"),
    [(("Prefer", "wait=1"), "wait=1"), (("X-Relay-Timeout", "0.2"), None)],
    ids=["RFC 7240", "ours"],
)
async def test_the_caller_may_lower_the_total(tmp_path: Path, field: tuple[str, str], applied: str | None) -> None:
    async with kit.running(_is_silent) as upstream, relay(tmp_path, upstream.port) as here:
        began = time.monotonic()
        async with line(here.port) as one, line(here.port) as other:
            await one.send(request("POST", PATH, here.authorised, field, body=b"x"))
            await other.send(request("POST", CLAIMS, here.authorised, field, body=b"x"))
            answers = [await one.answer(), await other.answer()]
        assert time.monotonic() - began < 3
        await until(lambda: upstream.open == 0)
        causes = {exchange["route"]: exchange["cause"] for exchange in here.exchanges}
        assert causes == {"cov": "upstream_timeout", "claims": "outcome_unknown"}
    assert [answer.status for answer in answers] == [504, 409]
    assert [answer.field("preference-applied") for answer in answers] == [applied] * 2
    seconds = "1" if applied else "0.2"
    assert f"within {seconds} seconds" in orjson.loads(answers[0].body)["detail"]


async def test_a_preference_that_was_applied_is_told_with_the_answer_as_well(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        for value, told in (("wait=10", "wait=10"), ("wait=600", None), ("wait=soon", None)):
            answer = await (await caller.send(request("GET", PATH, here.authorised, ("Prefer", value)))).answer()
            assert (answer.status, answer.field("preference-applied")) == (200, told)
    assert b"Prefer: wait=10\r\n" in upstream.requests[0].head, "a preference is VECOZO's to know as well"


async def test_a_timeout_of_ours_never_travels_and_a_longer_one_changes_nothing(tmp_path: Path) -> None:
    changes = {"deadlines.total": 0.3}
    async with (
        kit.running() as upstream,
        relay(tmp_path, upstream.port, changes=changes) as here,
        line(here.port) as caller,
    ):
        call = request("GET", PATH, here.authorised, ("X-Relay-Timeout", "100"))
        assert (await (await caller.send(call)).answer()).status == 200
        upstream.script = _is_silent
        assert (await (await caller.send(call)).answer()).status == 504
    assert b"timeout" not in upstream.octets.lower()


@pytest.mark.parametrize("value", ["soon", "0", "-1", "1e3"])
async def test_a_malformed_timeout_is_400_before_the_body_is_asked_for(tmp_path: Path, value: str) -> None:
    expecting = [("Expect", "100-continue"), ("Content-Length", "8"), ("X-Relay-Timeout", value)]
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        answer = await (await caller.send(request("POST", PATH, here.authorised, *expecting))).answer()
    assert (answer.status, orjson.loads(answer.body)["code"]) == (400, "malformed_request")
    assert upstream.connections == 0


async def test_one_callers_haste_is_not_anothers(tmp_path: Path) -> None:
    going_on = asyncio.Event()

    async def script(exchange: kit.Exchange) -> None:
        await going_on.wait()
        await exchange.answer(kit.OK)

    async with (
        kit.running(script) as upstream,
        relay(tmp_path, upstream.port) as here,
        line(here.port) as hasty,
        line(here.port) as patient,
    ):
        await patient.send(request("POST", PATH, here.authorised, body=b"x"))
        await hasty.send(request("POST", PATH, here.authorised, ("X-Relay-Timeout", "0.1"), body=b"x"))
        assert (await hasty.answer()).status == 504
        going_on.set()
        assert (await patient.answer()).status == 200
