"""Before TLS: whose connection it is, told by load balancers alone; and how many there may be."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from relay.front.proxy_header import Reason
from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import Line, line, request
from tests.kit.may_skip import needed
from tests.kit.proxied import LOCAL, header, plain_line, proxied_line, told
from tests.kit.relay import PATH, Relay, relay

BALANCED: Mapping[str, object] = {"listen.proxy_protocol_from": ["127.0.0.1/32"]}
HASTY = {**BALANCED, "deadlines.tls": 0.2}


async def peer_of_a_call(here: Relay, caller: Line) -> object:
    """Make a call and return whose it is in the log."""
    answer = await (await caller.send(request("GET", PATH, here.authorised))).answer()
    assert answer.status == 200
    await until(lambda: bool(here.exchanges))
    return here.exchanges[0]["peer"]


@pytest.mark.parametrize(
    ("octets", "peer"),
    [
        (told("203.0.113.7"), "203.0.113.7"),
        (told("2001:db8::7"), "2001:db8::7"),
        (header(command=LOCAL, family=0), "127.0.0.1"),
    ],
    ids=["IPv4", "IPv6", "LOCAL"],
)
async def test_the_caller_is_the_one_that_the_header_tells(tmp_path: Path, octets: bytes, peer: str) -> None:
    async with (
        kit.running() as upstream,
        relay(tmp_path, upstream.port, changes=BALANCED) as here,
        proxied_line(here.port, octets) as caller,
    ):
        assert await peer_of_a_call(here, caller) == peer


async def test_a_header_in_pieces_of_one_octet_is_read(tmp_path: Path) -> None:
    octets = told("203.0.113.7")
    pieces = [octets[at : at + 1] for at in range(len(octets))]
    async with (
        kit.running() as upstream,
        relay(tmp_path, upstream.port, changes=BALANCED) as here,
        proxied_line(here.port, *pieces) as caller,
    ):
        assert await peer_of_a_call(here, caller) == "203.0.113.7"


async def test_what_follows_the_header_in_the_same_segment_is_tls(tmp_path: Path) -> None:
    """As HAProxy sends it: header and hello together."""
    async with (
        kit.running() as upstream,
        relay(tmp_path, upstream.port, changes=BALANCED) as here,
        _GluingProxy(here.port, told("203.0.113.7")) as port,
        line(port) as caller,
    ):
        assert await peer_of_a_call(here, caller) == "203.0.113.7"


class _GluingProxy:
    """Passes one connection on, with `octets` before its first segment."""

    def __init__(self, port: int, octets: bytes) -> None:
        self._port = port
        self._octets = octets

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, first: bytes) -> None:
            while octets := await source.read(65536):
                sink.write(first + octets)
                first = b""
            sink.close()

        await asyncio.gather(pump(reader, up_writer, self._octets), pump(up_reader, writer, b""))


@pytest.mark.one_process
@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"\x16\x03\x01\x02\x00\x01", Reason.NO_HEADER),
        (b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n", Reason.VERSION_1),
        (header(bytes(12), family=0x12), Reason.FAMILY),
        (header(bytes(216), family=0x31), Reason.FAMILY),
        (told("203.0.113.7", b"\x01"), Reason.EXTENSIONS),
    ],
    ids=["TLS at once", "version 1", "UDP", "UNIX", "extension cut short"],
)
async def test_a_balancers_connection_without_a_good_header_is_closed_and_told(
    tmp_path: Path, octets: bytes, reason: Reason
) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes=BALANCED) as here:
        for _ in range(3):
            async with plain_line(here.port, octets) as caller:
                assert await caller.ended()
        scraped = await here.scrape()
        refusals = [entry for entry in here.lines if entry["event"] == "proxy_header_refused"]
    [refusal] = refusals  # one for all three, or a log could be filled from outside
    assert (refusal["peer"], refusal["reason"], refusal["level"]) == ("127.0.0.1", reason.value, "warning")
    assert 'relay_callers_refused_total{reason="proxy_header"} 3.0' in scraped
    assert not here.exchanges


async def test_a_header_from_any_other_peer_is_not_believed(tmp_path: Path) -> None:
    elsewhere = {"listen.proxy_protocol_from": ["127.0.0.2/32"]}
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes=elsewhere) as here:
        async with plain_line(here.port, told("203.0.113.7")) as caller:
            await caller.reader.read()  # an alert at most
            assert caller.reader.at_eof()
        async with line(here.port) as caller:
            assert await peer_of_a_call(here, caller) == "127.0.0.1"


async def test_a_slow_header_is_under_the_deadline_of_the_handshake(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes=HASTY) as here:
        async with plain_line(here.port, told("203.0.113.7")[:20]) as caller:
            assert await asyncio.wait_for(caller.ended(), 2)
        [refusal] = [entry for entry in here.lines if entry["event"] == "proxy_header_refused"]
    assert refusal["reason"] == "late"


async def test_a_slow_handshake_after_the_header_is_cut_off(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes=HASTY) as here:
        async with plain_line(here.port, told("203.0.113.7")) as caller:
            assert await asyncio.wait_for(caller.ended(), 2)
        assert not [entry for entry in here.lines if entry["event"] == "proxy_header_refused"]


async def test_a_header_cut_short_is_told_and_a_probe_that_says_nothing_is_not(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes=BALANCED) as here:
        async with plain_line(here.port) as caller:
            caller.writer.write_eof()
            assert await caller.ended()
        async with plain_line(here.port, told("203.0.113.7")[:20]) as caller:
            caller.writer.write_eof()
            assert await caller.ended()
        refusals = [entry for entry in here.lines if entry["event"] == "proxy_header_refused"]
    assert [refusal["reason"] for refusal in refusals] == ["cut_short"]


@pytest.mark.one_process
async def test_callers_over_the_cap_are_closed_without_tls_and_let_in_when_one_has_left(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes={"listen.max_connections": 2}) as here:
        async with line(here.port) as one, line(here.port):
            for _ in range(2):
                async with plain_line(here.port) as over:
                    assert await over.ended()
            assert await peer_of_a_call(here, one) == "127.0.0.1"
        async with line(here.port) as again:
            await (await again.send(request("GET", PATH, here.authorised))).answer()
        scraped = await here.scrape()
        [refusal] = [entry for entry in here.lines if entry["event"] == "caller_refused"]
    assert (refusal["reason"], refusal["peer"]) == ("max_connections", "127.0.0.1")
    assert 'relay_callers_refused_total{reason="max_connections"} 2.0' in scraped


@pytest.mark.one_process
async def test_one_address_over_its_cap_leaves_room_for_another(tmp_path: Path) -> None:
    capped = {"listen.max_connections_per_address": 1}
    async with (
        kit.running() as upstream,
        relay(tmp_path, upstream.port, changes=capped) as here,
        line(here.port),
        plain_line(here.port) as over,
        plain_line(here.port, source="127.0.0.2") as other,
    ):
        assert await over.ended()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(other.ended(), 0.05)


@pytest.mark.one_process  # as above: each worker counts for itself, and two callers may come to two
async def test_callers_behind_a_balancer_are_counted_by_the_address_that_it_tells(tmp_path: Path) -> None:
    capped = {**BALANCED, "listen.max_connections_per_address": 1}
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes=capped) as here:
        async with (
            proxied_line(here.port, told("203.0.113.7")),
            plain_line(here.port, told("203.0.113.7")) as over,
            proxied_line(here.port, told("203.0.113.8")) as other,
        ):
            assert await over.ended()
            assert await peer_of_a_call(here, other) == "203.0.113.8"
            await until(lambda: any(entry["event"] == "caller_refused" for entry in here.lines))
        [refusal] = [entry for entry in here.lines if entry["event"] == "caller_refused"]
    assert (refusal["reason"], refusal["peer"]) == ("max_connections_per_address", "203.0.113.7")


async def test_failed_handshakes_and_refused_headers_are_not_counted_for_ever(tmp_path: Path) -> None:
    capped = {**BALANCED, "listen.max_connections": 1, "listen.max_connections_per_address": 1}
    faulty = [b"\x16\x03", told("203.0.113.7") + b"no TLS at all", told("203.0.113.7")[:9]]
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes=capped) as here:
        for octets in faulty:
            async with plain_line(here.port, octets) as caller:
                caller.writer.write_eof()
                await caller.reader.read()
        async with proxied_line(here.port, told("203.0.113.7")) as caller:
            assert await peer_of_a_call(here, caller) == "203.0.113.7"


@pytest.mark.parametrize("options", ["", "proxy-v2-options crc32c,ssl,unique-id"])
async def test_haproxy_is_understood(tmp_path: Path, options: str) -> None:
    needed("HAProxy", found=shutil.which("haproxy") is not None)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes=BALANCED) as here:
        configuration = tmp_path / "haproxy.cfg"
        configuration.write_text(
            "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 9s\n  timeout server 9s\n"
            f"listen relay\n  bind 127.0.0.1:{port}\n  unique-id-format id-%ci\n"
            f"  server relay 127.0.0.1:{here.port} send-proxy-v2 {options}\n"
        )
        with subprocess.Popen(["haproxy", "-db", "-f", configuration], stderr=subprocess.DEVNULL) as haproxy:
            try:
                await until(lambda: _listens(port))
                async with proxied_line(port, source="127.0.0.3") as caller:
                    assert await peer_of_a_call(here, caller) == "127.0.0.3"
            finally:
                haproxy.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
