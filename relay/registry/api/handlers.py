"""The routes of the registry. Each runs the service in a thread: the book is a blocking one."""

import asyncio
from typing import Final

import orjson
from aiohttp import web

from relay.registry.domain.parties import ContactPerson, PartyAddress
from relay.registry.domain.registrations import Registration
from relay.registry.service import Held, Registry

REGISTRY: Final = web.AppKey("registry", Registry)
PERSON: Final = web.RequestKey("person", ContactPerson)

CERTIFICATES: Final = "/v1/certificates"
ADDRESSES: Final = CERTIFICATES + "/{user_number}/addresses"
# A block holds a slash, which may come as it is or as %2F.
ADDRESS: Final = ADDRESSES + "/{range:.+}"
PARTIES: Final = "/v1/parties"
SELECTION: Final = PARTIES + "/{party}/selection"
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
    app.router.add_put(CUSTOMERS_ADDRESS, register_for_customers)
    app.router.add_delete(CUSTOMERS_ADDRESS, remove_for_customers)


async def list_certificates(request: web.Request) -> web.Response:
    """Answer with the system certificates of the caller's organisation."""
    service = request.app[REGISTRY]
    found = await asyncio.to_thread(service.certificates, request[PERSON])
    return _json(200, {"certificates": [_certificate(each) for each in found]})


async def list_addresses(request: web.Request) -> web.Response:
    """Answer with what is registered under one of the organisation's user numbers."""
    service, number = request.app[REGISTRY], request.match_info["user_number"]
    found = await asyncio.to_thread(service.registrations, request[PERSON], number)
    return _json(200, {"user_number": number, "addresses": [_registration(each) for each in found]})


async def register(request: web.Request) -> web.Response:
    """Register an address or range: 201 with its canonical place, or 200 when it was registered already."""
    service, path = request.app[REGISTRY], request.match_info
    made = await asyncio.to_thread(service.register, request[PERSON], path["user_number"], path["range"])
    place = f"{ADDRESSES.format(user_number=made.registration.user_number)}/{made.registration.range}"
    return _json(201 if made.fresh else 200, _registration(made.registration), {"Content-Location": place})


async def remove(request: web.Request) -> web.Response:
    """Remove an address or range: 204."""
    service, path = request.app[REGISTRY], request.match_info
    await asyncio.to_thread(service.remove, request[PERSON], path["user_number"], path["range"])
    return web.Response(status=204)


async def list_parties(request: web.Request) -> web.Response:
    """Answer with the software parties that can be ticked, and which are."""
    found = await asyncio.to_thread(request.app[REGISTRY].parties, request[PERSON])
    parties = [{"id": each.party.id, "name": each.party.name, "selected": each.selected} for each in found]
    return _json(200, {"parties": parties})


async def select(request: web.Request) -> web.Response:
    """Tick a software party: 201, or 200 when it was ticked already."""
    service, party = request.app[REGISTRY], request.match_info["party"]
    fresh = await asyncio.to_thread(service.select_party, request[PERSON], party)
    return _json(201 if fresh else 200, {"id": party, "selected": True})


async def deselect(request: web.Request) -> web.Response:
    """Take that back: 204."""
    service, party = request.app[REGISTRY], request.match_info["party"]
    await asyncio.to_thread(service.deselect_party, request[PERSON], party)
    return web.Response(status=204)


async def list_for_customers(request: web.Request) -> web.Response:
    """Answer with what the caller's software party registered for its customers."""
    found = await asyncio.to_thread(request.app[REGISTRY].customers_addresses, request[PERSON])
    return _json(200, {"addresses": [_registration(each) for each in found]})


async def register_for_customers(request: web.Request) -> web.Response:
    """Register an address or range for customers: 201 with its canonical place, or 200 when it was there already."""
    service, text = request.app[REGISTRY], request.match_info["range"]
    made = await asyncio.to_thread(service.register_for_customers, request[PERSON], text)
    place = f"{CUSTOMERS}/{made.address.range}"
    return _json(201 if made.fresh else 200, _registration(made.address), {"Content-Location": place})


async def remove_for_customers(request: web.Request) -> web.Response:
    """Remove such an address or range: 204."""
    service, text = request.app[REGISTRY], request.match_info["range"]
    await asyncio.to_thread(service.remove_for_customers, request[PERSON], text)
    return web.Response(status=204)


def _certificate(held: Held) -> dict[str, str | None]:
    certificate, revoked = held.certificate, held.certificate.revoked_at
    return {
        "user_number": certificate.user_number,
        "fingerprint": certificate.fingerprint,
        "environment": certificate.environment,
        "state": held.state,
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
        "revoked_at": revoked.isoformat() if revoked else None,
        "addresses": ADDRESSES.format(user_number=certificate.user_number),
    }


def _registration(registration: Registration | PartyAddress) -> dict[str, str]:
    return {
        "range": str(registration.range),
        "first": str(registration.range.first),
        "last": str(registration.range.last),
        "registered_by": registration.by,
        "registered_at": registration.at.isoformat(),
    }


def _json(status: int, body: object, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json", headers=headers)
