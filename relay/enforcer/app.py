"""The gate as one application: the checkpoint, and behind it the services."""

from collections.abc import Callable, Sequence
from datetime import datetime

from aiohttp import web
from cryptography.x509 import Certificate

from relay.enforcer.checkpoint import checkpoint, examiner, expect_nothing_yet
from relay.enforcer.refusal_body import RefusalBody
from relay.enforcer.services.cov.service import cov_routes
from relay.enforcer.services.whoami import PATH as WHOAMI
from relay.enforcer.services.whoami import whoami_route
from relay.enforcer.witnesses import Witness
from relay.registry.domain.snapshot import Snapshot

# VECOZO's own limit is 25 MB a file; a question of the insurance check with 20 queries has some 10 KiB.
MOST_BODY = 1024 * 1024


def make_gate(
    *,
    authorities: Sequence[Certificate],
    book: Callable[[], Snapshot],
    clock: Callable[[], datetime],
    witnesses: Sequence[Witness],
    refusal_body: RefusalBody = RefusalBody.EMPTY,
    public_url: str | None = None,
) -> web.Application:
    """Return the gate, to be served under TLS that accepts any client certificate.

    `authorities` issued the certificates that may pass, `book` gives the registry's book as it stands,
    `public_url` is the services' address for callers that come by another name than their Host tells.
    """
    examine = examiner(authorities, book=book, clock=clock)
    stop = checkpoint(examine, witnesses=witnesses, body=refusal_body, unguarded={WHOAMI})
    app = web.Application(middlewares=[stop], client_max_size=MOST_BODY)
    # The day in UTC: around midnight not the Dutch one, which no rehearsal hinges on and no time-zone file is worth.
    services = cov_routes(lambda: clock().date(), public_url=public_url)
    for route in [whoami_route(examine), *services]:
        app.router.add_route(route.method, route.path, route.handler, expect_handler=expect_nothing_yet)
    return app
