"""Tells a caller how the gate sees it: which address, which certificate, and whether it would pass.

It stands before the checkpoint, for who is refused needs it most: the address to register is the one that is seen
here, from the very network where the certificate runs (Q6). VECOZO has no such service.
"""

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from relay.enforcer.checkpoint import Examine
from relay.enforcer.verdict import Admitted, Passage, Refused
from relay.x509.identity import Identity

PATH = "/whoami"


def whoami_route(examine: Examine) -> web.RouteDef:
    """Return the route, GET, that answers in JSON."""
    return web.get(PATH, _telling(examine), allow_head=False)


def _telling(examine: Examine) -> Handler:
    async def tell(request: web.Request) -> web.Response:
        return web.Response(
            body=orjson.dumps(_seen(examine(request))),
            content_type="application/json",
            headers={hdrs.CACHE_CONTROL: "no-store"},
        )

    return tell


def _seen(passage: Passage) -> dict[str, object]:
    match passage.verdict:
        case Admitted(because=because):
            verdict = {"admitted": True, "reason": because}
        case Refused(refusal=refusal):
            verdict = {"admitted": False, "reason": refusal}
    certificate = None if passage.identity is None else _certificate(passage.identity)
    return {"address": str(passage.address), "certificate": certificate} | verdict


def _certificate(identity: Identity) -> dict[str, object]:
    return {
        "user_number": identity.user_number,
        "kind": identity.kind,
        "organisation": identity.organisation,
        "serial": identity.serial,
        "fingerprint": identity.fingerprint,
        "not_after": identity.not_after,
    }
