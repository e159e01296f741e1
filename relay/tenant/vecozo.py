"""VECOZO's hosts and paths, as routes: what is stated by VECOZO, and what was only seen in client code.

The newer services stand on one gateway per zone: production on `api`, test and acceptance together on `tst-api`,
where the path says which. The older WCF hosts were seen in client code of 2018-2019 and may be gone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from relay.settings.words import Environment, Family, Wording
from relay.tenant.routing import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One service of VECOZO. `verified`: VECOZO itself states this host and path; otherwise it was only seen."""

    name: str
    path: str
    host: str | None = None
    family: Family
    wording: Wording = Wording.GATEWAY
    repeatable: bool = False
    verified: bool


_GATEWAYS: Final = {
    Environment.PRODUCTION: ("api.vecozo.nl", ""),
    Environment.ACCEPTANCE: ("tst-api.vecozo.nl", "/acc"),
    Environment.TEST: ("tst-api.vecozo.nl", "/tst"),
}
_OLDER: Final = {Environment.PRODUCTION: "", Environment.ACCEPTANCE: "acc", Environment.TEST: "tst"}

SERVICES: Final = (
    Known(name="cov", path="/cov/vz801802", family=Family.SOAP, repeatable=True, verified=False),
    Known(name="messages", path="/berichtenservice/berichten", family=Family.MESSAGES, verified=True),
    Known(
        name="message-status",
        path="/berichtenservice/berichtstatus",
        family=Family.MESSAGES,
        verified=True,
    ),
    Known(
        name="iwlz-token",
        path="/netwerkmodel/v3/auth/token",
        family=Family.IWLZ,
        verified=True,
    ),
    Known(name="iwlz-pep", path="/netwerkmodel/v3/pep", family=Family.IWLZ, wording=Wording.PEP, verified=True),
    Known(
        name="cov-older",
        path="/v1/VZ801802.svc",
        host="covwebservice.vecozo.nl",
        family=Family.SOAP,
        repeatable=True,
        verified=False,
    ),
    Known(
        name="claims-older",
        path="/Router.V1.svc",
        host="edpwebservice.vecozo.nl",
        family=Family.SOAP,
        verified=False,
    ),
)


def vecozo_routes(environment: Environment) -> Iterator[Route]:
    """Yield the routes to VECOZO's services in `environment`."""
    gateway, zone = _GATEWAYS[environment]
    for service in SERVICES:
        older = service.host is not None
        yield Route(
            name=service.name,
            prefix=(service.path if older else zone + service.path).encode(),
            host=f"{_OLDER[environment]}{service.host}" if older else gateway,
            environment=environment,
            family=service.family,
            wording=service.wording,
            repeatable=service.repeatable,
            verified=service.verified,
        )
