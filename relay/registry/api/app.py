"""The application: nobody gets past the door without logging in, and whatever goes wrong is told as a problem."""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from structlog.typing import FilteringBoundLogger

from relay.registry.api import handlers, support
from relay.registry.api.keys import PERSON, REGISTRY
from relay.registry.api.problems import answer
from relay.registry.domain.errors import LogIn, LogInRefused, RegistryError
from relay.registry.service import Registry
from relay.wire.answer import problem
from relay.x509.identity import Identity
from relay.x509.verify import Reason, Unfit

Authenticate = Callable[[web.Request], Identity | Unfit]
"""The seam to mutual TLS: whose certificate the connection proves, or why it proves nobody. Called on every request."""

UNFIT: Final[Mapping[Reason, LogIn]] = MappingProxyType(
    {
        Reason.MISSING: LogIn.CERTIFICATE_MISSING,
        Reason.UNREADABLE: LogIn.CERTIFICATE_UNTRUSTED,
        Reason.FOREIGN: LogIn.CERTIFICATE_UNTRUSTED,
        Reason.WRONG_PURPOSE: LogIn.CERTIFICATE_UNTRUSTED,
        Reason.EXPIRED: LogIn.CERTIFICATE_EXPIRED,
        Reason.NOT_YET_VALID: LogIn.CERTIFICATE_NOT_YET_VALID,
        Reason.REVOKED: LogIn.CERTIFICATE_REVOKED,
    }
)


def make_app(service: Registry, authenticate: Authenticate, logger: FilteringBoundLogger) -> web.Application:
    """Return the registry's API on `service`, letting in whom `authenticate` identifies and the book knows."""
    app = web.Application(middlewares=[_teller(logger), _door(service, authenticate)])
    app[REGISTRY] = service
    handlers.add_routes(app)
    support.add_routes(app)
    return app


def _teller(logger: FilteringBoundLogger) -> Middleware:
    """Return what tells every error as a problem, and writes one line for each request."""

    @web.middleware
    async def told(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await _answered(request, handler, logger)
        person = request.get(PERSON)
        # The route's pattern, never the path: what people type there by mistake does not belong in a log.
        resource = request.match_info.route.resource
        logger.info(
            "registry_request",
            method=request.method,
            route=resource.canonical if resource else None,
            status=response.status,
            person=person.user_number if person else None,
            address=request.remote,
        )
        return response

    return told


async def _answered(request: web.Request, handler: Handler, logger: FilteringBoundLogger) -> web.StreamResponse:
    try:
        return await handler(request)
    except RegistryError as error:
        return answer(error)
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        told = problem(405, "method_refused", "This method does nothing here", f"Possible here: {allowed}.")
        told.headers["Allow"] = allowed
        return told
    except web.HTTPNotFound:
        detail = (
            "The registry's resources begin at /v1/me, /v1/certificates, /v1/parties, /v1/consents, /v1/collections, "
            "/v1/customers/addresses and /v1/support."
        )
        return problem(404, "resource_not_found", "There is nothing here", detail)
    except Exception as error:  # the last door: the caller gets an answer, the log the cause
        logger.error("registry_fault", method=request.method, exc_info=error)
        return problem(500, "internal_fault", "The registry itself failed", "The operator's log has the cause.")


def _door(service: Registry, authenticate: Authenticate) -> Middleware:
    """Return what lets a contact person through and refuses everybody else, before any route is looked at."""

    @web.middleware
    async def logged_in(request: web.Request, handler: Handler) -> web.StreamResponse:
        match authenticate(request):
            case Unfit(reason=reason, detail=detail):
                raise LogInRefused(UNFIT[reason], detail)
            case Identity(fingerprint=fingerprint):
                request[PERSON] = await asyncio.to_thread(service.log_in, fingerprint)
        return await handler(request)

    return logged_in
