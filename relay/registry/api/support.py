"""The routes of Support."""

import asyncio
from typing import Final

from aiohttp import web

from relay.registry.api import shapes
from relay.registry.api.handlers import ADDRESSES
from relay.registry.api.keys import PERSON, REGISTRY

ORGANISATIONS: Final = "/v1/support/organisations"
CERTIFICATES: Final = ORGANISATIONS + "/{organisation}/certificates"
_NUMBER: Final = "/v1/support/certificates/{user_number}"
BLOCK: Final = _NUMBER + "/block"
DEFERRAL: Final = _NUMBER + "/deferral"
SERVICE: Final = _NUMBER + "/services/{service}"
REVOCATION: Final = "/v1/support/revocations/{fingerprint}"


def add_routes(app: web.Application) -> None:
    """Give `app` Support's routes."""
    app.router.add_get(ORGANISATIONS, list_organisations, allow_head=False)
    app.router.add_get(CERTIFICATES, list_certificates, allow_head=False)
    app.router.add_put(BLOCK, block)
    app.router.add_delete(BLOCK, lift_block)
    app.router.add_put(DEFERRAL, defer)
    app.router.add_delete(DEFERRAL, end_deferral)
    app.router.add_put(SERVICE, authorise)
    app.router.add_delete(SERVICE, withdraw_authorisation)
    app.router.add_put(REVOCATION, revoke)


async def list_organisations(request: web.Request) -> web.Response:
    """Answer with all organisations."""
    found = await asyncio.to_thread(request.app[REGISTRY].support.organisations, request[PERSON])
    return shapes.answer(request, 200, {"organisations": [shapes.organisation(each) for each in found]})


async def list_certificates(request: web.Request) -> web.Response:
    """Answer with the system certificates of one organisation."""
    service, asked = request.app[REGISTRY], request.match_info["organisation"]
    found = await asyncio.to_thread(service.certificates_of, request[PERSON], asked)
    rows = [shapes.certificate(each, ADDRESSES.format(user_number=each.certificate.user_number)) for each in found]
    return shapes.answer(request, 200, {"certificates": rows})


async def block(request: web.Request) -> web.Response:
    """Let the certificates under a user number through nowhere: 201, or 200 when they were blocked."""
    service, number = request.app[REGISTRY].support, request.match_info["user_number"]
    fresh = await asyncio.to_thread(service.block, request[PERSON], number)
    return shapes.answer(request, 201 if fresh else 200, {"user_number": number, "blocked": True})


async def lift_block(request: web.Request) -> web.Response:
    """Take that back: 204."""
    service, number = request.app[REGISTRY].support, request.match_info["user_number"]
    await asyncio.to_thread(service.lift_block, request[PERSON], number)
    return web.Response(status=204)


async def defer(request: web.Request) -> web.Response:
    """Put the check of a user number's addresses off until the body's moment: 200 with what holds now."""
    service, number = request.app[REGISTRY].support, request.match_info["user_number"]
    until = await shapes.must_tell_until(request)
    made = await asyncio.to_thread(service.defer, request[PERSON], number, until)
    return shapes.answer(request, 200, {"user_number": number, "deferred_until": made.until.isoformat()})


async def end_deferral(request: web.Request) -> web.Response:
    """Take that back: 204."""
    service, number = request.app[REGISTRY].support, request.match_info["user_number"]
    await asyncio.to_thread(service.end_deferral, request[PERSON], number)
    return web.Response(status=204)


async def authorise(request: web.Request) -> web.Response:
    """Let the certificates under a user number use a service: 201, or 200 when they could."""
    service, path = request.app[REGISTRY].support, request.match_info
    asked = shapes.told_service(path["service"])
    fresh = await asyncio.to_thread(service.authorise, request[PERSON], path["user_number"], asked)
    return shapes.answer(request, 201 if fresh else 200, {"user_number": path["user_number"], "service": asked})


async def withdraw_authorisation(request: web.Request) -> web.Response:
    """Take that back: 204."""
    service, path = request.app[REGISTRY].support, request.match_info
    asked = shapes.told_service(path["service"])
    await asyncio.to_thread(service.withdraw_authorisation, request[PERSON], path["user_number"], asked)
    return web.Response(status=204)


async def revoke(request: web.Request) -> web.Response:
    """Let a certificate count no longer: 201, or 200 when it was revoked."""
    service, fingerprint = request.app[REGISTRY].support, request.match_info["fingerprint"]
    fresh = await asyncio.to_thread(service.revoke, request[PERSON], fingerprint)
    return shapes.answer(request, 201 if fresh else 200, {"fingerprint": fingerprint, "revoked": True})
