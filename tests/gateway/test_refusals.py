"""Refusals over the wire: VECOZO's answer is handed on untouched, with its cause beside it; the matrix of 403s."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kit import upstream as kit
from tests.kit.line import Answer, line, request
from tests.kit.relay import Relay, relay

JSON = b'{ "statusCode": 403, "message": "Forbidden" }'
IIS = (
    b'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"><html><h2>403 - Forbidden: Access is denied.</h2></html>'
)
BUSINESS = b'{"code":"VCZ-1","message":"niet gemachtigd voor deze partij"}'
TEXT = b"policy denied"

COV, PEP = "/acc/cov/x", "/acc/pep/x"
ADDRESS, INVALID, FUNCTIONAL = "address_or_blocked", "certificate_invalid", "functional"


def _chunked(body: bytes) -> bytes:
    """Each octet on its own, as an upstream may send them."""
    return b"".join(b"1\r\n%c\r\n" % octet for octet in body) + b"0\r\n\r\n"


def _with_length(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


# Shape of a 403 -> (fields and body as sent, the body that it is).
SHAPES: dict[str, tuple[bytes, bytes]] = {
    "empty": (_with_length(b""), b""),
    "gateway's JSON": (b"Content-Type: application/json\r\n" + _with_length(JSON), JSON),
    "IIS page": (b"Content-Type: text/html\r\n" + _with_length(IIS), IIS),
    "functional JSON": (b"Content-Type: application/json\r\n" + _with_length(BUSINESS), BUSINESS),
    "functional text": (b"Content-Type: text/plain\r\n" + _with_length(TEXT), TEXT),
    "chunked, empty": (b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b""),
    "chunked JSON": (b"Transfer-Encoding: chunked\r\n\r\n" + _chunked(JSON), JSON),
    "chunked page": (b"Transfer-Encoding: chunked\r\n\r\n" + _chunked(IIS), IIS),
    "chunked functional": (b"Transfer-Encoding: chunked\r\n\r\n" + _chunked(BUSINESS), BUSINESS),
}
BARE = {"empty", "gateway's JSON", "IIS page", "chunked, empty", "chunked JSON", "chunked page"}
# (path, phrase) -> the cause of a bare one.
PHRASES = {
    (COV, "Forbidden"): ADDRESS,
    (COV, "Not Allowed"): ADDRESS,
    (COV, "Invalid Client Certificate"): INVALID,
    (COV, "Unauthorized"): FUNCTIONAL,
    (COV, ""): FUNCTIONAL,
    (PEP, "Forbidden"): FUNCTIONAL,
    (PEP, "Not Allowed"): ADDRESS,
    (PEP, "Invalid Client Certificate"): INVALID,
    (PEP, "Unauthorized"): FUNCTIONAL,
}


@dataclass
class Says:
    """An upstream that answers every call with the same octets."""

    octets: bytes = b""

    async def __call__(self, exchange: kit.Exchange) -> None:
        # Octet by octet, as it were: the head leaves before the body.
        head, _, body = self.octets.partition(b"\r\n\r\n")
        await exchange.answer(head + b"\r\n\r\n")
        await exchange.answer(body)


def _routes(port: int) -> dict[str, object]:
    upstream = f"https://localhost:{port}"
    return {
        "tenants.linde.routes": [
            {"name": "cov", "prefix": "/acc/cov", "upstream": upstream, "repeatable": True},
            {"name": "pep", "prefix": "/acc/pep", "upstream": upstream, "family": "iwlz", "wording": "pep"},
        ],
        "guard.after": 100,
    }


async def _called(here: Relay, path: str, method: str = "POST") -> Answer:
    async with line(here.port) as caller:
        body = b"<q/>" if method == "POST" else None
        return await (await caller.send(request(method, path, here.authorised, body=body))).answer()


@pytest.mark.slow
async def test_each_403_has_its_cause_and_reaches_the_caller_untouched(tmp_path: Path) -> None:
    says = Says()
    folders = iter(range(1000))
    async with kit.running(says) as upstream:
        for (path, phrase), bare in PHRASES.items():
            folder = tmp_path / str(next(folders))
            folder.mkdir()
            async with relay(folder, upstream.port, changes=_routes(upstream.port)) as here:
                for shape, (octets, body) in SHAPES.items():
                    says.octets = f"HTTP/1.1 403 {phrase}\r\n".encode() + octets
                    answer = await _called(here, path)
                    cause = bare if shape in BARE or bare == INVALID else FUNCTIONAL
                    told = (path, phrase, shape)
                    assert (answer.status, answer.reason, answer.body) == (403, phrase, body), told
                    assert answer.field("x-relay-cause") == cause, told
                    assert answer.field("x-relay-egress") == "127.0.0.9"
                    assert answer.field("proxy-status") == "relay; received-status=403"
                    noted = here.exchanges[-1]
                    assert (noted["cause"], noted["sent"]) == (cause, "true")
                    assert answer.field("x-relay-certificate") == noted["certificate"]
                    assert "127.0.0.9" in str(noted["explanation"])


@pytest.mark.parametrize(("body", "cause"), [(JSON, ADDRESS), (b'{ "code": 1 }', FUNCTIONAL)], ids=["bare", "own"])
async def test_a_body_that_comes_in_pieces_is_read_whole(tmp_path: Path, body: bytes, cause: str) -> None:
    async def in_pieces(exchange: kit.Exchange) -> None:
        await exchange.answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body[:3]))
        for piece in (body[3:8], body[8:]):
            await asyncio.sleep(0.03)
            await exchange.answer(piece)

    async with kit.running(in_pieces) as upstream, relay(tmp_path, upstream.port) as here:
        answer = await _called(here, COV)
    assert (answer.field("x-relay-cause"), answer.body) == (cause, body)


async def test_the_end_of_a_long_body_is_not_waited_for(tmp_path: Path) -> None:
    let_go = asyncio.Event()

    async def long(exchange: kit.Exchange) -> None:
        await exchange.answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5000\r\n\r\n" + b"x" * 4500)
        await let_go.wait()
        await exchange.answer(b"x" * 500)

    async with kit.running(long) as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        await caller.send(request("POST", COV, here.authorised, body=b"x"))
        head = await caller.reader.readuntil(b"\r\n\r\n")
        let_go.set()
        await caller.reader.readexactly(5000)
    assert b"X-Relay-Cause: functional\r\n" in head


@pytest.mark.parametrize(
    ("status", "cause"),
    [("400 Bad Request", FUNCTIONAL), ("401 Unauthorized", FUNCTIONAL), ("429 Too Many Requests", "quota")],
)
async def test_other_refusals_are_told_and_counted_too(tmp_path: Path, status: str, cause: str) -> None:
    octets = f"HTTP/1.1 {status}\r\n".encode() + _with_length(BUSINESS)
    async with kit.running(kit.answering(octets)) as upstream, relay(tmp_path, upstream.port) as here:
        answer = await _called(here, COV)
        page = await here.scrape()
    assert (answer.status, answer.body) == (int(status[:3]), BUSINESS)
    assert answer.field("x-relay-cause") == cause
    assert f'relay_upstream_refusals_total{{cause="{cause}",route="cov",tenant="linde"}} 1.0' in page


@pytest.mark.parametrize("status", ["404 Not Found", "500 Internal Server Error", "502 Bad Gateway"])
async def test_a_fault_of_theirs_has_no_cause(tmp_path: Path, status: str) -> None:
    octets = f"HTTP/1.1 {status}\r\n".encode() + _with_length(b"<Fault/>")
    async with kit.running(kit.answering(octets)) as upstream, relay(tmp_path, upstream.port) as here:
        answer = await _called(here, COV)
    assert (answer.status, answer.body) == (int(status[:3]), b"<Fault/>")
    assert answer.field("x-relay-cause") is None


async def test_readings_of_the_operators_own_go_first(tmp_path: Path) -> None:
    own = [
        {"status": 403, "reason": "IP Denied", "cause": "address_or_blocked"},
        {"status": 451, "header": {"name": "x-edge", "contains": "Address"}, "cause": "address_or_blocked"},
        {"status": 403, "body": "Certificaat", "families": ["soap"], "cause": "certificate_invalid"},
    ]
    says = Says()
    async with kit.running(says) as upstream, relay(tmp_path, upstream.port, changes={"refusals": own}) as here:
        causes = []
        for octets in (
            b"HTTP/1.1 403 ip denied\r\n" + _with_length(TEXT),
            b"HTTP/1.1 451 No\r\nX-Edge: by address\r\n" + _with_length(b""),
            b"HTTP/1.1 403 No\r\n" + _with_length(b"uw CERTIFICAAT"),
            b"HTTP/1.1 403 No\r\n" + _with_length(TEXT),
        ):
            says.octets = octets
            causes.append((await _called(here, COV)).field("x-relay-cause"))
    assert causes == [ADDRESS, ADDRESS, INVALID, FUNCTIONAL]
