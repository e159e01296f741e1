"""Handshakes that a server refuses for our certificate: the cause is right whoever refuses, on TLS 1.2 and 1.3."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from relay import errors
from relay.authority.issued import Issued
from relay.errors import RelayError, Sent
from relay.upstream.passport import Passport
from relay.x509.context import client_context, client_context_from
from tests.kit import authority
from tests.kit import upstream as kit
from tests.kit.door import ajar

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = pytest.mark.parametrize("version", [V12, V13], ids=["TLS 1.2", "TLS 1.3"])


@cache
def _revoked() -> Issued:
    at = authority.AT - timedelta(days=1)
    return authority.authority().issue_system("20001000007777", "Praktijk De Es", at=at)


# What is shown, and what a server that speaks its mind says of it.
SHOWN: dict[str, tuple[Callable[[], Issued] | None, type[RelayError]]] = {
    "none": (None, errors.SystemCertificateMissing),
    "unknown authority": (authority.foreign, errors.SystemCertificateForeign),
    "expired": (authority.expired, errors.SystemCertificateExpired),
    "not yet valid": (authority.not_yet_valid, errors.SystemCertificateDisliked),
    "revoked": (_revoked, errors.SystemCertificateRevoked),
    "wrong purpose": (authority.server, errors.SystemCertificateUnfit),
}
EACH = pytest.mark.parametrize("shown", SHOWN)


def _passport(folder: Path, made: Callable[[], Issued] | None) -> Passport:
    """A passport of any certificate, fit or not."""
    trust = folder / "trust.pem"
    trust.write_bytes(authority.authority().trust_pem())
    if made is None:
        return Passport(context=client_context(None, trust=trust), serial="", fingerprint="", not_after=authority.AT)
    issued = made()
    context = client_context_from(issued.chain_pem(), issued.key_pem(), trust=trust.read_text())
    return Passport(context=context, serial="1", fingerprint="1", not_after=authority.AT)


def _judging(folder: Path, version: ssl.TLSVersion) -> ssl.SSLContext:
    """The TLS of a server that wants a certificate, and looks at revocations too."""
    context = kit.upstream_context()
    context.minimum_version = context.maximum_version = version
    revocations = folder / "revocations.pem"
    revocations.write_bytes(authority.revocations(_revoked()))
    context.load_verify_locations(revocations)
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


@asynccontextmanager
async def _s_server(folder: Path, version: ssl.TLSVersion, *options: str) -> AsyncIterator[int]:
    """Yield the port of `openssl s_server`, which wants a certificate."""
    (folder / "server.pem").write_bytes(authority.server().chain_pem())
    (folder / "server.key").write_bytes(authority.server().key_pem())
    (folder / "callers.pem").write_bytes(authority.authority().trust_pem() + authority.revocations(_revoked()))
    words = [
        "s_server", "-accept", "127.0.0.1:0", "-cert", "server.pem", "-cert_chain", "server.pem", "-key", "server.key",
        "-CAfile", "callers.pem", "-Verify", "4", "-verify_return_error", "-crl_check",
        "-tls1_2" if version is V12 else "-tls1_3", *options,
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        "openssl", *words, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        stdin=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    said = b""
    try:
        async with asyncio.timeout(10):
            while not (line := await process.stdout.readline()).startswith(b"ACCEPT"):
                said += line
                assert line, said.decode()
        yield int(line.rpartition(b":")[2])
    finally:
        process.terminate()
        await process.communicate()


async def _fault(folder: Path, port: int, made: Callable[[], Issued] | None) -> RelayError:
    async with ajar(folder, port, shown=_passport(folder, made)) as out:
        with pytest.raises(RelayError) as told:
            await out.call("POST", b"x")
    return told.value


@VERSIONS
@EACH
@pytest.mark.parametrize("peer", ["s_server", "a plain socket"])
async def test_a_server_that_says_why_is_quoted(tmp_path: Path, version: ssl.TLSVersion, shown: str, peer: str) -> None:
    made, kind = SHOWN[shown]
    server: AbstractAsyncContextManager[int] = (
        _s_server(tmp_path, version) if peer == "s_server" else kit.refusing(_judging(tmp_path, version))
    )
    async with server as port:
        fault = await _fault(tmp_path, port, made)
    assert type(fault) is kind, fault.detail
    assert fault.sent is Sent.NO


@VERSIONS
@EACH
async def test_a_server_that_goes_without_a_word_is_not_taken_for_a_broken_road(
    tmp_path: Path, version: ssl.TLSVersion, shown: str
) -> None:
    """asyncio's servers send no alert. On TLS 1.3 the call is on its way by then, and nothing proves that it is not."""
    async with kit.running(context=_judging(tmp_path, version)) as upstream:
        fault = await _fault(tmp_path, upstream.port, SHOWN[shown][0])
    assert upstream.requests == []
    if version is V12:
        assert type(fault) is errors.SystemCertificateUnanswered, fault.detail
        assert fault.sent is Sent.NO
    elif type(fault) is errors.SystemCertificateUnanswered:
        assert fault.sent is Sent.NO
    else:
        assert type(fault) is errors.UpstreamClosed
        assert "some servers refuse a certificate so" in fault.detail


@VERSIONS
@pytest.mark.parametrize("peer", ["s_server", "asyncio"])
async def test_a_certificate_that_is_right_is_refused_by_none_of_them(
    tmp_path: Path, version: ssl.TLSVersion, peer: str
) -> None:
    async with ajar(tmp_path, 0, shown=_passport(tmp_path, authority.system)) as out:
        if peer == "s_server":
            async with _s_server(tmp_path, version, "-www") as port:
                answered = await out.call("GET", port=port)
        else:
            async with kit.running(context=_judging(tmp_path, version)) as upstream:
                answered = await out.call("GET", port=upstream.port)
        assert answered.head.status == 200
        answered.close()


async def _says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.close()


async def _resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.transport.abort()


async def _is_no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


async def _finds_nothing_in_common(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"\x15\x03\x03\x00\x02\x02\x28")  # alert: fatal, handshake_failure
    writer.close()


@pytest.mark.parametrize("peer", [_says_nothing, _resets, _is_no_tls, _finds_nothing_in_common])
async def test_a_road_that_breaks_before_certificates_is_never_their_refusal_of_ours(
    tmp_path: Path, peer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> None:
    server = await asyncio.start_server(peer, "127.0.0.1", 0)
    async with server:
        fault = await _fault(tmp_path, server.sockets[0].getsockname()[1], authority.system)
    assert type(fault) is errors.UpstreamUnreachable, fault.detail
