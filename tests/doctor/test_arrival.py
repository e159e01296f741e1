"""The callers' side, as a caller sees it: what the listener shows in memory, and what a running relay shows."""

import asyncio
from pathlib import Path

from relay.doctor.arrival import arrival
from relay.doctor.finding import Finding, State
from relay.settings.relay import RelaySettings
from tests.kit import authority as kit
from tests.kit.relay import read_settings, relay, write_settings


async def _arrived(settings: RelaySettings) -> list[Finding]:
    return [finding async for finding in arrival(settings, kit.AT)]


def _at(settings: RelaySettings, port: int) -> RelaySettings:
    return settings.model_copy(update={"listen": settings.listen.model_copy(update={"port": port})})


async def test_a_private_authority_is_a_warning_for_dynamics_trusts_the_public_web_alone(tmp_path: Path) -> None:
    write_settings(tmp_path, 443)
    [told] = [each for each in await _arrived(read_settings(tmp_path)) if each.state is State.WARNING]
    assert "public web" in told.what
    assert "Dynamics 365" in told.next


async def test_what_the_running_relay_shows_is_looked_at(tmp_path: Path) -> None:
    async with relay(tmp_path, 443) as here:
        settings = _at(read_settings(tmp_path), here.port)
        same = await _arrived(settings)
        other = kit.authority().issue_server(["localhost"], at=kit.AT)
        (tmp_path / "server.pem").write_bytes(other.chain_pem())
        (tmp_path / "server.key").write_bytes(other.key_pem())
        differs = await _arrived(settings)
    assert (same[-1].state, differs[-1].state) == (State.GOOD, State.FAILED)
    assert "another certificate" in differs[-1].what
    assert (await _arrived(settings))[-1].state is State.NOTE


async def test_a_port_that_something_else_has_is_told(tmp_path: Path) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    write_settings(tmp_path, 443)
    async with await asyncio.start_server(greet, "127.0.0.1", 0) as other:
        told = (await _arrived(_at(read_settings(tmp_path), other.sockets[0].getsockname()[1])))[-1]
    assert told.state is State.FAILED
    assert "ss -ltnp" in told.next


async def test_the_callers_side_ends_where_it_breaks(tmp_path: Path) -> None:
    write_settings(tmp_path, 443)
    (tmp_path / "server.key").write_bytes(kit.other_system().key_pem())
    [told] = await _arrived(read_settings(tmp_path))
    assert told.state is State.FAILED
    assert "does not belong" in told.what
