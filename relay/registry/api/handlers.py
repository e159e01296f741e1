"""The routes of contact persons. Each runs the service in a thread: the book is a blocking one."""

import asyncio
from typing import Final

from aiohttp import web

from relay.registry.api import shapes
from relay.registry.api.keys import PERSON, REGISTRY

CERTIFICATES: Final = "/v1/certificates"
ADDRESSES: Final = CERTIFICATES + "/{user_number}/addresses"
# A block holds a slash, which may come as it is or as %2F.
ADDRESS: Final = ADDRESSES + "/{range:.+}"
PARTIES: Final = "/v1/parties"
SELECTION: Final = PARTIES + "/{party}/selection"
CONSENTS: Final = "/v1/consents"
CONSENT: Final = CONSENTS + "/{party}/{service}"
COLLECTION: Final = "/v1/collections/{fingerprint}"
ME: Final = "/v1/me"
CUSTOMERS: Final = "/v1/customers/addresses"
CUSTOMERS_ADDRESS: Final = CUSTOMERS + "/{range:.+}"


def add_routes(app: web.Application) -> None:
    """Give `app` the registry's routes."""
    app.router.add_get(CERTIFICATES, list_certificates, allow_head=False)
    app.router.add_get(ADDRESSES, list_addresses, allow_head=False)
    app.router.add_put(ADDRESS, register)
    app.router.add_delete(ADDRESS, remove)
    app.router.add_get(PARTIES, list_parties, allow_head=False)
    app.router.add_put(SELECTION, select)
    app.router.add_delete(SELECTION, deselect)
    app.router.add_get(CUSTOMERS, list_for_customers, allow_head=False)
    app.router.add_get(CONSENTS, list_consents, allow_head=False)
    app.router.add_put(CONSENT, give_consent)
    app.router.add_delete(CONSENT, withdraw_consent)
    app.router.add_put(COLLECTION, collect)
    app.router.add_get(ME, tell_me, allow_head=False)
    app.router.add_put(CUSTOMERS_ADDRESS, register_for_customers)
    app.router.add_delete(CUSTOMERS_ADDRESS, remove_for_customers)


async def tell_me(request: web.Request) -> web.Response:
    """Answer with who the caller is."""
    service, person = request.app[REGISTRY], request[PERSON]
    known = service.snapshot.organisations[person.organisation]
    body = {"user_number": person.user_number, "name": person.name, "organisation": shapes.organisation(known)}
    return shapes.answer(request, 200, body)


async def list_certificates(request: web.Request) -> web.Response:
    """Answer with the system certificates of the caller's organisation."""
    found = await asyncio.to_thread(request.app[REGISTRY].certificates, request[PERSON])
    rows = [shapes.certificate(each, ADDRESSES.format(user_number=each.certificate.user_number)) for each in found]
    return shapes.answer(request, 200, {"certificates": rows})


async def collect(request: web.Request) -> web.Response:
    """Take a certificate that was issued: 201, or 200 when it was collected before."""
    service, fingerprint = request.app[REGISTRY], request.match_info["fingerprint"]
    fresh = await asyncio.to_thread(service.collect, request[PERSON], fingerprint)
    return shapes.answer(request, 201 if fresh else 200, {"fingerprint": fingerprint, "collected": True})


async def list_addresses(request: web.Request) -> web.Response:
    """Answer with what is registered under one of the organisation's user numbers."""
    service, number = request.app[REGISTRY], request.match_info["user_number"]
    found = await asyncio.to_thread(service.registrations, request[PERSON], number)
    rows = [shapes.registration(each, at=service.now()) for each in found]
    return shapes.answer(request, 200, {"user_number": number, "addresses": rows})


async def register(request: web.Request) -> web.Response:
    """Register an address or range: 201 with its canonical place, or 200 when it was registered already."""
    service, path, until = request.app[REGISTRY], request.match_info, await shapes.told_until(request)
    made = await asyncio.to_thread(service.register, request[PERSON], path["user_number"], path["range"], until)
    of = made.registration
    place = f"{ADDRESSES.format(user_number=of.user_number)}/{of.range}"
    body, beside = shapes.registration(of, at=service.now()), shapes.overlaps(made.overlaps)
    return shapes.answer(request, 201 if made.fresh else 200, body, beside=beside, place=place)


async def remove(request: web.Request) -> web.Response:
    """Remove an address or range: 204."""
    service, path = request.app[REGISTRY], request.match_info
    await asyncio.to_thread(service.remove, request[PERSON], path["user_number"], path["range"])
    return web.Response(status=204)


async def list_parties(request: web.Request) -> web.Response:
    """Answer with the software parties that can be ticked, and which are."""
    found = await asyncio.to_thread(request.app[REGISTRY].parties, request[PERSON])
    parties = [{"id": each.party.id, "name": each.party.name, "selected": each.selected} for each in found]
    return shapes.answer(request, 200, {"parties": parties})


async def select(request: web.Request) -> web.Response:
    """Tick a software party: 201, or 200 when it was ticked already."""
    service, party = request.app[REGISTRY], request.match_info["party"]
    fresh = await asyncio.to_thread(service.select_party, request[PERSON], party)
    return shapes.answer(request, 201 if fresh else 200, {"id": party, "selected": True})


async def deselect(request: web.Request) -> web.Response:
    """Take that back: 204."""
    service, party = request.app[REGISTRY], request.match_info["party"]
    await asyncio.to_thread(service.deselect_party, request[PERSON], party)
    return web.Response(status=204)


async def list_consents(request: web.Request) -> web.Response:
    """Answer with the consents that the caller's organisation gave, or that it was given."""
    found = await asyncio.to_thread(request.app[REGISTRY].consents, request[PERSON])
    return shapes.answer(request, 200, {"consents": [shapes.consent(each) for each in found]})


async def give_consent(request: web.Request) -> web.Response:
    """Let a software party act for the care provider on a service: 201, or 200 when it may already."""
    path, asked = request.match_info, shapes.told_service(request.match_info["service"])
    fresh = await asyncio.to_thread(request.app[REGISTRY].give_consent, request[PERSON], path["party"], asked)
    return shapes.answer(request, 201 if fresh else 200, {"party": path["party"], "service": asked})


async def withdraw_consent(request: web.Request) -> web.Response:
    """Take that back: 204."""
    path, asked = request.match_info, shapes.told_service(request.match_info["service"])
    await asyncio.to_thread(request.app[REGISTRY].withdraw_consent, request[PERSON], path["party"], asked)
    return web.Response(status=204)


async def list_for_customers(request: web.Request) -> web.Response:
    """Answer with what the caller's software party registered for its customers."""
    service = request.app[REGISTRY]
    found = await asyncio.to_thread(service.customers_addresses, request[PERSON])
    return shapes.answer(request, 200, {"addresses": [shapes.registration(each, at=service.now()) for each in found]})


async def register_for_customers(request: web.Request) -> web.Response:
    """Register an address or range for customers: 201 with its canonical place, or 200 when it was there already."""
    service, text, until = request.app[REGISTRY], request.match_info["range"], await shapes.told_until(request)
    made = await asyncio.to_thread(service.register_for_customers, request[PERSON], text, until)
    place = f"{CUSTOMERS}/{made.address.range}"
    body, beside = shapes.registration(made.address, at=service.now()), shapes.overlaps(made.overlaps)
    return shapes.answer(request, 201 if made.fresh else 200, body, beside=beside, place=place)


async def remove_for_customers(request: web.Request) -> web.Response:
    """Remove such an address or range: 204."""
    service, text = request.app[REGISTRY], request.match_info["range"]
    await asyncio.to_thread(service.remove_for_customers, request[PERSON], text)
    return web.Response(status=204)
