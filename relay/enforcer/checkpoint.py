"""Where every call is stopped and judged, on each request anew: a resumed or a kept connection proves nothing."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from http import HTTPStatus
from ipaddress import IPv4Address, ip_address

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler, Middleware
from cryptography.x509 import Certificate

from relay.enforcer.refusal_body import RefusalBody, refusal_body
from relay.enforcer.verdict import PHRASES, Passage, Phrase, Refused, judge
from relay.enforcer.witnesses import Witness
from relay.registry.domain.addresses import IPAddress
from relay.registry.domain.snapshot import Snapshot
from relay.x509.any_client import peer_certificate

# A connection that has gone in the meantime has no address, nor a certificate: it is refused for that.
_NOWHERE = IPv4Address(0)

Examine = Callable[[web.Request], Passage]


def examiner(
    authorities: Sequence[Certificate], *, book: Callable[[], Snapshot], clock: Callable[[], datetime]
) -> Examine:
    """Return what judges a request by its connection, by the book as it stands at that moment."""

    def examine(request: web.Request) -> Passage:
        return judge(_certificate(request), _address(request), authorities=authorities, snapshot=book(), at=clock())

    return examine


def checkpoint(
    examine: Examine, *, witnesses: Sequence[Witness], body: RefusalBody, unguarded: Collection[str] = ()
) -> Middleware:
    """Return the middleware that lets nothing by but admitted calls and those for the `unguarded` services.

    A refusal is VECOZO's: 403, the cause in the reason phrase at most, and no more.
    """

    @web.middleware
    async def stop_and_judge(request: web.Request, handler: Handler) -> web.StreamResponse:
        service = _service(request)
        if service in unguarded:
            return await handler(request)
        passage = examine(request)
        for witness in witnesses:
            witness.see(passage, method=request.method, service=service)
        if isinstance(passage.verdict, Refused):
            return _refuse(PHRASES[passage.verdict.refusal], body)
        await _send_continue(request)
        return await handler(request)

    return stop_and_judge


async def expect_nothing_yet(request: web.Request) -> None:
    """Hold `100 Continue` back: aiohttp would send it before anybody was judged. The checkpoint sends it."""


async def _send_continue(request: web.Request) -> None:
    if request.version >= HttpVersion11 and request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # as aiohttp itself does: the answer has not begun


def _refuse(phrase: Phrase, shape: RefusalBody) -> web.Response:
    content_type, body = refusal_body(shape, phrase)
    headers = {} if content_type is None else {hdrs.CONTENT_TYPE: content_type}
    return web.Response(status=HTTPStatus.FORBIDDEN, reason=phrase, body=body, headers=headers)


def _certificate(request: web.Request) -> bytes | None:
    connection = request.get_extra_info("ssl_object")
    return None if connection is None else peer_certificate(connection)


def _address(request: web.Request) -> IPAddress:
    """Return the peer of the socket: what a header says of it counts for nothing at VECOZO's gate."""
    peer = request.get_extra_info("peername")
    return _NOWHERE if peer is None else ip_address(peer[0])


def _service(request: web.Request) -> str:
    """Return the path as the gate knows it, never as the caller wrote it."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.canonical
