"""Where every call is stopped and judged, on each request anew: a resumed or a kept connection proves nothing."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler, Middleware

from relay.enforcer.answers import Answer, Wording, answer
from relay.enforcer.backends import Backends
from relay.enforcer.faults import LATER
from relay.enforcer.places import Family, Place, place_of
from relay.enforcer.staging import Staging
from relay.enforcer.trust import Trust
from relay.enforcer.verdict import Passage, Refused, judge
from relay.enforcer.witnesses import Witness
from relay.registry.domain.addresses import IPAddress
from relay.registry.domain.identifiers import UserNumber
from relay.registry.domain.snapshot import Snapshot
from relay.soap.recognise import SoapVersion, soap_version
from relay.x509.any_client import peer_certificate

PASSAGE: Final = web.RequestKey("passage", Passage)
"""Of a request that was let pass: who it is, for the service behind."""

ANYWHERE: Final = "/{path}"
"""The route of all that no other takes, by the router's own name for it."""

Examine = Callable[[web.Request, Place], Passage]


def examiner(
    *,
    trust: Callable[[], Trust],
    book: Callable[[], Snapshot],
    clock: Callable[[], datetime],
    address: Callable[[web.Request], IPAddress],
) -> Examine:
    """Return what judges a request by its connection, by trust and book as they stand at that moment.

    `address` tells whose connection it is, and never by what the request says.
    """

    def examine(request: web.Request, place: Place) -> Passage:
        return judge(
            _certificate(request),
            address(request),
            trust=trust(),
            snapshot=book(),
            at=clock(),
            place=place,
        )

    return examine


def checkpoint(
    examine: Examine,
    *,
    witnesses: Sequence[Witness],
    wordings: Mapping[Family, Wording],
    elsewhere: Wording,
    unguarded: Collection[str] = (),
    staging: Staging | None = None,
    backends: Backends | None = None,
) -> Middleware:
    """Return the middleware that lets nothing by but admitted calls and those for the `unguarded` services.

    A refusal is worded as VECOZO does in that family of routes, and `elsewhere` where there is none: a bare 403, the
    cause in its reason phrase at most; or, where the certificate lacks the authorisation, as the service itself would.
    What is below a prefix of the `backends` goes there. In a rehearsal `staging` has calls that are admitted meet the
    faults that were ordered.
    """

    @web.middleware
    async def stop_and_judge(request: web.Request, handler: Handler) -> web.StreamResponse:
        backend = None if backends is None else backends.below(request.raw_path)
        service = _service(request) if backend is None else backend.prefix
        if backend is None and service in unguarded:
            return await handler(request)
        place = place_of(service) if backend is None else backend.place
        passage = examine(request, place)
        for witness in witnesses:
            witness.see(passage, method=request.method, service=service)
        if isinstance(passage.verdict, Refused):
            wording = elsewhere if place.family is None else wordings[place.family]
            return _response(answer(passage.verdict.refusal, wording, soap=_soap(request)))
        request[PASSAGE] = passage
        if backends is not None and backend is not None:
            handler = partial(backends.hand_on, backend, passage)
        due = None if staging is None else staging.meets(place.family)
        if due is None or due.fault.kind in LATER:
            await _send_continue(request)
        if due is None or staging is None:
            return await handler(request)
        return await staging.happen(due, request, handler, caller=_number(passage))

    return stop_and_judge


async def expect_nothing_yet(request: web.Request) -> None:
    """Hold `100 Continue` back: aiohttp would send it before anybody was judged. The checkpoint sends it."""


async def _send_continue(request: web.Request) -> None:
    if request.version >= HttpVersion11 and request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # as aiohttp itself does: the answer has not begun


def _response(told: Answer) -> web.Response:
    headers = {} if told.content_type is None else {hdrs.CONTENT_TYPE: told.content_type}
    return web.Response(status=told.status, reason=told.reason, body=told.body, headers=headers)


def _soap(request: web.Request) -> SoapVersion | None:
    return soap_version(octets(request.headers.get(hdrs.CONTENT_TYPE)), octets(request.headers.get("SOAPAction")))


def octets(value: str | None) -> bytes | None:
    """Return a field's value as it came: aiohttp decodes it as UTF-8, and keeps what is none by surrogates."""
    return None if value is None else value.encode("utf-8", "surrogateescape")


def _certificate(request: web.Request) -> bytes | None:
    connection = request.get_extra_info("ssl_object")
    return None if connection is None else peer_certificate(connection)


def _number(passage: Passage) -> UserNumber | None:
    number = None if passage.identity is None else passage.identity.user_number
    return None if number is None else UserNumber(number)


def _service(request: web.Request) -> str:
    """Return the path as the gate knows it, never as the caller wrote it."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None or resource.canonical == ANYWHERE else resource.canonical
