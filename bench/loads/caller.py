"""One caller: a TLS connection of a stated version, requests with a fresh correlation id, answers read to their end."""

import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from bench.place import Place
from bench.process import BenchFault

_MUCH = 256 * 1024


class Tls(StrEnum):
    """A version of TLS, in OpenSSL's words."""

    V1_2 = "TLSv1.2"
    V1_3 = "TLSv1.3"

    @property
    def version(self) -> ssl.TLSVersion:
        """The same in Python's words."""
        return ssl.TLSVersion.TLSv1_2 if self is Tls.V1_2 else ssl.TLSVersion.TLSv1_3


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whom to call. `direct` is the upstream itself, which wants the system certificate and the registered address."""

    port: int
    direct: bool = False


class Requests:
    """Requests to one path with one body: each differs from all others by its correlation id."""

    def __init__(self, place: Place, target: Target, path: str, body: bytes, proof: str = "") -> None:
        """Take what each proves itself by, one field or several; empty: the key."""
        proof = proof or place.proof(tokened=False)
        self._before = (
            f"POST {path} HTTP/1.1\r\nHost: localhost:{target.port}\r\nContent-Type: text/xml; charset=utf-8\r\n"
            f'SOAPAction: "urn:bench"\r\n{proof}\r\nx-ms-correlation-request-id: '
        ).encode()
        self._after = f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        self._numbers = count()

    def next(self) -> bytes:
        """Return a request that nobody has seen yet."""
        number = next(self._numbers)
        return self._before + b"%08x-77d1-4c6a-9e0b-%012d" % (number * 40503 % 2**32, number) + self._after


def client_context(place: Place, target: Target, tls: Tls) -> ssl.SSLContext:
    """Return a context that speaks this version only. It judges no certificate: whoever is called is ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = tls.version
    if target.direct:
        context.load_cert_chain(place.certs / "client.crt", place.certs / "client.key")
    return context


def connect(target: Target, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    """Connect, resuming a session of the same context where there is one.

    Without a timeout, which would cost a system call at each step: whoever waits for a load has one.
    """
    source = ("127.0.0.9", 0) if target.direct else None
    plain = socket.create_connection(("127.0.0.1", target.port), source_address=source)
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(plain, server_hostname="localhost", session=session)
    except OSError:
        plain.close()
        raise


class Answer:
    """An answer as it comes in; anything but a 200 is a BenchFault."""

    def __init__(self) -> None:
        self._head = b""
        self._parts: list[bytes] = []
        self._left = -1

    def take(self, octets: bytes) -> bool:
        """Take the next octets of it; return whether it is whole now."""
        if not octets:
            raise BenchFault("the answer ended before its end")
        if self._left < 0:
            self._head += octets
            head, found, octets = self._head.partition(b"\r\n\r\n")
            if not found:
                return False
            self._left = content_length(head)
        self._parts.append(octets)
        self._left -= len(octets)
        if self._left < 0:
            raise BenchFault("the answer was longer than it said")
        return not self._left

    @property
    def body(self) -> bytes:
        """All of its body."""
        return b"".join(self._parts)


def content_length(head: bytes) -> int:
    """Return how long a 200's body is. Raises BenchFault when it is no 200, or does not say."""
    line, *fields = head.split(b"\r\n")
    if line.split(b" ")[1] != b"200":
        raise BenchFault(f"an answer was {line.decode(errors='replace')}")
    for field in fields:
        name, _, value = field.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise BenchFault("an answer did not say how long it is")


def answer_to(connection: ssl.SSLSocket, request: bytes) -> bytes:
    """Send a request, and return the body of its answer."""
    connection.sendall(request)
    return read_answer(connection)


def read_answer(connection: ssl.SSLSocket) -> bytes:
    """Return the body of the next answer when all of it is there."""
    answer = Answer()
    while not answer.take(connection.recv(_MUCH)):
        pass
    return answer.body
