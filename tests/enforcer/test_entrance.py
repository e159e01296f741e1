"""Before TLS: whose connection it is, load balancers tell, and nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Network

import pytest

from relay.enforcer.entrance import Entrance
from relay.front.arrival import Proxies
from relay.front.proxy_header import Reason
from tests.kit import authority as kit
from tests.kit.door import until
from tests.kit.gate import Gate, book, running
from tests.kit.line import Line
from tests.kit.proxied import LOCAL, header, plain_line, proxied_line, told

ELSEWHERE = "127.0.0.2"
LOOK = b"GET /whoami HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass
class Balanced:
    """A gate behind a load balancer at 127.0.0.1."""

    gate: Gate
    entrance: Entrance
    turned_away: list[Reason] = field(default_factory=list)


@asynccontextmanager
async def balanced(seconds: float = 10) -> AsyncIterator[Balanced]:
    away: list[Reason] = []
    entrance = Entrance(Proxies([IPv4Network("127.0.0.1/32")]), turned_away=away.append, seconds=seconds)
    async with running(Gate(book=book([kit.system()], ["203.0.113.7"])), entrance=entrance) as gate:
        yield Balanced(gate, entrance, away)


async def seen_by(caller: Line) -> str:
    answer = await (await caller.send(LOOK)).answer()
    assert answer.status == 200
    return answer.body.decode().partition('"address":"')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("octets", "address"),
    [
        (told("203.0.113.7"), "203.0.113.7"),
        (told("::ffff:203.0.113.7"), "203.0.113.7"),
        (told("2001:db8::7"), "2001:db8::7"),
        (header(command=LOCAL, family=0), "127.0.0.1"),
    ],
    ids=["IPv4", "mapped", "IPv6", "LOCAL"],
)
async def test_the_caller_is_the_one_that_the_header_tells(octets: bytes, address: str) -> None:
    async with balanced() as here, proxied_line(here.gate.port, octets) as caller:
        assert await seen_by(caller) == address
        assert await seen_by(caller) == address  # on a kept connection as well


async def test_a_header_in_pieces_of_one_octet_is_read_and_no_octet_of_tls_with_it() -> None:
    octets = told("203.0.113.7")
    pieces = [octets[at : at + 1] for at in range(len(octets))]
    async with balanced() as here, proxied_line(here.gate.port, *pieces) as caller:
        assert await seen_by(caller) == "203.0.113.7"


async def test_callers_at_once_are_not_taken_for_one_another() -> None:
    addresses = [f"203.0.113.{number}" for number in range(1, 21)]

    async def asked(address: str) -> str:
        async with proxied_line(here.gate.port, told(address)) as caller:
            return await seen_by(caller)

    async with balanced() as here:
        assert await asyncio.gather(*map(asked, addresses)) == addresses


async def test_a_peer_that_is_no_load_balancer_speaks_for_itself() -> None:
    async with balanced() as here, proxied_line(here.gate.port, source=ELSEWHERE) as caller:
        assert await seen_by(caller) == ELSEWHERE


async def test_a_header_of_anybody_else_is_no_tls_and_gets_nothing() -> None:
    async with balanced() as here, plain_line(here.gate.port, told("203.0.113.7"), LOOK, source=ELSEWHERE) as caller:
        assert b"HTTP/" not in await caller.reader.read()
    assert here.gate.passages == []


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (LOOK, Reason.NO_HEADER),
        (b"PROXY TCP4 203.0.113.7 192.0.2.1 1 443\r\n", Reason.VERSION_1),
        (header(b"\xff" * 4), Reason.LENGTH),
    ],
)
async def test_a_load_balancer_that_sends_no_header_to_go_by_is_turned_away(octets: bytes, reason: Reason) -> None:
    async with balanced() as here, plain_line(here.gate.port, octets) as caller:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await caller.reader.readexactly(1)
        assert here.turned_away == [reason]


async def test_a_load_balancer_that_begins_and_stays_away_is_turned_away_in_time() -> None:
    async with balanced(seconds=0.1) as here, plain_line(here.gate.port, told("203.0.113.7")[:20]):
        await until(lambda: here.turned_away == [Reason.LATE])


async def test_one_that_ends_within_its_header_is_told_and_one_that_says_nothing_is_not() -> None:
    async with balanced() as here:
        async with plain_line(here.gate.port) as caller:
            caller.writer.write_eof()
            assert await caller.reader.read() == b""
        assert here.turned_away == []
        async with plain_line(here.gate.port, told("203.0.113.7")[:20]) as caller:
            caller.writer.write_eof()
            await until(lambda: here.turned_away == [Reason.CUT_SHORT])


async def test_connections_that_have_ended_are_forgotten() -> None:
    async with balanced() as here:
        for number in range(200):
            async with proxied_line(here.gate.port, told(f"203.0.113.{number + 1}")):
                pass
        assert repr(here.entrance) != "<Entrance: 0 callers told by load balancers>"
        assert int(repr(here.entrance).split()[1]) < 150


async def test_whoever_is_still_shaking_hands_when_it_ends_is_let_go() -> None:
    async with balanced() as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.gate.port)
        writer.write(told("203.0.113.7"))
        await asyncio.sleep(0.05)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await reader.readexactly(1)
    writer.transport.abort()
