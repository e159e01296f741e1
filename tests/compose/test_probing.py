"""When a probe of the relay's own goes out, and what becomes of its permit when it does not end well."""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from relay.compose.relay import build
from relay.compose.relay.certificates import prober_of
from relay.compose.relay.probing import Trial
from relay.errors import SettingsFault
from relay.observe.log import make_logger
from relay.observe.metrics import Metrics
from relay.upstream.guard import Guard, State
from relay.upstream.guardroom import Guardroom
from relay.upstream.passport import Passport
from relay.upstream.proof import Footing, Why
from relay.upstream.proof import State as Proven
from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.relay import read_settings, write_settings

PLACE = ("linde", "127.0.0.9")
PROBE = "tenants.linde.certificate.probe"
OUT = Footing(Proven.OUT, usable=False, why=Why.ADDRESS_MISSING)
WARNED = Footing(Proven.OUT, why=Why.ADDRESS_DIFFERS)


@dataclass
class Staged:
    """A trial of a way whose guard holds, and whose pause is soon over; also what the way is now."""

    room: Guardroom
    in_force: Passport | None
    footings: Sequence[Footing] = ()

    @property
    def guard(self) -> Guard:
        return self.room.book().guards[PLACE]


@asynccontextmanager
async def staged(
    folder: Path, port: int, *, closed: bool = False, footing: Footing | None = None
) -> AsyncIterator[Staged]:
    changes = {f"{PROBE}.get": "/acc/cov/x", "guard.first_pause": 0.05, "guard.after": 1}
    write_settings(folder, port, changes=changes)
    settings, metrics = read_settings(folder), Metrics()
    built = build(settings, datetime.now(UTC))
    way, room = built.ways["linde"], built.guardroom
    stage = Staged(room, None if closed else way.passport, [footing] if footing else [])
    prober = prober_of(way, settings, metrics)
    assert prober is not None
    room.refused(*PLACE, permit="", at=time.time())
    trial = asyncio.create_task(Trial(prober, way, 0, stage, room, make_logger(io.BytesIO())).keep_trying())
    try:
        yield stage
    finally:
        trial.cancel()
        with suppress(asyncio.CancelledError):
            await trial


@pytest.mark.parametrize("footing", [None, WARNED])
async def test_it_probes_from_an_egress_that_may_be_used(tmp_path: Path, footing: Footing | None) -> None:
    async with kit.running() as upstream, staged(tmp_path, upstream.port, footing=footing) as stage:
        await until(lambda: stage.guard.state is State.PASSING)
        assert len(upstream.requests) == 1


async def test_from_an_egress_that_is_out_nothing_is_sent_until_it_is_back(tmp_path: Path) -> None:
    async with kit.running() as upstream, staged(tmp_path, upstream.port, footing=OUT) as stage:
        await asyncio.sleep(0.6)
        assert (stage.guard.state, stage.guard.probes, upstream.connections) == (State.HOLDING, 0, 0)
        stage.footings = [Footing(Proven.PROVEN)]
        await until(lambda: stage.guard.state is State.PASSING)


async def test_without_a_certificate_nothing_is_sent(tmp_path: Path) -> None:
    async with kit.running() as upstream, staged(tmp_path, upstream.port, closed=True) as stage:
        await asyncio.sleep(0.6)
        assert (stage.guard.state, stage.guard.probes, upstream.connections) == (State.HOLDING, 0, 0)


async def test_while_any_route_of_the_certificate_is_stopped_for_its_quota_nothing_is_sent(tmp_path: Path) -> None:
    async with kit.running() as upstream, staged(tmp_path, upstream.port) as stage:
        stage.room.stop("linde", "claims", at=time.time())
        await asyncio.sleep(0.6)
        assert (stage.guard.state, stage.guard.probes, upstream.connections) == (State.HOLDING, 0, 0)
        stage.room.lift("linde", "claims", at=time.time())
        await until(lambda: stage.guard.state is State.PASSING)


async def test_a_probe_that_is_broken_off_gives_its_permit_back(tmp_path: Path) -> None:
    came, never = asyncio.Event(), asyncio.Event()

    async def stall(exchange: kit.Exchange) -> None:
        came.set()
        await never.wait()

    async with kit.running(stall) as upstream:
        async with staged(tmp_path, upstream.port) as stage:
            await came.wait()
            assert stage.guard.state.value == "probing"
        assert stage.guard.state.value == "holding"
        never.set()


def test_of_a_paused_tenant_no_probe_goes_out(tmp_path: Path) -> None:
    write_settings(tmp_path, 1, changes={f"{PROBE}.get": "/acc/cov/x", "tenants.linde.card.paused": "no consent"})
    settings = read_settings(tmp_path)
    way = build(settings, datetime.now(UTC)).ways["linde"]
    assert way.question is not None
    assert prober_of(way, settings, Metrics()) is None


def test_is_alive_is_asked_of_a_soap_service_alone(tmp_path: Path) -> None:
    route = {"name": "m", "prefix": "/acc/m", "upstream": "https://localhost:1", "family": "messages"}
    write_settings(tmp_path, 1, changes={f"{PROBE}.is_alive": "/acc/m/x", "tenants.linde.routes": [route]})
    with pytest.raises(SettingsFault, match=r"certificate\.probe.*no SOAP service"):
        build(read_settings(tmp_path), datetime.now(UTC))
