"""`relay health`: 0 when all is well, 1 when not, for containers and service managers."""

import asyncio
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from prometheus_client import CollectorRegistry

from relay.cli import main
from relay.ops.app import Readiness, make_app
from relay.wire.server import serving
from tests.kit.relay import write_settings


async def _health(folder: Path, port: int, *arguments: str, address: str = "127.0.0.1") -> Result:
    write_settings(folder, 8443, changes={"operator.port": port, "operator.address": address})
    command = ["health", "--config", str(folder / "relay.toml"), *arguments]
    return await asyncio.to_thread(CliRunner().invoke, main, command)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
async def test_it_tells_life_and_readiness_apart(tmp_path: Path, address: str) -> None:
    readiness = Readiness()
    async with serving(make_app(readiness, CollectorRegistry()), "127.0.0.1", 0, key="operator") as place:
        alive = await _health(tmp_path, place.port, address=address)
        starting = await _health(tmp_path, place.port, "--ready", address=address)
        readiness.on()
        ready = await _health(tmp_path, place.port, "--ready", address=address)
    assert (alive.exit_code, alive.output) == (0, "alive\n")
    assert (starting.exit_code, starting.output) == (1, "not ready: starting\n")
    assert (ready.exit_code, ready.output) == (0, "ready\n")


async def test_no_relay_there_is_1_and_says_where_it_looked(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    result = await _health(tmp_path, port)
    assert result.exit_code == 1
    assert f"no relay answers on 127.0.0.1:{port}" in result.stderr


async def test_something_else_there_is_1_and_no_traceback(tmp_path: Path) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        result = await _health(tmp_path, server.sockets[0].getsockname()[1])
    assert result.exit_code == 1
    assert "no relay answers" in result.stderr
