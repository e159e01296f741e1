"""A body far larger than the relay may hold: through a real process, each way, whole and in little memory."""

import hashlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from relay.x509.context import client_context
from tests.kit.relay import PATH
from tests.kit.served import Served, served
from tests.kit.upstream import upstream_context

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(600)]

SIZE = 1 << 30
PIECE = 1 << 20
GROWTH = 30 << 20
# The reader stops for a while half-way: a relay that does not hold the sender back would swallow far more than GROWTH.
PAUSE = 1.0

_FILLER = os.urandom(PIECE - 8)
_ROOMY = {
    "listen.max_body": SIZE,
    "deadlines.first_byte": 300,
    "deadlines.total": 300,
}


def pieces() -> Iterator[bytes]:
    """The body: each piece begins with its number, so that none can take another's place unseen."""
    for number in range(SIZE // PIECE):
        yield number.to_bytes(8, "big") + _FILLER


def whole() -> str:
    digest = hashlib.sha256()
    for piece in pieces():
        digest.update(piece)
    return digest.hexdigest()


def head_of(connection: ssl.SSLSocket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        octet = connection.recv(1)
        assert octet, f"the connection ended in the head, after {head!r}"
        head += octet
    return head


def digest_of(connection: ssl.SSLSocket, length: int) -> str:
    digest, buffer = hashlib.sha256(), bytearray(PIECE)
    view, half = memoryview(buffer), length // 2
    while length:
        came = connection.recv_into(view[: min(length, PIECE)])
        assert came, f"the connection ended {length} octets early"
        digest.update(view[:came])
        if length > half >= length - came and length > PIECE:
            time.sleep(PAUSE)
        length -= came
    return digest.hexdigest()


def answer_one(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Take one call: send the body for a GET; for a POST, tell the digest of what came."""
    plain, _ = listener.accept()
    with context.wrap_socket(plain, server_side=True) as connection:
        if head_of(connection).startswith(b"GET "):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
            for piece in pieces():
                connection.sendall(piece)
        else:
            told = digest_of(connection, SIZE).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(told), told))
        connection.recv(1)  # until the relay closes


@contextmanager
def streaming() -> Iterator[int]:
    """An upstream for one call, in a thread; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer_one, args=(listener, upstream_context()), daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
    thread.join(20)
    assert not thread.is_alive()


@contextmanager
def called(here: Served, folder: Path, head: str) -> Iterator[ssl.SSLSocket]:
    context = client_context(None, trust=folder / "trust.pem")
    with (
        socket.create_connection(("127.0.0.1", here.port), timeout=300) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        # A first call, refused before it goes anywhere, so that what any call needs in memory is there already.
        connection.sendall(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: x\r\n\r\n")
        digest_of(connection, int(head_of(connection).lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        here.forget_peak()
        connection.sendall(f"{head}\r\nHost: localhost\r\nX-Api-Key: {here.key}\r\n".encode())
        yield connection


@pytest.mark.parametrize("workers", [1, 2])
def test_a_gibibyte_goes_up_whole_while_the_relay_hardly_grows(tmp_path: Path, workers: int) -> None:
    with streaming() as upstream, served(tmp_path, upstream, changes=_ROOMY | {"workers": workers}) as here:
        with called(here, tmp_path, f"POST {PATH} HTTP/1.1") as connection:
            before = here.resident_peak()
            connection.sendall(b"Content-Length: %d\r\n\r\n" % SIZE)
            for piece in pieces():
                connection.sendall(piece)
            assert head_of(connection).startswith(b"HTTP/1.1 200 OK\r\n")
            told = connection.recv(64).decode()
        assert told == whole()
        assert here.resident_peak() - before < GROWTH


@pytest.mark.parametrize("workers", [1, 2])
def test_a_gibibyte_comes_down_whole_while_the_relay_hardly_grows(tmp_path: Path, workers: int) -> None:
    with streaming() as upstream, served(tmp_path, upstream, changes=_ROOMY | {"workers": workers}) as here:
        with called(here, tmp_path, f"GET {PATH} HTTP/1.1") as connection:
            before = here.resident_peak()
            connection.sendall(b"\r\n")
            assert head_of(connection).startswith(b"HTTP/1.1 200 OK\r\n")
            told = digest_of(connection, SIZE)
        assert told == whole()
        assert here.resident_peak() - before < GROWTH
