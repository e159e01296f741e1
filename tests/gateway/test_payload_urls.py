"""Lists of messages lead back to the relay where their route is told so; payloads and requests never change."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from relay.errors import SettingsFault
from relay.message.payload_url import LONGEST_LIST
from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import Answer, CutOff, line, request
from tests.kit.relay import Relay, relay

MESSAGES = "/berichtenservice/berichten"
LIST = f"{MESSAGES}/rest-pull/v1/berichten?limit=250"
SEARCH = f"{MESSAGES}/rest-pull/v1/berichten/zoeken"
PAYLOAD = f"{MESSAGES}/rest-pull/v1/berichten/1/payload"


def _list(port: int, host: str = "") -> bytes:
    authority = host or f"localhost:{port}"
    return b'[{"payload" :{"url":"https://%b%b","sha256":"0"}}]' % (authority.encode(), PAYLOAD.encode())


def _answer(body: bytes, *fields: bytes, framed: str = "length") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + b"".join(field + b"\r\n" for field in fields)
    match framed:
        case "length":
            return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        case "chunks":
            half = len(body) // 2
            pieces = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:half], body[half:]) if piece)
            return head + b"Transfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"
        case _:
            return head + b"\r\n" + body


@asynccontextmanager
async def rewriting(folder: Path, upstream: kit.Upstream, *, routes: bool = True) -> AsyncIterator[Relay]:
    changes = {
        "tenants.linde.routes": [
            {
                "name": "messages",
                "prefix": MESSAGES,
                "upstream": f"https://localhost:{upstream.port}",
                "family": "messages",
            }
        ],
        "tenants.linde.rewrite_payload_urls": ["messages"] if routes else [],
        "listen.names": ["localhost", "relay.example"],
    }
    async with relay(folder, upstream.port, changes=changes) as here:
        yield here


async def _asked(
    here: Relay, path: str = LIST, method: str = "GET", *fields: tuple[str, str], host: str = "localhost"
) -> Answer:
    async with line(here.port) as caller:
        body = b"{}" if method == "POST" else None
        call = request(method, path, here.authorised, *fields, body=body, host=host)
        return await (await caller.send(call)).answer(to=method)


@pytest.mark.parametrize("framed", ["length", "chunks", "until close"])
@pytest.mark.parametrize(("method", "path"), [("GET", LIST), ("POST", SEARCH)], ids=["list", "search"])
async def test_the_addresses_in_a_list_lead_to_where_the_caller_called(
    tmp_path: Path, framed: str, method: str, path: str
) -> None:
    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(_answer(_list(upstream.port), b'ETag: "a"', b"Content-Digest: x", framed=framed))
        if framed == "until close":
            exchange.writer.close()

    async with kit.running(script) as upstream, rewriting(tmp_path, upstream) as here:
        answer = await _asked(here, path, method, ("Accept-Encoding", "gzip"), host="relay.example:8443")
    assert answer.body == _list(0, "relay.example:8443")
    assert answer.field("content-length") == str(len(answer.body))
    assert (answer.field("etag"), answer.field("content-digest")) == ('W/"a"', None)
    assert answer.field("x-relay-payload-urls") == "1"
    assert answer.field("transfer-encoding") is None
    assert b"accept-encoding" not in upstream.requests[0].head.lower(), "a packed list could not be rewritten"


@pytest.mark.parametrize("framed", ["length", "chunks"])
async def test_a_list_that_leads_elsewhere_comes_as_it_was(tmp_path: Path, framed: str) -> None:
    body = _list(0, "elsewhere.example")
    sent = _answer(body, b'ETag: "a"', b"Content-Digest: x", framed=framed)
    async with kit.running(kit.answering(sent)) as upstream, rewriting(tmp_path, upstream) as here:
        answer = await _asked(here)
    assert answer.body == body
    assert (answer.field("etag"), answer.field("content-digest")) == ('"a"', "x")
    assert answer.field("x-relay-payload-urls") is None


@pytest.mark.parametrize(
    ("path", "method", "field"),
    [
        (PAYLOAD, "GET", b"X: 1"),
        (f"{MESSAGES}/rest-push/v1/berichten", "POST", b"X: 1"),
        (LIST, "GET", b"Content-Encoding: gzip"),
        (LIST, "GET", b"Cache-Control: no-transform"),
    ],
    ids=["payload", "push", "packed", "no-transform"],
)
async def test_payloads_and_what_is_no_plain_list_come_as_they_were(
    tmp_path: Path, path: str, method: str, field: bytes
) -> None:
    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(_answer(_list(upstream.port), field))

    async with kit.running(script) as upstream, rewriting(tmp_path, upstream) as here:
        answer = await _asked(here, path, method, ("Accept-Encoding", "gzip"))
        assert answer.body == _list(upstream.port)
    assert (b"Accept-Encoding: gzip" in upstream.requests[0].head) == (path != LIST)


async def test_nothing_is_rewritten_on_a_route_that_was_not_told_so(tmp_path: Path) -> None:
    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(_answer(_list(upstream.port)))

    async with kit.running(script) as upstream, rewriting(tmp_path, upstream, routes=False) as here:
        assert (await _asked(here)).body == _list(upstream.port)


async def test_addresses_in_a_request_travel_as_they_are(tmp_path: Path) -> None:
    body = b'{"payload":{"url":"https://localhost:8443/berichtenservice/berichten/x"}}'
    async with kit.running() as upstream, rewriting(tmp_path, upstream) as here, line(here.port) as caller:
        await (await caller.send(request("POST", SEARCH, here.authorised, body=body))).answer()
    assert upstream.requests[0].body == body


@pytest.mark.parametrize("framed", ["length", "chunks"])
async def test_a_list_that_is_too_long_to_keep_comes_as_it_was(tmp_path: Path, framed: str) -> None:
    async with kit.running() as upstream:
        body = _list(upstream.port) + b" " * LONGEST_LIST
        upstream.script = kit.answering(_answer(body, framed=framed))
        async with rewriting(tmp_path, upstream) as here:
            answer = await _asked(here)
            assert (await _asked(here)).status == 200
    assert answer.body == body
    assert answer.field("x-relay-payload-urls") is None


@pytest.mark.parametrize("framed", ["length", "chunks", "until close"])
async def test_a_list_that_is_cut_off_does_not_look_complete(tmp_path: Path, framed: str) -> None:
    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(_answer(_list(upstream.port), framed=framed)[:-6])
        await asyncio.sleep(0.02)
        exchange.reset()

    async with kit.running(script) as upstream, rewriting(tmp_path, upstream) as here:
        with pytest.raises(CutOff):
            await _asked(here)
        await until(lambda: here.exchanges)
        assert here.exchanges[0]["cause"] == "upstream_closed"


async def test_a_caller_that_leaves_while_its_list_is_kept_leaves_nothing(tmp_path: Path) -> None:
    going_on = asyncio.Event()

    async def script(exchange: kit.Exchange) -> None:
        octets = _answer(_list(upstream.port))
        await exchange.answer(octets[:-6])
        await going_on.wait()
        await exchange.answer(octets[-6:])

    async with kit.running(script) as upstream, rewriting(tmp_path, upstream) as here:
        for turn, (method, path) in enumerate((("GET", LIST), ("POST", SEARCH))):
            async with line(here.port) as caller:
                await caller.send(request(method, path, here.authorised, body=b"{}" if method == "POST" else None))
                await until(lambda turn=turn: len(upstream.requests) > turn)
                await asyncio.sleep(0.05)
                caller.hang_up()
            await asyncio.sleep(0.05)
        going_on.set()
        await until(lambda: len(here.exchanges) == 2)
        assert [exchange["status"] for exchange in here.exchanges] == [499, 499]
        assert "relay_calls_in_progress 0.0" in await here.scrape()
        assert "internal_fault" not in here.out.getvalue().decode()


async def test_a_list_that_does_not_end_in_time_is_told_so(tmp_path: Path) -> None:
    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(_answer(_list(upstream.port))[:-6])
        await exchange.reader.read()

    async with kit.running(script) as upstream, rewriting(tmp_path, upstream) as here:
        answer = await _asked(here, LIST, "GET", ("X-Relay-Timeout", "0.2"))
        assert answer.status == 504
        await until(lambda: upstream.open == 0)


@pytest.mark.one_process
@pytest.mark.parametrize("name", ["cov", "nothing"])
async def test_only_routes_of_messages_can_be_told_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsFault, match=f"{name} is no route of family messages"):
        async with relay(tmp_path, 1, changes={"tenants.linde.rewrite_payload_urls": [name]}):
            pass
