"""Connecting: every step fails with an error of its own, and always before anything was sent."""

import asyncio
import select
import socket
import ssl
import time
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from relay.errors import (
    SourceAddressMissing,
    SystemCertificateRefused,
    SystemCertificateUnanswered,
    UpstreamClosed,
    UpstreamNameUnknown,
    UpstreamUnreachable,
    UpstreamUntrusted,
)
from relay.tls.departures import Departures
from relay.upstream.egress import Egress
from relay.upstream.transport import Patience, dial
from relay.x509.context import server_context_from
from tests.kit import authority
from tests.kit import upstream as kit
from tests.kit.door import EGRESS, PATIENCE, ajar, passport, until

IMPATIENT = Patience(connect=0.1, tls=0.1, first_byte=5, idle=1)
VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda v: v.name)


async def test_calls_leave_from_the_egress_address(tmp_path: Path) -> None:
    async with kit.running() as upstream, ajar(tmp_path, upstream.port) as out:
        await out.fetch()
        assert upstream.requests[0].writer.get_extra_info("peername")[0] == "127.0.0.9"


async def test_the_system_certificate_is_shown(tmp_path: Path) -> None:
    async with kit.running() as upstream, ajar(tmp_path, upstream.port) as out:
        await out.fetch()
        assert upstream.serials == [out.door.passport.serial]


async def test_a_name_that_does_not_resolve_is_told(tmp_path: Path) -> None:
    async with ajar(tmp_path, 443) as out:
        with pytest.raises(UpstreamNameUnknown, match=r"nowhere\.invalid"):
            await out.call(host="nowhere.invalid")


async def test_a_closed_port_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with ajar(tmp_path, port) as out:
        with pytest.raises(UpstreamUnreachable, match=f"127.0.0.1:{port}"):
            await out.call()


async def test_a_server_that_does_not_accept_is_given_up_in_time(tmp_path: Path) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        place = full.getsockname()
        with socket.create_connection(place), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(place)
            async with ajar(tmp_path, place[1], patience=IMPATIENT) as out:
                with pytest.raises(UpstreamUnreachable, match=r"within 0\.1 seconds"):
                    await out.call()


async def test_a_handshake_that_goes_nowhere_is_given_up_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with ajar(tmp_path, silent.getsockname()[1], patience=IMPATIENT) as out:
            with pytest.raises(UpstreamUnreachable, match="took too long"):
                await out.call()


async def test_a_server_without_tls_is_told(tmp_path: Path) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server, ajar(tmp_path, server.sockets[0].getsockname()[1]) as out:
        with pytest.raises(UpstreamUnreachable, match="TLS handshake"):
            await out.call()


async def test_an_egress_address_of_another_machine_is_told(tmp_path: Path) -> None:
    elsewhere = Egress(IPv4Address("192.0.2.1"), IPv4Address("192.0.2.1"))
    async with kit.running() as upstream, ajar(tmp_path, upstream.port, elsewhere) as out:
        with pytest.raises(SourceAddressMissing):
            await out.call()
    assert upstream.connections == 0


@VERSIONS
async def test_a_server_that_we_do_not_trust_gets_no_call(tmp_path: Path, version: ssl.TLSVersion) -> None:
    theirs = authority.foreign_authority().issue_server(["localhost"], [], at=authority.AT)
    context = server_context_from(theirs.chain_pem(), theirs.key_pem())
    context.minimum_version = context.maximum_version = version
    async with kit.running(context=context) as upstream, ajar(tmp_path, upstream.port) as out:
        with pytest.raises(UpstreamUntrusted, match="localhost"):
            await out.call()
    assert upstream.octets == b""


async def test_a_server_of_another_name_gets_no_call(tmp_path: Path) -> None:
    theirs = authority.authority().issue_server(["elsewhere.example"], [], at=authority.AT)
    context = server_context_from(theirs.chain_pem(), theirs.key_pem())
    async with kit.running(context=context) as upstream, ajar(tmp_path, upstream.port) as out:
        with pytest.raises(UpstreamUntrusted, match="localhost"):
            await out.call()
    assert upstream.octets == b""


@VERSIONS
async def test_a_refused_system_certificate_is_told_as_such(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """TLS 1.3 refuses after the handshake, when the request may be on its way already (traps)."""
    context = kit.upstream_context()
    context.minimum_version = context.maximum_version = version
    shown = passport(tmp_path, authority.foreign())
    async with kit.refusing(context) as port, ajar(tmp_path, port, shown=shown) as out:
        for _ in range(3):
            with pytest.raises(SystemCertificateRefused):
                await out.call()
        await until(lambda: repr(out.door).endswith("0 busy, 0 idle>>"))


async def test_a_refusal_without_a_word_on_tls_1_2_is_at_least_known_as_not_sent(tmp_path: Path) -> None:
    context = kit.upstream_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    shown = passport(tmp_path, authority.foreign())
    async with kit.running(context=context) as upstream, ajar(tmp_path, upstream.port, shown=shown) as out:
        with pytest.raises(SystemCertificateUnanswered, match="when it had the system certificate"):
            await out.call()
    assert upstream.requests == []


async def test_a_refusal_without_a_word_on_tls_1_3_may_not_be_taken_for_not_sent(tmp_path: Path) -> None:
    """The request was on its way after the handshake, and nothing tells why the connection ended."""
    shown = passport(tmp_path, authority.foreign())
    async with kit.running() as upstream, ajar(tmp_path, upstream.port, shown=shown) as out:
        with pytest.raises(UpstreamClosed, match="some servers refuse a certificate so"):
            await out.call()
    assert upstream.requests == []


class _Busy(ssl.SSLContext):
    """Greets, and lets its loop go on only once the server's part has come: so it is where a loop has much to do."""

    egress: "_Egress"
    outgoing: ssl.MemoryBIO

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        self.outgoing = outgoing
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)


class _BusyObject(ssl.SSLObject):
    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLWantReadError:
            context = self.context
            assert isinstance(context, _Busy)
            context.egress.made.send(context.outgoing.read())
            select.select([context.egress.made], [], [], 5)
            time.sleep(0.05)  # until all of it is here
            raise


class _Egress(Egress):
    """Remembers the socket that it made."""

    made: socket.socket

    def socket(self) -> socket.socket:
        made = super().socket()
        object.__setattr__(self, "made", made)
        return made


async def test_a_connection_that_is_there_when_its_dialling_is_cancelled_hears_that_it_is_lost(tmp_path: Path) -> None:
    """It was remembered for ever: uvloop tells nobody when it closes what `create_connection` has not returned yet."""
    told = []

    class Told(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            told.append("made")
            dialling.cancel()

        def connection_lost(self, exc: Exception | None) -> None:
            told.append("lost")

    context = _Busy(ssl.PROTOCOL_TLS_CLIENT)
    context.sslobject_class = _BusyObject
    context.load_verify_locations(cadata=authority.authority().trust_pem().decode())
    context.egress = egress = _Egress(EGRESS.source, EGRESS.seen_as)
    shown = replace(passport(tmp_path), context=context)
    async with kit.refusing(kit.upstream_context(client_certificate=False)) as port:
        dialling = asyncio.create_task(
            dial(
                Told,
                host="localhost",
                port=port,
                egress=egress,
                passport=shown,
                patience=PATIENCE,
                departures=Departures(asyncio.get_running_loop()),
            )
        )
        with pytest.raises(asyncio.CancelledError):
            await dialling
        assert told == ["made", "lost"]
