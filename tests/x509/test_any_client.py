"""TLS lets every client certificate through, and what came through is judged in full: on both loops and versions."""

import asyncio
import gc
import json
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from relay.authority.issued import Issued
from relay.x509 import openssl
from relay.x509.any_client import AnyClientImpossible, accept_any_client_certificate, peer_certificate
from relay.x509.bundle import read_bundle
from relay.x509.context import client_context, server_context_from
from relay.x509.verify import Unfit, verify_client
from tests.kit import authority as kit

Loop = Callable[[], asyncio.AbstractEventLoop]

LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
VERSIONS = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["tls1.2", "tls1.3"]
)
CALLERS = pytest.mark.parametrize(
    ("caller", "verdict"),
    [
        (None, "missing"),
        (kit.system, "fit"),
        (kit.foreign, "foreign"),
        (kit.expired, "expired"),
        (kit.not_yet_valid, "not_yet_valid"),
        (kit.server, "wrong_purpose"),
    ],
    ids=["none", "system", "foreign", "expired", "not yet valid", "server-only"],
)


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    file = tmp_path / "trust.pem"
    file.write_bytes(kit.authority().trust_pem())
    return file


def gate_context() -> ssl.SSLContext:
    return server_context_from(kit.server().chain_pem(), kit.server().key_pem())


def any_gate() -> ssl.SSLContext:
    context = gate_context()
    accept_any_client_certificate(context)
    return context


def caller_context(caller: Issued | None, trust: Path, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = client_context(read_bundle(caller.p12(None), None) if caller else None, trust=trust)
    context.minimum_version = context.maximum_version = version
    return context


async def judge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a line with the verdict on the certificate, as every request at the gate is judged."""
    await reader.readline()
    connection = writer.get_extra_info("ssl_object")
    fitness = verify_client(peer_certificate(connection), authorities=kit.authority().certificates, at=kit.AT)
    verdict = fitness.reason if isinstance(fitness, Unfit) else "fit"
    writer.write(json.dumps({"verdict": verdict, "resumed": connection.session_reused}).encode() + b"\n")
    await writer.drain()
    writer.close()


def with_gate(loop: Loop, context: ssl.SSLContext, story: Callable[[int], Awaitable[None]]) -> None:
    """Run the story against a gate on a port of its own, both on this kind of loop."""

    async def run() -> None:
        async with await asyncio.start_server(judge, "127.0.0.1", 0, ssl=context) as server:
            await story(server.sockets[0].getsockname()[1])

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


def call(
    port: int, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[object, ssl.SSLSession | None]:
    """Call once; the session is taken after the answer, when TLS 1.3 has sent its tickets."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="localhost", session=session) as connection,
    ):
        connection.sendall(b"who am I?\n")
        return json.loads(connection.makefile().readline()), connection.session


@CALLERS
@VERSIONS
@LOOPS
def test_every_certificate_reaches_the_judge_and_gets_its_own_verdict(
    loop: Loop, version: ssl.TLSVersion, caller: Callable[[], Issued] | None, verdict: str, trust: Path
) -> None:
    context = caller_context(caller() if caller else None, trust, version)

    async def story(port: int) -> None:
        answer, _ = await asyncio.to_thread(call, port, context)
        assert answer == {"verdict": verdict, "resumed": False}

    with_gate(loop, any_gate(), story)


@CALLERS
@VERSIONS
@LOOPS
def test_a_resumed_session_is_judged_on_the_same_certificate(
    loop: Loop, version: ssl.TLSVersion, caller: Callable[[], Issued] | None, verdict: str, trust: Path
) -> None:
    context = caller_context(caller() if caller else None, trust, version)

    async def story(port: int) -> None:
        _, session = await asyncio.to_thread(call, port, context)
        answer, _ = await asyncio.to_thread(call, port, context, session)
        assert answer == {"verdict": verdict, "resumed": True}

    with_gate(loop, any_gate(), story)


@VERSIONS
@LOOPS
def test_without_it_a_bad_certificate_ends_the_connection_without_an_answer(
    loop: Loop, version: ssl.TLSVersion, trust: Path
) -> None:
    plain = gate_context()
    plain.verify_mode = ssl.CERT_OPTIONAL

    async def story(port: int) -> None:
        with pytest.raises((ssl.SSLError, ConnectionError, json.JSONDecodeError)):
            await asyncio.to_thread(call, port, caller_context(kit.foreign(), trust, version))

    with_gate(loop, plain, story)


def test_the_certificate_is_requested_and_not_demanded() -> None:
    assert any_gate().verify_mode is ssl.CERT_OPTIONAL


def test_the_callback_outlives_the_call_that_set_it(trust: Path) -> None:
    context = any_gate()
    openssl.openssl.cache_clear()
    gc.collect()

    async def story(port: int) -> None:
        answer, _ = await asyncio.to_thread(call, port, caller_context(kit.foreign(), trust, ssl.TLSVersion.TLSv1_3))
        assert answer == {"verdict": "foreign", "resumed": False}

    with_gate(asyncio.new_event_loop, context, story)


def test_a_client_may_never_trust_any_server() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(AnyClientImpossible, match="only a server"):
        accept_any_client_certificate(context)
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_where_openssl_is_out_of_reach_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    context = gate_context()
    openssl.openssl.cache_clear()
    monkeypatch.setattr(ssl, "OPENSSL_VERSION", "OpenSSL 0.9.8 05 Jul 2005")
    with pytest.raises(AnyClientImpossible, match="another OpenSSL"):
        accept_any_client_certificate(context)
    assert context.verify_mode is ssl.CERT_NONE
