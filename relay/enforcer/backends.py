"""Backends: services of one's own behind the gate, each below a prefix. Both ways stream, and nothing is sent twice."""

import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from types import SimpleNamespace
from typing import Final

from aiohttp import (
    ClientConnectionResetError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    HttpVersion11,
    TCPConnector,
    TraceConfig,
    hdrs,
    web,
)
from structlog.typing import FilteringBoundLogger
from yarl import URL

from relay.enforcer.forwarding import to_backend, to_caller
from relay.enforcer.places import Place
from relay.enforcer.verdict import Passage
from relay.errors import RelayError
from relay.message.fields import Field, Fields
from relay.message.head import RequestHead
from relay.message.target import Target, target_of
from relay.x509.any_client import peer_certificate

_CONNECT_SECONDS: Final = 5.0
# What aiohttp would add, and the caller did not say.
_NOT_ADDED: Final = frozenset({hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE, hdrs.USER_AGENT})
_TextFields = list[tuple[str, str]]
_NO_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One service: what is below `prefix` goes to `origin` (https://host:port), its path as it came.

    `place` is what callers are judged by. The service may be silent for `seconds`, a request has `most_body` octets.
    """

    prefix: str
    origin: str
    place: Place
    context: ssl.SSLContext
    seconds: float
    most_body: int


class Backends:
    """The backends of a gate, the longest prefix first."""

    def __init__(self, backends: Iterable[Backend], session: ClientSession, log: FilteringBoundLogger) -> None:
        self._backends: Final = sorted(backends, key=lambda each: len(each.prefix), reverse=True)
        self._session: Final = session
        self._log: Final = log

    def __repr__(self) -> str:
        return f"<Backends {', '.join(each.prefix for each in self._backends)}>"

    def below(self, raw_target: str) -> Backend | None:
        """Return the backend that a request's target leads to, by whole segments of its octets."""
        path = raw_target.partition("?")[0]
        found = (each for each in self._backends if path == each.prefix or path.startswith(f"{each.prefix}/"))
        return next(found, None)

    async def hand_on(self, backend: Backend, passage: Passage, request: web.Request) -> web.StreamResponse:
        """Send a call on that was let pass, and its answer back. What fails before that is 502, 504, 413 or 400."""
        fields = Fields(request.raw_headers)
        try:
            target = target_of(RequestHead(request.method.encode(), request.raw_path.encode(), fields))
            told = _text(to_backend(fields, passage, _certificate(request)))
        except (RelayError, UnicodeError):  # what can be read in two ways is never sent on
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        if (request.content_length or 0) > backend.most_body:
            return web.Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        body = _Body(request, backend.most_body)
        try:
            async with self._sent(backend, request.method, target, told, body) as answer:
                return await _back(request, answer)
        except TimeoutError:
            return self._failed(backend, HTTPStatus.GATEWAY_TIMEOUT, "it did not answer in time")
        except (ClientError, OSError, UnicodeError, _Twice) as error:
            if body.too_long:
                return web.Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return self._failed(backend, HTTPStatus.BAD_GATEWAY, type(error).__name__)

    @asynccontextmanager
    async def _sent(
        self, backend: Backend, method: str, target: Target, fields: _TextFields, body: "_Body"
    ) -> AsyncIterator[ClientResponse]:
        async with self._session.request(
            method,
            URL(backend.origin + target.octets.decode("ascii"), encoded=True),
            headers=fields,
            skip_auto_headers=_NOT_ADDED,
            data=body.octets() if body.there else None,
            allow_redirects=False,
            ssl=backend.context,
            timeout=ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=backend.seconds),
        ) as answer:
            yield answer

    def _failed(self, backend: Backend, status: HTTPStatus, detail: str) -> web.Response:
        self._log.warning("backend_failed", prefix=backend.prefix, status=status.value, detail=detail)
        return web.Response(status=status)


@asynccontextmanager
async def backend_session() -> AsyncIterator[ClientSession]:
    """Return a client that sends each call once over a connection of its own, and adds and keeps nothing.

    On a kept one, late octets would become the next call's answer.
    """
    once = TraceConfig()
    once.on_connection_create_start.append(_dial_once)
    async with ClientSession(
        connector=TCPConnector(force_close=True, limit=0),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        trace_configs=[once],
    ) as session:
        yield session


class _Twice(Exception):
    """aiohttp was about to send a call again after a disconnect, which may have been processed."""


async def _dial_once(_session: ClientSession, context: SimpleNamespace, _params: object) -> None:
    if getattr(context, "dialled", False):
        raise _Twice
    context.dialled = True


class _Body:
    """The body of a request as it comes, up to so many octets."""

    def __init__(self, request: web.Request, most: int) -> None:
        self._request: Final = request
        self._most: Final = most
        self.there: Final = request.body_exists
        self.too_long = False

    async def octets(self) -> AsyncIterator[bytes]:
        """Yield what has come. Raises ValueError for a body that is too long."""
        length = 0
        async for part in self._request.content.iter_any():
            length += len(part)
            if length > self._most:
                self.too_long = True
                raise ValueError("the body is too long")
            yield part


async def _back(request: web.Request, answer: ClientResponse) -> web.StreamResponse:
    """Stream an answer back as it comes. One that breaks off breaks off."""
    response = web.StreamResponse(
        status=answer.status, reason=answer.reason, headers=_text(to_caller(Fields(answer.raw_headers)))
    )
    empty = answer.status in _NO_BODY or request.method == hdrs.METH_HEAD
    if not empty and answer.content_length is None:
        if request.version >= HttpVersion11:
            response.enable_chunked_encoding()
        else:
            response.force_close()
    try:
        await response.prepare(request)
        async for part in answer.content.iter_any():
            await response.write(part)
        await response.write_eof()
    except ClientConnectionResetError:  # the caller has gone, or is closed to on purpose
        pass
    except (ClientError, TimeoutError, OSError):
        if request.transport is not None:
            request.transport.abort()
    return response


def _certificate(request: web.Request) -> bytes:
    connection = request.get_extra_info("ssl_object")
    return (None if connection is None else peer_certificate(connection)) or b""


def _text(fields: Iterable[Field]) -> _TextFields:
    """Return fields as aiohttp writes them. Raises UnicodeError for octets that it could not write as they came."""
    return [(name.decode("ascii"), value.decode("utf-8")) for name, value in fields]
