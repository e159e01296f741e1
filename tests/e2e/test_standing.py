"""What the parent finds out of an egress, every worker goes by, and who comes later as well."""

import asyncio
import os
import signal
from contextlib import ExitStack
from pathlib import Path

import orjson
import pytest

from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import line, request
from tests.kit.registry_api import rehearsed
from tests.kit.relay import PATH
from tests.kit.served import Served, served
from tests.kit.witness import World, telling, truth

pytestmark = pytest.mark.slow


async def _outcomes(here: Served) -> list[str]:
    """Have each worker take a call."""
    told = []
    for worker in here.workers():
        with here.only(worker):
            async with line(here.port) as caller:
                octets = request("POST", PATH, ("X-Api-Key", here.key), body=b"x")
                answer = await (await caller.send(octets)).answer()
                told.append("200" if answer.status == 200 else str(orjson.loads(answer.body)["code"]))
    return told


async def test_an_egress_that_is_out_is_out_for_every_worker_and_for_newcomers(tmp_path: Path) -> None:
    async with kit.running() as upstream, telling(World(tells=lambda request: "192.0.2.99")) as world:
        changes = {
            "workers": 2,
            "egress_proof.witnesses": [{"url": world.url, "trust": "trust.pem", "gate": True}],
            "egress_proof.every": 0.2,
        }
        with ExitStack() as stack:
            # In a thread, so that the witness can answer while the relay starts.
            here = await asyncio.to_thread(stack.enter_context, served(tmp_path, upstream.port, changes=changes))
            assert await _outcomes(here) == ["egress_out"] * 2
            status, why = await here.ask_operator("/readyz")
            assert (status, "192.0.2.99" in why) == (503, True)
            victim = here.workers()[0]
            os.kill(victim, signal.SIGKILL)
            await until(lambda: here.replaced(victim), seconds=10)
            assert await _outcomes(here) == ["egress_out"] * 2
            assert upstream.connections == 0
            world.tells = truth
            await until(lambda: here.events("egress_proven"), seconds=10)
            assert await _outcomes(here) == ["200"] * 2
            assert await here.ask_operator("/readyz") == (200, "ready\n")
            _, page = await here.ask_operator("/metrics")
            assert 'relay_egress_state{egress="127.0.0.9",state="proven",tenant="linde"} 1.0' in page


async def test_an_address_that_is_not_registered_is_out_for_every_worker_and_for_newcomers(tmp_path: Path) -> None:
    async with kit.running() as upstream, rehearsed(tmp_path) as registry:
        with ExitStack() as stack:
            changes = registry.settings() | {"workers": 2, "egress_proof.every": 0.2}
            here = await asyncio.to_thread(stack.enter_context, served(tmp_path, upstream.port, changes=changes))
            assert await _outcomes(here) == ["address_not_registered"] * 2
            victim = here.workers()[0]
            os.kill(victim, signal.SIGKILL)
            await until(lambda: here.replaced(victim), seconds=10)
            assert await _outcomes(here) == ["address_not_registered"] * 2
            assert upstream.connections == 0
            registry.register("127.0.0.9")
            await until(lambda: here.events("address_registered"), seconds=10)
            assert await _outcomes(here) == ["200"] * 2
            _, page = await here.ask_operator("/metrics")
            assert 'relay_egress_registered{egress="127.0.0.9",state="proven",way="linde"} 1.0' in page
