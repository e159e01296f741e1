"""The call that does no harm on a route: IsAlive, an insurance check about the test person, or a look at a description.

The test person is never sent to production. Pure.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from relay.message.fields import Field, Fields
from relay.message.head import RequestHead, request_octets
from relay.settings.words import Environment, Family
from relay.soap import alive, cov, question
from relay.soap.recognise import SoapVersion
from relay.tenant.routing import Route

# The rest of the path behind a route's prefix, by how the prefix ends: VECOZO's gateway, then the older hosts.
_COV: Final = re.compile(r"(?P<before>(?:/[^/]+)*/cov)(?:/vz801802(?:/v1(?:/soap11)?)?)?\Z", re.IGNORECASE)
_COV_PATH: Final = "/vz801802/v1/soap11"
_OLDER_COV: Final = re.compile(r"(?:/[^/]+)*/VZ801802\.svc\Z", re.IGNORECASE)
_CLAIMS: Final = re.compile(r"(?P<router>(?:/[^/]+)*/Router\.V1\.svc)(?:/[^/]+)?\Z", re.IGNORECASE)
_CLAIMS_PATH: Final = "/IndienenDeclaratieV1Soap11"


@dataclass(frozen=True, slots=True)
class Probe:
    """A call to make: the whole head, the body, and what it is in words. `expects` stands in a good answer's body."""

    method: bytes
    head: bytes
    body: bytes
    what: str
    expects: bytes = b""


def probe_of(route: Route, *, today: date, trace: str) -> Probe | None:
    """Return the call to make on this route, None where none is known to do no harm. `trace` is a traceparent."""
    prefix = route.prefix.decode()
    if route.family is not Family.SOAP:
        return None
    if claims := _CLAIMS.match(prefix):
        return _posted(
            route, claims["router"] + _CLAIMS_PATH, alive.ACTION, alive.is_alive(), what="IsAlive", trace=trace
        )
    path = _cov_path(prefix)
    if path is None:
        return None
    if route.environment is Environment.PRODUCTION:
        return Probe(b"GET", _head(route, b"GET", f"{path}?wsdl", (), trace), b"", "a look at the COV's description")
    return _posted(
        route,
        path,
        cov.ACTION,
        question.question(today),
        what="an insurance check (COV) about the fictitious test person",
        trace=trace,
        expects=cov.Outcome.ACCEPTED.encode(),
    )


def _cov_path(prefix: str) -> str | None:
    if _OLDER_COV.match(prefix):
        return prefix
    found = _COV.match(prefix)
    return found["before"] + _COV_PATH if found else None


def _posted(route: Route, path: str, action: str, body: bytes, *, what: str, trace: str, expects: bytes = b"") -> Probe:
    fields = (
        (b"Content-Type", SoapVersion.V1_1.content_type.encode()),
        (b"SOAPAction", f'"{action}"'.encode()),
        (b"Content-Length", b"%d" % len(body)),
    )
    return Probe(b"POST", _head(route, b"POST", path, fields, trace), body, what, expects)


def _head(route: Route, method: bytes, target: str, fields: tuple[Field, ...], trace: str) -> bytes:
    named: tuple[Field, ...] = ((b"Host", route.authority), (b"traceparent", trace.encode()))
    return request_octets(RequestHead(method, target.encode(), Fields((*named, *fields))))
