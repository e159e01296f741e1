"""Accepting beside other processes: one caller for each wake-up, and no circle when there are no descriptors left."""

import asyncio
import errno
import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from relay.errors import SettingsFault
from relay.front.acceptor import Acceptor, listening_socket
from tests.kit.door import until


class Greeter(asyncio.Protocol):
    """Greets whoever comes, and remembers."""

    met: list["Greeter"]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        assert isinstance(transport, asyncio.WriteTransport)
        self.met.append(self)
        transport.write(b"hello")


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with listening_socket("127.0.0.1", 0) as sock:
        yield sock


@pytest.fixture
def failures() -> list[OSError]:
    return []


@pytest.fixture
async def met(sock: socket.socket, failures: list[OSError]) -> AsyncIterator[list[Greeter]]:
    met: list[Greeter] = []
    protocol = type("Here", (Greeter,), {"met": met})
    acceptor = Acceptor(sock.dup(), protocol, spent=failures.append)
    yield met
    acceptor.close()
    for each in met:
        each.transport.close()
    await asyncio.sleep(0)


async def _greeted(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await reader.read(5)
    finally:
        writer.close()


async def test_callers_are_taken(sock: socket.socket, met: list[Greeter]) -> None:
    port = sock.getsockname()[1]
    assert await asyncio.gather(*(_greeted(port) for _ in range(50))) == [b"hello"] * 50
    assert len(met) == 50


async def test_one_wake_up_takes_one_caller(sock: socket.socket, met: list[Greeter]) -> None:
    """What waits is left to others, who wake up as well."""
    callers = [socket.create_connection(sock.getsockname()) for _ in range(5)]
    taken = []
    while len(met) < 5:
        await asyncio.sleep(0)
        taken.append(len(met))
    assert max(later - earlier for earlier, later in zip(taken, taken[1:], strict=False)) == 1
    for caller in callers:
        caller.close()


async def test_two_that_accept_from_one_socket_share_what_comes(sock: socket.socket, met: list[Greeter]) -> None:
    others: list[Greeter] = []
    other = Acceptor(sock.dup(), type("There", (Greeter,), {"met": others}), spent=lambda error: None)
    await asyncio.gather(*(_greeted(sock.getsockname()[1]) for _ in range(50)))
    assert len(met) + len(others) == 50
    assert met
    assert others
    other.close()


async def test_without_descriptors_it_pauses_and_says_so_then_goes_on(
    sock: socket.socket, met: list[Greeter], failures: list[OSError]
) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.create_connection(sock.getsockname()) as caller:
        caller.setblocking(False)
        highest = max(int(name) for name in os.listdir("/proc/self/fd")) + 1
        filled = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, most))
        try:
            while True:
                try:
                    filled.append(os.dup(0))
                except OSError:
                    break
            await asyncio.sleep(0.25)
        finally:
            for file in filled:
                os.close(file)
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert 1 <= len(failures) <= 4, "a tenth of a second between two attempts"
        assert failures[0].errno == errno.EMFILE
        await until(lambda: met)


async def test_a_socket_that_was_shut_down_for_all_is_let_go(sock: socket.socket, met: list[Greeter]) -> None:
    sock.shutdown(socket.SHUT_RDWR)
    await asyncio.sleep(0.02)
    with pytest.raises(ConnectionRefusedError):
        await _greeted(sock.getsockname()[1])


def test_a_port_that_is_taken_is_told_with_its_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SettingsFault, match="choose another port"):
        listening_socket("127.0.0.1", taken.getsockname()[1])
