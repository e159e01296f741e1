"""A caller of our own with full say over TLS: version, certificate and resumption, on a plain blocking socket."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Self

from relay.authority.issued import Issued
from relay.x509.bundle import Bundle, read_bundle
from relay.x509.context import client_context


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the caller got."""

    status: int
    reason: str
    content_type: str | None
    body: bytes
    resumed: bool
    version: str | None


class Caller:
    """Calls over one TLS version, showing one certificate or none; remembers its session after each call."""

    def __init__(
        self, certificate: Issued | Bundle | None, *, trust: Path, version: ssl.TLSVersion | None = None
    ) -> None:
        bundle = read_bundle(certificate.p12(None), None) if isinstance(certificate, Issued) else certificate
        self._context = client_context(bundle, trust=trust)
        if version is not None:
            self._context.minimum_version = self._context.maximum_version = version
        self._session: ssl.SSLSession | None = None

    @classmethod
    def trusting(cls, trust: Path, certificate: Issued | Bundle | None = None) -> Self:
        """Return a caller on the best version."""
        return cls(certificate, trust=trust)

    async def send(self, port: int, *requests: bytes) -> list[Seen]:
        """Send whole requests one after the other over one new connection, resuming the last session if any."""
        return await asyncio.to_thread(self._send, port, requests)

    async def send_when_asked(self, port: int, request: bytes) -> tuple[bytes, Seen | None]:
        """Send a head, wait for the first octets of an answer, send the body only if they ask for it.

        Returns those octets, and the final answer if the body was sent.
        """
        return await asyncio.to_thread(self._send_when_asked, port, request)

    def _send(self, port: int, requests: tuple[bytes, ...]) -> list[Seen]:
        with self._connected(port) as connection:
            seen = [self._exchange(connection, request) for request in requests]
            self._session = connection.session
            return seen

    def _send_when_asked(self, port: int, request: bytes) -> tuple[bytes, Seen | None]:
        head, end, body = request.partition(b"\r\n\r\n")
        with self._connected(port) as connection:
            connection.sendall(head + end)
            first = connection.recv(65536)
            asked = first == b"HTTP/1.1 100 Continue\r\n\r\n"
            return first, self._exchange(connection, body) if asked else None

    @contextmanager
    def _connected(self, port: int) -> Iterator[ssl.SSLSocket]:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            self._context.wrap_socket(plain, server_hostname="localhost", session=self._session) as connection,
        ):
            yield connection

    @staticmethod
    def _exchange(connection: ssl.SSLSocket, request: bytes) -> Seen:
        connection.sendall(request)
        answer = HTTPResponse(connection)
        answer.begin()
        return Seen(
            status=answer.status,
            reason=answer.reason,
            content_type=answer.headers.get("Content-Type"),
            body=answer.read(),
            resumed=bool(connection.session_reused),
            version=connection.version(),
        )


def get(path: str, method: str = "GET") -> bytes:
    """Return a request without a body on a kept connection."""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """Return a POST on a kept connection."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{lines}\r\n"
    return head.encode() + body
