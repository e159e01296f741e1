"""Asking a URL: what it may answer, what is taken of it, and that nothing else leaves or comes in."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from aiohttp import web

from relay.upstream.egress import Egress
from relay.upstream.witness import UrlWitness, WitnessSilent, address_in
from relay.x509.context import client_context
from tests.kit import authority as kit
from tests.kit.witness import World, telling

SOURCE = IPv4Address("127.0.0.9")
EGRESS = Egress(SOURCE, IPv4Address("203.0.113.10"))


@pytest.mark.parametrize(
    "octets",
    [
        b"203.0.113.7",
        b"203.0.113.7\n",
        b"  203.0.113.7 \r\n",
        b"::ffff:203.0.113.7",
        b'"203.0.113.7"',
        b'{"ip": "203.0.113.7"}',
        b'{"origin": "203.0.113.7", "n": 1, "x": {"ip": "9.9.9.9"}}',
        b'{"ip": "203.0.113.7", "address": "203.0.113.7"}',
        b'{"address":"203.0.113.7","certificate":null,"admitted":false,"reason":"certificate_missing"}',
    ],
)
def test_an_address_is_found_as_text_and_in_json(octets: bytes) -> None:
    assert address_in(octets) == IPv4Address("203.0.113.7")


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"2001:db8::1",
        b"203.0.113.7, 203.0.113.8",
        b"<html>203.0.113.7</html>",
        b"203.0.113.300",
        b"203.0.113.07",
        b"3405803783",
        b"3405803783.5",
        b'{"ip": "203.0.113.7", "proxy": "203.0.113.8"}',
        b'{"ip": {"v4": "203.0.113.7"}}',
        b'{"ip": 3405803783}',
        b'["203.0.113.7"]',
        b"\xff\xfe",
        b"[" * 4000,
    ],
)
def test_anything_else_is_silence_and_is_never_quoted(octets: bytes) -> None:
    with pytest.raises(WitnessSilent) as silent:
        address_in(octets)
    assert "203.0.113" not in silent.value.detail


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    file = tmp_path / "trust.pem"
    file.write_bytes(kit.authority().trust_pem())
    return file


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with telling(World()) as world:
        yield world


@pytest.fixture
def witness(world: World, trust: Path) -> UrlWitness:
    return UrlWitness(url=world.url, gate=False, context=client_context(None, trust=trust), seconds=0.3)


async def test_every_question_has_a_connection_of_its_own_and_shows_nothing(
    world: World, witness: UrlWitness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    for _ in range(3):
        assert await witness.ask(EGRESS) == SOURCE
    assert world.asked == [str(SOURCE)] * 3
    assert len(world.connections) == 3
    assert world.shown == [None] * 3
    names = {name for fields in world.fields for name in fields}
    assert names == {"Host", "Accept", "Accept-Encoding", "User-Agent", "Connection"}


def _response(status: int, text: str = "203.0.113.7", **headers: str) -> web.Response:
    return web.Response(status=status, text=text, headers=headers)


async def _slow(request: web.Request) -> str:
    await asyncio.sleep(0.6)
    return "203.0.113.7"


async def _endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(10_000):
        await answer.write(b" " * 1000)
    return answer


@pytest.mark.parametrize(
    ("tells", "why"),
    [
        (lambda request: _response(302, Location="/elsewhere"), "answered 302"),
        (lambda request: _response(500), "answered 500"),
        (lambda request: _response(204, ""), "answered 204"),
        (lambda request: _response(200, " " * 4096 + "203.0.113.7"), "over 4096"),
        (_endless, "over 4096"),
        (_slow, "no answer within 0.3 seconds"),
    ],
)
async def test_what_is_no_plain_and_prompt_answer_is_silence(
    world: World, witness: UrlWitness, tells: object, why: str
) -> None:
    world.tells = tells  # type: ignore[assignment]  # of the shapes that it takes
    with pytest.raises(WitnessSilent, match=why):
        await witness.ask(EGRESS)
    assert len(world.asked) == 1


async def test_no_cookie_comes_back(world: World, witness: UrlWitness) -> None:
    world.tells = lambda request: _response(200, str(request.remote), **{"Set-Cookie": "a=b"})
    await witness.ask(EGRESS)
    await witness.ask(EGRESS)
    assert "Cookie" not in world.fields[-1]


async def test_one_that_speaks_no_tls_is_silent(trust: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    witness = UrlWitness(url=f"https://localhost:{port}/", gate=False, context=client_context(None, trust=trust))
    with pytest.raises(WitnessSilent):
        await witness.ask(EGRESS)
    server.close()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://localhost:1/", "cannot be asked: Connection refused"),
        ("https://nowhere.invalid/", "cannot be asked: its name has no IPv4 address that can be found"),
    ],
)
async def test_why_one_cannot_be_asked_is_told_in_words(trust: Path, url: str, why: str) -> None:
    witness = UrlWitness(url=url, gate=False, context=client_context(None, trust=trust))
    with pytest.raises(WitnessSilent, match=why):
        await witness.ask(EGRESS)


def test_its_context_does_not_show(trust: Path) -> None:
    context: ssl.SSLContext = client_context(None, trust=trust)
    assert "SSLContext" not in repr(UrlWitness(url="https://a.example/", gate=False, context=context))
