"""A paused tenant: its calls are answered with the operator's words, and nothing is sent."""

from pathlib import Path

import orjson

from tests.kit import upstream as kit
from tests.kit.line import line, request
from tests.kit.relay import PATH, relay

WHY = "de praktijk verhuist, tot maandag"


async def test_a_paused_tenants_call_gets_503_with_its_cause_and_nothing_is_sent(tmp_path: Path) -> None:
    async with (
        kit.running() as upstream,
        relay(tmp_path, upstream.port, changes={"tenants.linde.card.paused": WHY}) as here,
        line(here.port) as caller,
    ):
        answer = await (await caller.send(request("POST", PATH, here.authorised, body=b"<question/>"))).answer()
        problem = orjson.loads(answer.body)
        assert (answer.status, problem["code"], problem["sent"]) == (503, "tenant_paused", "false")
        assert problem["detail"] == WHY
        assert answer.field("retry-after")
        assert upstream.connections == 0
    [noted] = here.exchanges
    assert (noted["tenant"], noted["cause"], noted["sent"]) == ("linde", "tenant_paused", "false")


async def test_who_may_not_call_for_a_tenant_does_not_hear_that_it_is_paused(tmp_path: Path) -> None:
    async with (
        relay(tmp_path, 1, changes={"tenants.linde.card.paused": WHY}) as here,
        line(here.port) as caller,
    ):
        unknown = await (await caller.send(request("POST", PATH, body=b"<question/>"))).answer()
    assert unknown.status == 401
    assert WHY.encode() not in unknown.body
