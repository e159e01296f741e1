"""What every witness keeps to, whoever answers. A new kind comes in as one more entry in `WITNESSES`."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from aiohttp import web

from relay.upstream.egress import Egress
from relay.upstream.witness import UrlWitness, Witness, WitnessSilent
from relay.x509.context import client_context
from tests.kit import authority as kit
from tests.kit.gate import Gate
from tests.kit.gate import running as gate_running
from tests.kit.witness import World, telling, truth

HERE, ALSO_HERE, ELSEWHERE = (IPv4Address(each) for each in ("127.0.0.9", "127.0.0.10", "192.0.2.1"))
PUBLIC = IPv4Address("203.0.113.10")


@dataclass
class Way:
    """How to make one: on an honest server, given whom to trust."""

    running: Callable[[], AbstractAsyncContextManager[str]]

    @asynccontextmanager
    async def witness(self, trust: Path) -> AsyncIterator[Witness]:
        async with self.running() as url:
            yield UrlWitness(url=url, gate=True, context=client_context(None, trust=trust), seconds=1)


def _world(tells: Callable[[web.Request], web.Response | str]) -> Way:
    @asynccontextmanager
    async def running() -> AsyncIterator[str]:
        async with telling(World(tells=tells)) as world:
            yield world.url

    return Way(running)


def _json(request: web.Request) -> web.Response:
    return web.json_response({"ip": request.remote, "country": "NL", "port": 1})


@asynccontextmanager
async def _gate() -> AsyncIterator[str]:
    async with gate_running(Gate()) as gate:
        yield f"https://localhost:{gate.port}/whoami"


WITNESSES = {"text": _world(truth), "json": _world(_json), "gate": Way(_gate)}


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    file = tmp_path / "trust.pem"
    file.write_bytes(kit.authority().trust_pem())
    return file


@pytest.fixture(params=WITNESSES)
async def witness(request: pytest.FixtureRequest, trust: Path) -> AsyncIterator[Witness]:
    async with WITNESSES[request.param].witness(trust) as witness:
        yield witness


async def test_it_tells_the_address_that_it_was_asked_from(witness: Witness) -> None:
    for source in (HERE, ALSO_HERE, HERE):
        assert await witness.ask(Egress(source, PUBLIC)) == source


async def test_from_an_address_that_is_not_here_nobody_is_asked(witness: Witness) -> None:
    with pytest.raises(WitnessSilent, match=r"192\.0\.2\.1 is not an address of this machine"):
        await witness.ask(Egress(ELSEWHERE, PUBLIC))


async def test_its_name_has_no_path_or_query(witness: Witness) -> None:
    assert witness.name.startswith("localhost:")
    assert not set("/?=") & set(witness.name)
    assert "geheim" not in witness.name


@pytest.mark.parametrize("kind", WITNESSES)
async def test_one_that_nobody_trusts_is_silent(tmp_path: Path, kind: str) -> None:
    (tmp_path / "other.pem").write_bytes(kit.foreign_authority().trust_pem())
    async with WITNESSES[kind].witness(tmp_path / "other.pem") as witness:
        with pytest.raises(WitnessSilent, match="its certificate is not trusted"):
            await witness.ask(Egress(HERE, PUBLIC))


@pytest.mark.parametrize("kind", WITNESSES)
async def test_one_that_is_gone_is_silent(trust: Path, kind: str) -> None:
    async with WITNESSES[kind].witness(trust) as witness:
        pass
    with pytest.raises(WitnessSilent):
        await witness.ask(Egress(HERE, PUBLIC))
