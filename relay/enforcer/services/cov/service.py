"""The insurance check over HTTP: a question in, an answer or a Fault out, and its description for `?wsdl`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from relay.enforcer.services.cov.description import describe, public_address
from relay.enforcer.services.cov.judgement import judge
from relay.enforcer.services.cov.persons import PERSONS, Insured
from relay.enforcer.services.cov.question import QuestionFault, read_question
from relay.enforcer.services.cov.reply import write_reply
from relay.soap.cov import ACTION
from relay.soap.fault import fault
from relay.soap.recognise import SoapVersion, requested_action, soap_version

# Production, acceptance and test, as VECOZO's gateway has them side by side (production: a guess).
ENVIRONMENTS = ("", "/acc", "/tst")
ENDPOINTS: Mapping[str, SoapVersion] = {
    f"{environment}/cov/vz801802/v1/{name}": version
    for environment in ENVIRONMENTS
    for name, version in (("soap11", SoapVersion.V1_1), ("soap12", SoapVersion.V1_2))
}

# .NET's tools ask for the second first; ours is in one piece anyway.
_DESCRIPTION_QUERIES = frozenset({"wsdl", "singlewsdl"})

# Not relay's own namespace: who reads a Fault must be able to tell who made it.
FAULT_NAMESPACE = "urn:relay:reference:cov"


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: status and body, in the content type of the endpoint's SOAP version."""

    status: int
    body: bytes


def respond(
    version: SoapVersion,
    *,
    content_type: bytes | None,
    soap_action: bytes | None,
    body: bytes,
    persons: Iterable[Insured],
    today: date,
) -> Reply:
    """Answer one POST; what is wrong with it is a Fault under 500, as WCF clients expect."""
    try:
        if soap_version(content_type, soap_action) is not version:
            raise QuestionFault("content_type", f"This address speaks SOAP {version} only.")
        if requested_action(content_type, soap_action) != ACTION:
            raise QuestionFault("action_not_supported", f"The only action here is {ACTION}.")
        queries = read_question(body, version)
    except QuestionFault as wrong:
        return Reply(HTTPStatus.INTERNAL_SERVER_ERROR, _fault(version, wrong))
    return Reply(HTTPStatus.OK, write_reply(judge(queries, persons, today=today), version))


def cov_routes(
    today: Callable[[], date], *, public_url: str | None = None, persons: Sequence[Insured] = PERSONS
) -> list[web.RouteDef]:
    """Return the routes of every environment: POST asks, GET with `?wsdl` describes.

    `public_url` is where callers see this server, when their own Host does not tell.
    """
    return [
        route
        for path, version in ENDPOINTS.items()
        for route in (
            web.post(path, _asking(version, today, persons)),
            web.get(path, _describing(version, public_url), allow_head=False),
        )
    ]


def _asking(version: SoapVersion, today: Callable[[], date], persons: Sequence[Insured]) -> Handler:
    async def ask(request: web.Request) -> web.Response:
        reply = respond(
            version,
            content_type=_octets(request.headers.get("Content-Type")),
            soap_action=_octets(request.headers.get("SOAPAction")),
            body=await request.read(),
            persons=persons,
            today=today(),
        )
        return _response(version, reply)

    return ask


def _describing(version: SoapVersion, public_url: str | None) -> Handler:
    async def description(request: web.Request) -> web.Response:
        if request.query_string.lower() not in _DESCRIPTION_QUERIES:
            return web.Response(status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST"})
        address = public_address(request.path, host=request.headers.get("Host"), public_url=public_url)
        if address is None:
            return web.Response(status=HTTPStatus.BAD_REQUEST, text="Host is malformed")
        return web.Response(body=describe(version, address), content_type="text/xml", charset="utf-8")

    return description


def _response(version: SoapVersion, reply: Reply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, headers={"Content-Type": version.content_type})


def _fault(version: SoapVersion, wrong: QuestionFault) -> bytes:
    return fault(
        version,
        code=wrong.code,
        status=HTTPStatus.BAD_REQUEST,
        detail={},
        text=wrong.detail,
        namespace=FAULT_NAMESPACE,
    )


def _octets(value: str | None) -> bytes | None:
    # aiohttp decodes field values as UTF-8 and keeps what is not by surrogates.
    return None if value is None else value.encode("utf-8", "surrogateescape")
