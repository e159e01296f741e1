"""What the API says and is told, as JSON: the only file that knows both the registry's values and their names there."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Final

import orjson
from aiohttp import hdrs, web
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from relay.registry.domain.addresses import AddressRange
from relay.registry.domain.errors import BodyRefused, ServiceUnknown
from relay.registry.domain.mandates import Consent, Service
from relay.registry.domain.parties import Organisation, PartyAddress
from relay.registry.domain.registrations import Registration
from relay.registry.service import Held

# Octets. Nothing that is told here is longer than a moment.
_LONGEST: Final = 4096


class Until(BaseModel):
    """The body of a PUT for something that may end."""

    model_config = ConfigDict(extra="forbid")

    until: AwareDatetime | None = None


async def told_until(request: web.Request) -> datetime | None:
    """Return the end that a request's body tells; None without a body. Raises BodyRefused."""
    body = await request.content.read(_LONGEST + 1)
    if not body:
        return None
    try:
        if len(body) > _LONGEST:
            raise ValueError
        return Until.model_validate_json(body).until
    except (ValidationError, ValueError):
        detail = 'the body is JSON such as {"until": "2026-12-31T18:00:00+01:00"}, with a time zone, or there is none'
        raise BodyRefused(detail) from None


async def must_tell_until(request: web.Request) -> datetime:
    """Return the end that a request's body tells. Raises BodyRefused, also without one."""
    until = await told_until(request)
    if until is None:
        raise BodyRefused('the body tells until when: {"until": "2026-12-31T18:00:00+01:00"}')
    return until


def told_service(text: str) -> Service:
    """Return the service of this name. Raises ServiceUnknown."""
    try:
        return Service(text)
    except ValueError:
        raise ServiceUnknown(f"the services are {', '.join(Service)}") from None


def answer(
    request: web.Request,
    status: int,
    body: Mapping[str, object],
    *,
    beside: Mapping[str, object] | None = None,
    place: str | None = None,
) -> web.Response:
    """Return `body`, under an ETag of what it says; 304 to who has just that. `beside` goes with it, apart."""
    tag = f'"{blake2b(orjson.dumps(body), digest_size=16).hexdigest()}"'
    headers = {hdrs.ETAG: tag, hdrs.CACHE_CONTROL: "private, no-cache"}
    if place is not None:
        headers[hdrs.CONTENT_LOCATION] = place
    if request.method == hdrs.METH_GET and tag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
        return web.Response(status=304, headers=headers)
    whole = orjson.dumps({**body, **(beside or {})})
    return web.Response(status=status, body=whole, content_type="application/json", headers=headers)


def certificate(held: Held, addresses: str) -> dict[str, object]:
    """Return a system certificate; `addresses` is where its addresses are."""
    of = held.certificate
    return {
        "user_number": of.user_number,
        "fingerprint": of.fingerprint,
        "environment": of.environment,
        "state": held.state,
        "not_before": of.not_before.isoformat(),
        "not_after": of.not_after.isoformat(),
        "revoked_at": _moment(of.revoked_at),
        "services": sorted(held.services),
        "blocked": held.blocked,
        "deferred_until": _moment(held.deferred_until),
        "addresses": addresses,
    }


def registration(made: Registration | PartyAddress, *, at: datetime) -> dict[str, object]:
    """Return a registered address or range, and whether it counts at `at`."""
    return {
        "range": str(made.range),
        "first": str(made.range.first),
        "last": str(made.range.last),
        "registered_by": made.by,
        "registered_at": made.at.isoformat(),
        "until": _moment(made.until),
        "counts": made.until is None or at < made.until,
    }


def overlaps(ranges: Sequence[AddressRange]) -> dict[str, object]:
    """Return other ranges that share addresses with one that was registered; nothing where there are none."""
    return {"overlaps": [str(each) for each in ranges]} if ranges else {}


def consent(given: Consent) -> dict[str, object]:
    """Return a consent."""
    return {
        "provider": given.provider,
        "party": given.party,
        "service": given.service,
        "given_by": given.by,
        "given_at": given.at.isoformat(),
    }


def organisation(known: Organisation) -> dict[str, object]:
    """Return an organisation."""
    return {
        "id": known.id,
        "name": known.name,
        "role": known.role,
        "agb_code": known.agb_code,
        "enterprise": known.enterprise,
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
