"""In a rehearsal, calls that would have passed meet the faults that an operator orders, and nobody else does."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from relay.enforcer.staging import Staging
from relay.message.fields import Fields
from relay.message.head import ResponseHead
from relay.observe.log import make_logger
from relay.settings import words
from relay.upstream.refusal import Cause, classify
from relay.x509.bundle import read_bundle
from relay.x509.context import client_context
from tests.kit import authority as kit
from tests.kit.caller import Caller, Seen, get, post
from tests.kit.cov import headers, question
from tests.kit.gate import Gate, book, running

COV = "/tst/cov/vz801802/v1/soap11"
CALL = post(COV, headers(), question())


@dataclass
class Stage:
    """A gate, the operator's port where faults are ordered, and who was blocked."""

    gate: Gate
    operator: TestClient[web.Request, web.Application]
    caller: Caller
    registry: CollectorRegistry
    blocked: list[str] = field(default_factory=list)

    async def order(self, **fault: object) -> int:
        async with self.operator.post("/faults", json=fault) as answer:
            return answer.status

    async def call(self, request: bytes = CALL) -> Seen:
        (seen,) = await self.caller.send(self.gate.port, request)
        return seen


@asynccontextmanager
async def stage(trust: Path) -> AsyncIterator[Stage]:
    blocked, registry = list[str](), CollectorRegistry()
    staging = Staging(block=blocked.append, log=make_logger(io.BytesIO()), registry=registry)
    operator = web.Application()
    operator.add_routes(staging.routes())
    async with (
        running(Gate(book=book([kit.system()], ["127.0.0.1"])), staging=staging) as gate,
        TestClient(TestServer(operator)) as client,
    ):
        yield Stage(gate, client, Caller.trusting(trust, kit.system()), registry, blocked)


async def test_a_quota_is_told_and_the_certificate_blocked_after_the_last(trust: Path) -> None:
    async with stage(trust) as here:
        assert await here.order(kind="quota", routes="cov", times=2) == 201
        first = await here.call()
        assert here.blocked == []
        second = await here.call()
        third = await here.call()
    assert (first.status, second.status, third.status) == (429, 429, 200)  # the book of this test hears of no block
    assert here.blocked == [kit.USER_NUMBER]
    head = ResponseHead(status=first.status, reason=first.reason.encode(), fields=Fields(()))
    read = classify(head, first.body, words.Wording.GATEWAY)
    assert read is not None
    assert read.cause is Cause.QUOTA


async def test_a_status_a_phrase_and_slowness_are_as_ordered(trust: Path) -> None:
    async with stage(trust) as here:
        await here.order(kind="status", status=502)
        await here.order(kind="phrase", phrase="Go Away")
        await here.order(kind="slow", seconds=0.2)
        status, phrase = await here.call(), await here.call()
        before = asyncio.get_running_loop().time()
        slow = await here.call()
        took = asyncio.get_running_loop().time() - before
    assert (status.status, phrase.status, phrase.reason) == (502, 403, "Go Away")
    assert (slow.status, took >= 0.2) == (200, True)


@pytest.mark.parametrize("octets", [0, 1, 20, 400])
async def test_a_connection_closes_after_as_many_octets_as_ordered(trust: Path, octets: int) -> None:
    context = client_context(read_bundle(kit.system().p12(None), None), trust=trust)
    async with stage(trust) as here:
        await here.order(kind="close", octets=octets)
        reader, writer = await asyncio.open_connection("localhost", here.gate.port, ssl=context)
        writer.write(CALL)
        cut = await reader.read()
        writer.close()
        after = await here.call()
    assert (len(cut), cut) == (octets, b"HTTP/1.1 200 OK\r\n"[:octets] if octets < 17 else cut)
    assert after.status == 200


async def test_a_call_that_is_refused_meets_no_fault(trust: Path) -> None:
    async with stage(trust) as here:
        await here.order(kind="status")
        here.gate.book = book([kit.system()])
        refused = await here.call()
        here.gate.book = book([kit.system()], ["127.0.0.1"])
        failed = await here.call()
    assert (refused.status, failed.status) == (403, 503)
    assert here.registry.get_sample_value("gate_faults_total", {"kind": "status"}) == 1


async def test_whoami_meets_no_fault(trust: Path) -> None:
    async with stage(trust) as here:
        await here.order(kind="status")
        assert (await here.call(get("/whoami"))).status == 200


async def test_what_waits_is_told_and_can_be_taken_back(trust: Path) -> None:
    async with stage(trust) as here:
        await here.order(kind="status", routes="cov", times=5)
        await here.call()
        async with here.operator.get("/faults") as answer:
            (waiting,) = (await answer.json())["faults"]
        async with here.operator.delete("/faults") as answer:
            assert answer.status == 204
        after = await here.call()
    assert (waiting["kind"], waiting["routes"], waiting["left"], after.status) == ("status", "cov", 4, 200)


async def test_what_is_no_order_is_told_and_never_repeated(trust: Path) -> None:
    async with stage(trust) as here:
        async with here.operator.post("/faults", json={"kind": "status", "times": 999979668}) as answer:
            told = json.loads(await answer.read())
            assert answer.status == 400
        async with here.operator.post("/faults", data=b'{"kind": "status"}') as answer:
            assert answer.status == 415
        assert (await here.call()).status == 200
    assert "times" in told["wrong"][0]
    assert "999979668" not in str(told)
