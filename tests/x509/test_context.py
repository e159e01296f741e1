"""TLS as the NCSC wants it, and every wrong file told in words."""

import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from relay.authority.issued import Issued
from relay.authority.signing import KeyType
from relay.x509.bundle import Bundle, read_bundle
from relay.x509.context import (
    SUITES,
    TlsFileFault,
    client_context,
    load_trust,
    server_context,
    server_context_from,
)
from relay.x509.openssl import openssl, pointer_to
from tests.kit import authority as kit
from tests.kit.may_skip import needed

TLS13_SUITES = {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"}
VERSIONS = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["tls1.2", "tls1.3"]
)


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    file = tmp_path / "trust.pem"
    file.write_bytes(kit.authority().trust_pem())
    return file


def bundle(issued: Issued) -> Bundle:
    return read_bundle(issued.p12(None), None)


def gate() -> ssl.SSLContext:
    return server_context_from(kit.server().chain_pem(), kit.server().key_pem())


def demanding_gate(trust: Path) -> ssl.SSLContext:
    context = gate()
    context.load_verify_locations(trust)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextmanager
def connected(server: ssl.SSLContext, client: ssl.SSLContext) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    """Give both ends of one TLS connection; a refusal of the server is seen at its client."""
    ours, theirs = socket.socketpair()
    accepted: list[ssl.SSLSocket] = []

    def accept() -> None:
        try:
            accepted.append(server.wrap_socket(theirs, server_side=True))
        except (ssl.SSLError, ConnectionError):
            theirs.close()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname="localhost") as called:
            thread.join()
            with accepted[0] if accepted else theirs as answering:
                yield called, answering  # type: ignore[misc]  # a refused client finds out by reading
    finally:
        thread.join()
        theirs.close()


@pytest.mark.parametrize("side", ["server", "client"])
def test_suites_and_versions_are_those_of_the_ncsc(side: str, trust: Path) -> None:
    context = gate() if side == "server" else client_context(None, trust=trust)
    assert {suite["name"] for suite in context.get_ciphers()} == TLS13_SUITES | set(SUITES)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.options & ssl.OP_NO_COMPRESSION


@pytest.mark.parametrize("group", ["secp521r1", "X448"])
@pytest.mark.parametrize("side", ["server", "client"])
def test_groups_are_those_of_the_ncsc(side: str, group: str, trust: Path) -> None:
    only = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if side == "server" else ssl.PROTOCOL_TLS_SERVER)
    if side == "client":
        only.load_cert_chain(pair(trust))
        listening, calling = only, client_context(None, trust=trust)
    else:
        only.load_verify_locations(trust)
        listening, calling = gate(), only
    use_groups(only, group)
    with pytest.raises(ssl.SSLError), connected(listening, calling):
        pytest.fail("shook hands by a group that is not on the list")
    use_groups(only, "P-384")
    with connected(listening, calling) as (called, _):
        assert called.version() == "TLSv1.3"


def use_groups(context: ssl.SSLContext, groups: str) -> None:
    assert openssl().control(pointer_to(context), 92, 0, groups.encode()) == 1


def pair(trust: Path) -> Path:
    file = trust.with_name("pair.pem")
    file.write_bytes(kit.server().chain_pem() + kit.server().key_pem())
    return file


def test_a_client_may_not_renegotiate_and_a_server_may_ask_us_to(trust: Path) -> None:
    assert gate().options & ssl.OP_NO_RENEGOTIATION
    assert not client_context(None, trust=trust).options & ssl.OP_NO_RENEGOTIATION


@VERSIONS
def test_the_certificate_of_a_bundle_is_shown_with_its_intermediate(version: ssl.TLSVersion, trust: Path) -> None:
    root_only = trust.with_name("root.pem")
    root_only.write_bytes(kit.authority().root.certificate.public_bytes(Encoding.PEM))
    context = client_context(bundle(kit.system()), trust=trust)
    context.maximum_version = version
    with connected(demanding_gate(root_only), context) as (called, answering):
        assert called.version() == {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]
        assert called.selected_alpn_protocol() == "http/1.1"
        assert answering.getpeercert(binary_form=True) == kit.system().certificate.public_bytes(Encoding.DER)


def test_without_a_bundle_no_certificate_is_shown(trust: Path) -> None:
    asking = gate()
    asking.load_verify_locations(trust)
    asking.verify_mode = ssl.CERT_OPTIONAL
    with connected(asking, client_context(None, trust=trust)) as (_, answering):
        assert answering.getpeercert(binary_form=True) is None


def test_a_server_of_an_authority_that_is_not_trusted_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.pem"
    elsewhere.write_bytes(kit.foreign_authority().trust_pem())
    with (
        pytest.raises(ssl.SSLCertVerificationError),
        connected(gate(), client_context(None, trust=elsewhere)),
    ):
        pass


def test_a_server_under_another_name_is_refused(trust: Path) -> None:
    other = kit.authority().issue_server(["other.example"], at=kit.AT)
    with (
        pytest.raises(ssl.SSLCertVerificationError, match=r"[Hh]ostname"),
        connected(server_context_from(other.chain_pem(), other.key_pem()), client_context(None, trust=trust)),
    ):
        pass


def test_the_webs_authorities_do_not_vouch_for_the_demo_authority() -> None:
    with pytest.raises(ssl.SSLCertVerificationError), connected(gate(), client_context(None, trust=None)):
        pass


def test_tls_1_1_is_not_spoken() -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError), connected(gate(), old):
        pass


def test_a_gate_that_asks_for_the_certificate_after_the_handshake_gets_it_on_tls_1_3(trust: Path) -> None:
    asking = gate()
    asking.load_verify_locations(trust)
    asking.verify_mode = ssl.CERT_OPTIONAL
    asking.post_handshake_auth = True
    with connected(asking, client_context(bundle(kit.system()), trust=trust)) as (called, answering):
        assert answering.getpeercert(binary_form=True) is None
        answering.verify_client_post_handshake()
        answering.sendall(b"who are you?")
        assert called.recv(99) == b"who are you?"
        called.sendall(b"me")
        assert answering.recv(99) == b"me"
        assert answering.getpeercert(binary_form=True) == kit.system().certificate.public_bytes(Encoding.DER)


def test_a_gate_that_asks_for_the_certificate_by_renegotiation_gets_it_on_tls_1_2(tmp_path: Path, trust: Path) -> None:
    needed("openssl, since Python cannot start a renegotiation,", found=shutil.which("openssl") is not None)
    pair = tmp_path / "pair.pem"
    pair.write_bytes(kit.server().chain_pem() + kit.server().key_pem())
    # Unbuffered, or the messages stay in the pipe; and without resumption, or no certificate is asked for.
    server = "stdbuf -o0 openssl s_server -tls1_2 -no_resumption_on_reneg -msg"
    command = f"{server} -accept 127.0.0.1:0 -cert {pair} -CAfile {trust}".split()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as peer:
        assert peer.stdin
        assert peer.stdout
        try:
            port = int(until(peer.stdout, b"ACCEPT").rpartition(b":")[2])
            with (
                ThreadPoolExecutor() as reader,
                socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
                client_context(bundle(kit.system()), trust=trust).wrap_socket(
                    raw, server_hostname="localhost"
                ) as called,
            ):
                until(peer.stdout, b"Secure Renegotiation IS supported")
                reading = reader.submit(called.recv, 99)  # which is where OpenSSL answers the renegotiation
                tell(peer.stdin, b"R\n")
                assert b"<<<" in until(peer.stdout, b"CertificateVerify")  # sent after a certificate only
                tell(peer.stdin, b"after\n")
                assert reading.result().strip() == b"after"
        finally:
            peer.kill()


def tell(stream: IO[bytes], line: bytes) -> None:
    stream.write(line)
    stream.flush()


def until(stream: IO[bytes], mark: bytes) -> bytes:
    """Return the first line that holds the mark."""
    return next(line for line in stream if mark in line)


def test_a_key_never_touches_the_disk(trust: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = ssl.SSLContext.load_cert_chain

    def watched(context: ssl.SSLContext, certfile: str, **rest: str) -> None:
        read.append(str(Path(certfile).readlink()))
        real(context, certfile, **rest)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watched)
    client_context(bundle(kit.system()), trust=trust)
    assert read == ["/memfd:tls (deleted)"]


def test_no_descriptor_stays_open(trust: Path) -> None:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - Path.iterdir would hold one open itself
    client_context(bundle(kit.system()), trust=trust)
    with pytest.raises(TlsFileFault):
        server_context_from(b"", b"")
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208 - as above


def protected(issued: Issued) -> bytes:
    return issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"geheim"))


@pytest.mark.parametrize(
    ("chain", "key", "told"),
    [
        (b"", kit.server().key_pem(), "no PEM certificate"),
        (kit.server().certificate.public_bytes(Encoding.DER), kit.server().key_pem(), "no PEM certificate"),
        (kit.server().chain_pem(), b"hello", "no PEM private key"),
        (kit.server().chain_pem(), protected(kit.server()), "has a password"),
        (kit.server().chain_pem(), kit.system().key_pem(), "does not belong to the first certificate"),
        (kit.server().chain_pem()[:99], kit.server().key_pem(), "OpenSSL refuses"),
    ],
    ids=["empty", "binary", "no key", "password", "mismatch", "cut short"],
)
def test_a_pair_that_cannot_serve_is_told_in_words(chain: bytes, key: bytes, told: str) -> None:
    with pytest.raises(TlsFileFault) as caught:
        server_context_from(chain, key)
    assert told in caught.value.detail


def test_a_listener_is_made_from_files(tmp_path: Path, trust: Path) -> None:
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(kit.server().chain_pem())
    key.write_bytes(kit.server().key_pem())
    with connected(server_context(chain, key), client_context(None, trust=trust)) as (called, _):
        assert called.version() == "TLSv1.3"


def test_a_fault_in_a_file_names_the_file(tmp_path: Path) -> None:
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(kit.server().chain_pem())
    with pytest.raises(TlsFileFault, match=r"key\.pem cannot be read: No such file"):
        server_context(chain, key)
    key.write_bytes(kit.system().key_pem())
    with pytest.raises(TlsFileFault, match=r"chain\.pem with .*key\.pem: the private key does not belong"):
        server_context(chain, key)


@pytest.mark.parametrize("content", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_trust_without_a_certificate_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "trust.pem"
    file.write_bytes(content)
    for load in (load_trust, lambda path: client_context(None, trust=path)):
        with pytest.raises(TlsFileFault, match=r"trust\.pem holds no readable PEM"):
            load(file)


def test_trust_is_read_as_certificates(trust: Path) -> None:
    assert load_trust(trust) == kit.authority().certificates


def test_a_machine_without_web_authorities_is_told_before_the_first_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with pytest.raises(TlsFileFault, match="ca-certificates"):
        client_context(None, trust=None)


def test_an_rsa_certificate_serves_as_well(trust: Path) -> None:
    issued = kit.authority().issue_server(["localhost"], at=kit.AT, key_type=KeyType.RSA2048)
    listening = server_context_from(issued.chain_pem(), issued.key_pem())
    listening.maximum_version = ssl.TLSVersion.TLSv1_2
    with connected(listening, client_context(None, trust=trust)) as (called, _):
        cipher = called.cipher()
        assert cipher
        assert cipher[0].startswith("ECDHE-RSA-")
