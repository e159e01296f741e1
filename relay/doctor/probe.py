"""The call that does no harm on a route: IsAlive, an insurance check about the test person, or a look at a description.

The test person is never sent to production. Pure.
"""

import re
from datetime import date
from typing import Final

from relay.message.fields import Field
from relay.settings.words import Environment, Family
from relay.soap import cov, question
from relay.tenant.harmless import asked, got, is_alive
from relay.tenant.routing import Route
from relay.upstream.probe import Question

# The rest of the path behind a route's prefix, by how the prefix ends: VECOZO's gateway, then the older hosts.
_COV: Final = re.compile(r"(?P<before>(?:/[^/]+)*/cov)(?:/vz801802(?:/v1(?:/soap11)?)?)?\Z", re.IGNORECASE)
_COV_PATH: Final = "/vz801802/v1/soap11"
_OLDER_COV: Final = re.compile(r"(?:/[^/]+)*/VZ801802\.svc\Z", re.IGNORECASE)
_CLAIMS: Final = re.compile(r"(?P<router>(?:/[^/]+)*/Router\.V1\.svc)(?:/[^/]+)?\Z", re.IGNORECASE)
_CLAIMS_PATH: Final = "/IndienenDeclaratieV1Soap11"


def probe_of(route: Route, *, today: date, trace: str) -> Question | None:
    """Return the call to make on this route, None where none is known to do no harm. `trace` is a traceparent."""
    prefix = route.prefix.decode()
    if route.family is not Family.SOAP:
        return None
    traced: tuple[Field, ...] = ((b"traceparent", trace.encode()),)
    if claims := _CLAIMS.match(prefix):
        return is_alive(route, claims["router"] + _CLAIMS_PATH, more=traced)
    path = _cov_path(prefix)
    if path is None:
        return None
    if route.environment is Environment.PRODUCTION:
        return got(route, f"{path}?wsdl", what="a look at the COV's description", more=traced)
    return asked(
        route,
        path,
        cov.ACTION,
        question.question(today),
        what="an insurance check (COV) about the fictitious test person",
        expects=cov.Outcome.ACCEPTED.encode(),
        more=traced,
    )


def _cov_path(prefix: str) -> str | None:
    if _OLDER_COV.match(prefix):
        return prefix
    found = _COV.match(prefix)
    return found["before"] + _COV_PATH if found else None
