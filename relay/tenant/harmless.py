"""Calls of our own to a route's upstream that change nothing there: a GET, IsAlive, and SOAP questions. Pure."""

from relay.message.fields import Field, Fields
from relay.message.head import RequestHead, request_octets
from relay.soap import alive
from relay.soap.recognise import SoapVersion
from relay.tenant.routing import Route
from relay.upstream.probe import Question


def got(route: Route, target: str, *, what: str = "", more: tuple[Field, ...] = ()) -> Question:
    """Return a GET of `target` with `more` fields; in words it is `what`."""
    return _question(route, b"GET", target, more, b"", what or f"GET {target}", b"")


def is_alive(route: Route, path: str, *, more: tuple[Field, ...] = ()) -> Question:
    """Return IsAlive, which claims services answer beside their own operations."""
    return asked(route, path, alive.ACTION, alive.is_alive(), what="IsAlive", more=more)


def asked(
    route: Route, path: str, action: str, body: bytes, *, what: str, expects: bytes = b"", more: tuple[Field, ...] = ()
) -> Question:
    """Return a question in SOAP 1.1."""
    fields = (
        *more,
        (b"Content-Type", SoapVersion.V1_1.content_type.encode()),
        (b"SOAPAction", f'"{action}"'.encode()),
        (b"Content-Length", b"%d" % len(body)),
    )
    return _question(route, b"POST", path, fields, body, what, expects)


def _question(
    route: Route, method: bytes, target: str, fields: tuple[Field, ...], body: bytes, what: str, expects: bytes
) -> Question:
    named: tuple[Field, ...] = ((b"Host", route.authority),)
    return Question(
        host=route.host,
        port=route.port,
        method=method,
        head=request_octets(RequestHead(method, target.encode(), Fields((*named, *fields)))),
        body=body,
        what=what,
        route=route.name,
        family=route.family,
        wording=route.wording,
        expects=expects,
    )
