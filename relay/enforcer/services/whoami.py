"""Tells a caller how the gate sees it: which address, which certificate, and whether it would pass.

It stands before the checkpoint, for who is refused needs it most: the address to register is the one that is seen
here, from the very network where the certificate runs (Q6). VECOZO has no such service.
"""

from collections.abc import Mapping
from typing import Final

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from relay.enforcer.checkpoint import Examine
from relay.enforcer.places import ENVIRONMENTS, Place
from relay.enforcer.verdict import Admitted, Passage, Refused
from relay.registry.domain.certificates import Environment
from relay.registry.domain.mandates import Service
from relay.x509.identity import Identity

PATH: Final = "/whoami"
# The plain path is for every caller, so it tells what is so in no environment in particular.
PATHS: Final[Mapping[str, Environment | None]] = {
    f"{zone}{PATH}": environment if zone else None for zone, environment in ENVIRONMENTS.items()
}


def whoami_routes(examine: Examine) -> list[web.RouteDef]:
    """Return the routes, GET, that answer in JSON; of an environment, where the path says which."""
    return [web.get(path, _telling(examine, environment), allow_head=False) for path, environment in PATHS.items()]


def _telling(examine: Examine, environment: Environment | None) -> Handler:
    async def tell(request: web.Request) -> web.Response:
        passage = examine(request, Place(environment=environment))
        services = {
            service.value: _verdict(examine(request, Place(environment=environment, service=service)))
            for service in Service
        }
        return web.Response(
            body=orjson.dumps(_seen(passage) | {"services": services}),
            content_type="application/json",
            headers={hdrs.CACHE_CONTROL: "no-store"},
        )

    return tell


def _seen(passage: Passage) -> dict[str, object]:
    certificate = None if passage.identity is None else _certificate(passage.identity)
    return {"address": str(passage.address), "certificate": certificate} | _verdict(passage)


def _verdict(passage: Passage) -> dict[str, object]:
    match passage.verdict:
        case Admitted(because=because):
            return {"admitted": True, "reason": because}
        case Refused(refusal=refusal):
            return {"admitted": False, "reason": refusal}


def _certificate(identity: Identity) -> dict[str, object]:
    return {
        "user_number": identity.user_number,
        "kind": identity.kind,
        "organisation": identity.organisation,
        "serial": identity.serial,
        "fingerprint": identity.fingerprint,
        "not_after": identity.not_after,
    }
