"""The gate as one application: the checkpoint, and behind it the services."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus

from aiohttp import web

from relay.enforcer.answers import ELSEWHERE, WORDINGS, Wording
from relay.enforcer.backends import Backends
from relay.enforcer.checkpoint import PASSAGE, checkpoint, examiner, expect_nothing_yet
from relay.enforcer.entrance import socket_address
from relay.enforcer.places import Family
from relay.enforcer.services.cov.service import ActingFor, cov_routes
from relay.enforcer.services.whoami import PATHS as WHOAMI
from relay.enforcer.services.whoami import whoami_routes
from relay.enforcer.staging import Staging
from relay.enforcer.trust import Trust
from relay.enforcer.witnesses import Witness
from relay.registry.domain.addresses import IPAddress
from relay.registry.domain.identifiers import AgbCode
from relay.registry.domain.mandates import Service
from relay.registry.domain.rules import Acting, acting
from relay.registry.domain.snapshot import Snapshot

# VECOZO's own limit is 25 MB a file; a question of the insurance check with 20 queries has some 10 KiB.
MOST_BODY = 1024 * 1024


def make_gate(
    *,
    trust: Callable[[], Trust],
    book: Callable[[], Snapshot],
    clock: Callable[[], datetime],
    witnesses: Sequence[Witness],
    wordings: Mapping[Family, Wording] = WORDINGS,
    elsewhere: Wording = ELSEWHERE,
    public_url: str | None = None,
    address: Callable[[web.Request], IPAddress] = socket_address,
    staging: Staging | None = None,
    backends: Backends | None = None,
) -> web.Application:
    """Return the gate, to be served under TLS that accepts any client certificate.

    `trust` gives the authorities whose certificates may pass, `book` the registry's book, each as it stands;
    `public_url` is the services' address for callers that come by another name than their Host tells, `address` tells
    whose a connection is, `staging` has faults for a rehearsal,
    `backends` go before the services that are built in.
    """
    examine = examiner(trust=trust, book=book, clock=clock, address=address)
    stop = checkpoint(
        examine,
        witnesses=witnesses,
        wordings=wordings,
        elsewhere=elsewhere,
        unguarded=WHOAMI,
        staging=staging,
        backends=backends,
    )
    app = web.Application(middlewares=[stop], client_max_size=MOST_BODY)
    # The day in UTC: around midnight not the Dutch one, which no rehearsal hinges on and no time-zone file is worth.
    services = cov_routes(lambda: clock().date(), _acting_for(book), public_url=public_url)
    for route in [*whoami_routes(examine), *services]:
        app.router.add_route(route.method, route.path, route.handler, expect_handler=expect_nothing_yet)
    # Or aiohttp would ask a caller for its body before anybody was judged, where no other route takes the path.
    app.router.add_route("*", "/{path:.*}", _nowhere, expect_handler=expect_nothing_yet)
    return app


async def _nowhere(_request: web.Request) -> web.Response:
    return web.Response(status=HTTPStatus.NOT_FOUND, text="404: Not Found")


def _acting_for(book: Callable[[], Snapshot]) -> ActingFor:
    """Return how the insurance check judges a consent: by the book as it stands once the message is read."""

    def acting_for(request: web.Request, named: AgbCode | None) -> Acting:
        holder = request[PASSAGE].holder
        assert holder is not None, "nobody passes whom the book does not know"  # noqa: S101  narrows a type
        return acting(book(), caller=holder, named=named, service=Service.COV)

    return acting_for
