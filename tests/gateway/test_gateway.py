"""Calls through the relay as composed, against an upstream that records every octet."""

from pathlib import Path

import pytest

from tests.kit import upstream as kit
from tests.kit.line import line, request
from tests.kit.relay import PATH, relay


async def test_a_call_goes_through_and_its_answer_comes_back(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        call = request("POST", PATH, here.authorised, ("SOAPAction", '"urn:x"'), body=b"<question/>")
        answer = await (await caller.send(call)).answer()
    assert (answer.status, answer.reason, answer.body) == (200, "OK", b"<a/>")
    [seen] = upstream.requests
    assert seen.head.startswith(f"POST {PATH} HTTP/1.1\r\nHost: localhost:{upstream.port}\r\n".encode())
    assert seen.body == b"<question/>"
    assert answer.field("proxy-status") == "relay; received-status=200"


async def test_nothing_of_ours_or_of_the_callers_hop_goes_upstream(tmp_path: Path) -> None:
    extra = [
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "1"),
        ("X-Forwarded-For", "20.1.2.3"),
        ("Forwarded", "for=20.1.2.3"),
        ("X-Relay-Tenant", "linde"),
        ("Keep-Alive", "timeout=5"),
        ("X-Kept", "yes"),
    ]
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        await (await caller.send(request("GET", PATH, here.authorised, *extra))).answer()
    names = {name.split(b":")[0].lower() for name in upstream.requests[0].head.split(b"\r\n")[1:-2]}
    assert names == {b"host", b"x-kept", b"via"}
    assert here.key.encode() not in upstream.octets


async def test_path_and_query_travel_octet_by_octet(tmp_path: Path) -> None:
    target = f"{PATH}/A%20b;c=1/~x?q=a+b&Empty=&%C3%A9=%ff?"
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        await (await caller.send(request("GET", target, here.authorised))).answer()
    assert upstream.requests[0].head.split(b" ")[1] == target.encode()


async def test_what_traces_a_call_travels_to_vecozo_and_back(tmp_path: Path) -> None:
    """iWlz passes these on, and asks for them when something has to be found out."""
    traces = [
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"),
        ("X-B3-TraceId", "463ac35c9f6413ad48485a3953bb6124"),
        ("X-B3-SpanId", "a2fb4a1d1a96d312"),
        ("X-B3-ParentSpanId", "0020000000000001"),
        ("X-B3-Sampled", "1"),
        ("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"),
    ]
    lines = [f"{name}: {value}\r\n".encode() for name, value in traces]
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n%b\r\n" % b"".join(lines)
    async with (
        kit.running(kit.answering(answer)) as upstream,
        relay(tmp_path, upstream.port) as here,
        line(here.port) as caller,
    ):
        told = await (await caller.send(request("POST", PATH, here.authorised, *traces, body=b"x"))).answer()
    for (name, value), sent in zip(traces, lines, strict=True):
        assert sent in upstream.requests[0].head
        assert told.field(name) == value


@pytest.mark.parametrize(
    "field",
    [("X-Nothing", "1"), ("X-Api-Key", "rk_aaaaaaaaaaaaaaaa_" + "A" * 43), ("X-Api-Key", "nonsense")],
    ids=["no key", "wrong key", "no key at all"],
)
async def test_without_a_right_key_no_byte_goes_upstream(tmp_path: Path, field: tuple[str, str]) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        answer = await (await caller.send(request("POST", PATH, field, body=b"x"))).answer()
    assert answer.status == 401
    assert answer.field("www-authenticate")
    assert upstream.connections == 0


async def test_a_connection_to_the_upstream_is_kept_for_the_next_call(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        for _ in range(3):
            await (await caller.send(request("GET", PATH, here.authorised))).answer()
    assert upstream.connections == 1
    assert len(upstream.requests) == 3
    assert [exchange["reused"] for exchange in here.exchanges] == [False, True, True]
