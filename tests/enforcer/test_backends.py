"""Behind the gate may stand a service of one's own: it gets the call as it came, who makes it, and nothing else."""

import asyncio
import io
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.client import IncompleteRead
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from relay.enforcer.backends import Backend, Backends, backend_session
from relay.enforcer.faults import Fault, Kind
from relay.enforcer.places import Family, Place
from relay.enforcer.staging import Staging
from relay.observe.log import make_logger
from relay.registry.domain.certificates import Environment
from relay.registry.domain.mandates import Service
from relay.x509.bundle import read_bundle
from relay.x509.context import client_context
from tests.kit import authority as kit
from tests.kit.caller import Caller, Seen, get, post
from tests.kit.door import until
from tests.kit.gate import Gate, book, gate_context, running
from tests.kit.line import Line

PREFIX = "/acc/berichtenservice"
PLACE = Place(environment=Environment.TEST, service=Service.MESSAGES, family=Family.MESSAGES)
OK = b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nhi"


@dataclass
class Behind:
    """A server over TLS that answers with `answer`, and keeps what it was sent."""

    answer: bytes = OK
    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    before_answer: Callable[[], object] = lambda: None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            self.bodies.append(await _body(head, reader))
            self.before_answer()
            writer.write(self.answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.bodies.append(b"broken off")
        finally:
            writer.close()

    def fields(self) -> dict[str, list[str]]:
        told: dict[str, list[str]] = {}
        for line in self.heads[-1].decode().splitlines()[1:-1]:
            name, _, value = line.partition(":")
            told.setdefault(name, []).append(value.strip())
        return told


async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    if b"transfer-encoding: chunked" in head.lower():
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        return body
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return await reader.readexactly(int(length or 0))


@asynccontextmanager
async def serving(service: Behind) -> AsyncIterator[Behind]:
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0, ssl=gate_context())
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()


@asynccontextmanager
async def gate_before(
    service: Behind,
    trust: Path,
    *,
    seconds: float = 5,
    most_body: int = 1 << 20,
    services: tuple[Service, ...] = (*Service,),
    staging: Staging | None = None,
    log: io.BytesIO | None = None,
) -> AsyncIterator[Gate]:
    backend = Backend(
        prefix=PREFIX,
        origin=f"https://localhost:{service.port}",
        place=PLACE,
        context=client_context(None, trust=trust),
        seconds=seconds,
        most_body=most_body,
    )
    async with backend_session() as session:
        backends = Backends([backend], session, make_logger(log or io.BytesIO()))
        known = Gate(book=book([kit.system()], ["127.0.0.1"], services=services))
        async with running(known, backends=backends, staging=staging) as gate:
            yield gate


async def called(gate: Gate, trust: Path, request: bytes) -> Seen:
    (seen,) = await Caller.trusting(trust, kit.system()).send(gate.port, request)
    return seen


async def test_a_call_arrives_as_it_came_and_its_answer_comes_back(trust: Path) -> None:
    async with serving(Behind()) as service, gate_before(service, trust) as gate:
        path = f"{PREFIX}/berichten/rest-push/v1/berichten?a=%7Eb&c=d%20e&f={{x}}"
        call = post(path, {"Content-Type": "application/json", "SOAPAction": '"urn:x"', "X-B3-TraceId": "1"}, b"{}")
        seen = await called(gate, trust, call)
    assert (seen.status, seen.reason, seen.content_type, seen.body) == (200, "Fine", "text/plain", b"hi")
    assert service.heads[0].startswith(f"POST {path} HTTP/1.1\r\n".encode())
    assert service.bodies == [b"{}"]
    fields = service.fields()
    assert fields["Host"] == [f"localhost:{service.port}"]
    assert fields["SOAPAction"] == ['"urn:x"']
    assert set(fields) == {
        "Host", "Connection", "Content-Length", "Content-Type", "SOAPAction", "X-B3-TraceId", "Via",
        "X-Gate-User-Number", "X-Gate-Organisation", "X-Gate-Address", "Client-Cert",
    }  # fmt: skip
    assert [service for _, _, service in gate.passages] == [PREFIX]


async def test_who_calls_is_told_and_cannot_be_forged(trust: Path) -> None:
    forged = {
        "X-Gate-User-Number": "20009999999999",
        "x_gate_user_number": "20009999999999",
        "X-Gate-Else": "y",
        "Client-Cert": ":AAAA:",
        "Client_Cert": ":AAAA:",
        "X-Forwarded-For": "203.0.113.7",
        "Connection": "close, X-Gate-User-Number, X-Own",
        "X-Own": "hop",
    }
    async with serving(Behind()) as service, gate_before(service, trust) as gate:
        await called(gate, trust, post(f"{PREFIX}/x", forged, b""))
    fields = service.fields()
    assert fields["X-Gate-User-Number"] == [kit.USER_NUMBER]
    assert fields["X-Gate-Organisation"] == ["praktijk-voorbeeld"]
    assert fields["X-Gate-Address"] == ["127.0.0.1"]
    assert fields["Client-Cert"] == [f":{b64encode(kit.der(kit.system())).decode()}:"]
    told = service.heads[0]
    assert not any(each in told for each in (b"20009999999999", b"AAAA", b"203.0.113.7", b"X-Own", b"Else", b"_"))


async def test_fields_of_one_hop_do_not_come_back_and_others_do_as_often_as_they_came(trust: Path) -> None:
    answer = OK.replace(
        b"\r\n\r\n", b"\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n"
    )
    async with serving(Behind(answer)) as there, gate_before(there, trust) as gate, calling(gate, trust) as caller:
        seen = await (await caller.send(get(f"{PREFIX}/x"))).answer()
    names = [name.lower() for name, _ in seen.fields]
    assert b"x-hop" not in names
    assert [value for name, value in seen.fields if name == b"Set-Cookie"] == [b"a=1", b"b=2"]


async def test_a_body_in_chunks_streams_there_and_an_answer_of_unknown_length_back(trust: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"
    chunked = f"POST {PREFIX}/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n0\r\n\r\n"
    async with serving(Behind(answer)) as service, gate_before(service, trust) as gate:
        seen = await called(gate, trust, chunked.encode())
    assert (service.bodies, seen.body) == ([b"wxyz"], b"abcde")


async def test_compressed_octets_come_back_as_they_are(trust: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone"
    async with serving(Behind(answer)) as service, gate_before(service, trust) as gate:
        assert (await called(gate, trust, get(f"{PREFIX}/x"))).body == b"none"


async def test_a_question_for_the_head_alone_gets_the_length_of_what_it_would_be(trust: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n"
    async with serving(Behind(answer)) as there, gate_before(there, trust) as gate, calling(gate, trust) as caller:
        seen = await (await caller.send(get(f"{PREFIX}/x", "HEAD"))).answer(to="HEAD")
        again = await (await caller.send(get("/whoami"))).answer()
    assert (seen.status, seen.field("content-length"), again.status) == (200, "300", 200)


async def test_a_redirection_is_the_callers_to_follow(trust: Path) -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"
    async with serving(Behind(answer)) as service, gate_before(service, trust) as gate:
        assert (await called(gate, trust, get(f"{PREFIX}/x"))).status == 302
    assert len(service.heads) == 1


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
async def test_a_call_is_sent_once_though_the_service_hangs_up(trust: Path, method: str) -> None:
    async with serving(Behind(b"")) as service, gate_before(service, trust) as gate:
        seen = await called(gate, trust, get(f"{PREFIX}/x", method))
    assert (seen.status, len(service.heads)) == (502, 1)


async def test_who_is_refused_reaches_no_service(trust: Path) -> None:
    async with serving(Behind()) as service, gate_before(service, trust, services=(Service.COV,)) as gate:
        seen = await called(gate, trust, get(f"{PREFIX}/x"))
        gate.book = book([kit.system()])
        unregistered = await called(gate, trust, get(f"{PREFIX}/x"))
    assert (seen.status, json.loads(seen.body)["error"]) == (403, "service_not_authorised")
    assert (unregistered.status, unregistered.body) == (403, b"")
    assert service.heads == []


@pytest.mark.parametrize(
    "target",
    [
        f"{PREFIX}/../x",
        f"{PREFIX}/%2e%2e/x",
        f"{PREFIX}/a%2fb",
        f"{PREFIX}//x",
        f"{PREFIX}/x%0d%0aHost:y",
    ],
)
async def test_a_path_that_can_be_read_in_two_ways_is_never_sent_on(trust: Path, target: str) -> None:
    async with serving(Behind()) as service, gate_before(service, trust) as gate:
        seen = await called(gate, trust, get(target))
    assert (seen.status, service.heads) == (400, [])


@pytest.mark.parametrize(
    "target",
    ["https://elsewhere.example/acc/berichtenservice/x", "/acc/berichtenservicex", "/acc/BERICHTENSERVICE/x", "/"],
)
async def test_it_is_no_proxy_to_anywhere_else(trust: Path, target: str) -> None:
    async with serving(Behind()) as service, gate_before(service, trust) as gate:
        seen = await called(gate, trust, get(target))
    assert (seen.status, service.heads) == (404, [])


async def test_a_service_that_is_not_who_it_should_be_is_not_told_anything(trust: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.pem"
    foreign.write_bytes(kit.foreign_authority().trust_pem())
    async with serving(Behind()) as service, gate_before(service, foreign) as gate:
        seen = await called(gate, trust, get(f"{PREFIX}/x"))
    assert (seen.status, service.heads) == (502, [])


async def test_one_that_is_silent_is_waited_for_and_no_longer(trust: Path) -> None:
    silent = Behind()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent.serve = wait  # type: ignore[method-assign]
    async with serving(silent) as service, gate_before(service, trust, seconds=0.2) as gate:
        assert (await called(gate, trust, get(f"{PREFIX}/x"))).status == 504


async def test_one_that_is_away_is_502(trust: Path) -> None:
    async with serving(Behind()) as service:
        pass
    async with gate_before(service, trust) as gate:
        assert (await called(gate, trust, get(f"{PREFIX}/x"))).status == 502


async def test_an_answer_that_breaks_off_breaks_off(trust: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    async with serving(Behind(answer)) as service, gate_before(service, trust) as gate:
        with pytest.raises((IncompleteRead, OSError)):
            await called(gate, trust, get(f"{PREFIX}/x"))


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_413_and_never_complete_over_there(trust: Path, declared: bool) -> None:
    body = b"x" * 2000
    framing = f"Content-Length: {len(body)}" if declared else "Transfer-Encoding: chunked"
    sent = body if declared else b"7d0\r\n" + body + b"\r\n0\r\n\r\n"
    call = f"POST {PREFIX}/x HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n".encode() + sent
    async with serving(Behind()) as service, gate_before(service, trust, most_body=1000) as gate:
        seen = await called(gate, trust, call)
    assert seen.status == 413
    assert body not in service.bodies


async def test_a_caller_is_asked_for_its_body_once_it_was_let_pass(trust: Path) -> None:
    expecting = post(f"{PREFIX}/x", {"Expect": "100-continue"}, b"body")
    async with serving(Behind()) as service, gate_before(service, trust) as gate:
        _, seen = await Caller.trusting(trust, kit.system()).send_when_asked(gate.port, expecting)
        gate.book = book([kit.system()])
        first, none = await Caller.trusting(trust, kit.system()).send_when_asked(gate.port, expecting)
    assert seen is not None
    assert (seen.status, service.bodies) == (200, [b"body"])
    assert (first.startswith(b"HTTP/1.1 403 Forbidden"), none) == (True, None)


async def test_octets_come_and_go_before_all_of_them_are_there(trust: Path) -> None:
    """Each side sends its second half once the other's first has arrived."""
    there = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        writer.write(await reader.readexactly(2))
        there.set()
        writer.write(await reader.readexactly(2))
        await writer.drain()
        writer.close()

    behind = Behind()
    behind.serve = serve  # type: ignore[method-assign]
    async with serving(behind) as service, gate_before(service, trust) as gate, calling(gate, trust) as caller:
        caller.writer.write(f"POST {PREFIX}/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab".encode())
        await asyncio.wait_for(there.wait(), 5)
        head = await caller.reader.readuntil(b"\r\n\r\n")
        first = await caller.reader.readexactly(2)
        caller.writer.write(b"cd")
        second = await caller.reader.readexactly(2)
    assert (head[:15], first, second) == (b"HTTP/1.1 200 OK", b"ab", b"cd")


async def test_a_caller_that_hangs_up_within_its_body_leaves_half_a_call_and_no_connection(trust: Path) -> None:
    async with serving(Behind()) as service, gate_before(service, trust) as gate:
        async with calling(gate, trust) as caller:
            caller.writer.write(f"POST {PREFIX}/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab".encode())
            await until(lambda: bool(service.heads))
            caller.writer.transport.abort()
        await until(lambda: service.bodies == [b"broken off"])


async def test_a_token_of_sixteen_kibibytes_arrives(trust: Path) -> None:
    token = "x" * 15_000
    async with serving(Behind()) as service, gate_before(service, trust) as gate:
        seen = await called(gate, trust, post(f"{PREFIX}/x", {"Authorization": f"Bearer {token}"}, b""))
    assert (seen.status, service.fields()["Authorization"]) == (200, [f"Bearer {token}"])


@asynccontextmanager
async def calling(gate: Gate, trust: Path) -> AsyncIterator[Line]:
    context = client_context(read_bundle(kit.system().p12(None), None), trust=trust)
    reader, writer = await asyncio.open_connection("localhost", gate.port, ssl=context)
    try:
        yield Line(reader, writer)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


@pytest.mark.parametrize("octets", [0, 60, 100_000])
async def test_an_answer_of_a_backend_closes_after_as_many_octets_as_ordered(trust: Path, octets: int) -> None:
    log = io.BytesIO()
    staging = Staging(block=lambda _number: None, log=make_logger(log), registry=CollectorRegistry())
    staging.order(Fault(kind=Kind.CLOSE, octets=octets))
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000
    async with (
        serving(Behind(answer)) as service,
        gate_before(service, trust, staging=staging, log=log) as gate,
        calling(gate, trust) as caller,
    ):
        await caller.send(get(f"{PREFIX}/x"))
        assert len(await caller.reader.read(-1)) == octets
    assert b"backend_failed" not in log.getvalue()
