"""Serving an aiohttp face: the real port is told, and a place that cannot be had is a fault with its remedy."""

import asyncio
import socket

import pytest
from aiohttp import web

from relay.errors import SettingsFault
from relay.wire.server import serving


async def test_port_0_is_told_as_the_port_that_was_found() -> None:
    async with serving(web.Application(), "127.0.0.1", 0, key="operator") as place:
        assert place.port > 0


async def test_a_port_that_is_taken_is_a_fault_of_its_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsFault) as fault:
            async with serving(web.Application(), "127.0.0.1", port, key="operator"):
                pass
    [(key, what)] = fault.value.faults
    assert key == "operator"
    assert f"port {port} on 127.0.0.1 is taken" in what
    assert "choose another port" in what


async def test_an_address_of_another_machine_is_a_fault_of_its_key() -> None:
    with pytest.raises(SettingsFault, match="not an address of this machine"):
        async with serving(web.Application(), "192.0.2.1", 0, key="operator"):
            pass


async def test_a_request_that_cannot_be_read_is_logged_by_its_kind_and_never_by_its_octets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(web.Application(), "127.0.0.1", 0, key="operator") as place:
        reader, writer = await asyncio.open_connection(place.address, place.port)
        writer.write(b"GET /999979668 HTTP/9.1\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"400"
        writer.close()
    assert "a request failed" in caplog.text
    assert "999979668" not in caplog.text
