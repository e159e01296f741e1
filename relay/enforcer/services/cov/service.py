"""The insurance check over HTTP: a question in, an answer or a Fault out, and its description for `?wsdl`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from relay.enforcer.checkpoint import octets
from relay.enforcer.places import ENVIRONMENTS
from relay.enforcer.services.cov.description import describe, public_address
from relay.enforcer.services.cov.judgement import judge
from relay.enforcer.services.cov.persons import PERSONS, Insured
from relay.enforcer.services.cov.question import QuestionFault, read_question
from relay.enforcer.services.cov.reply import write_reply
from relay.registry.domain.identifiers import AgbCode
from relay.registry.domain.rules import Acting
from relay.soap.cov import ACTION
from relay.soap.fault import fault
from relay.soap.recognise import SoapVersion, requested_action, soap_version

# VECOZO's gateway has the environments side by side (that of production: a guess).
ENDPOINTS: Mapping[str, SoapVersion] = {
    f"{environment}/cov/vz801802/v1/{name}": version
    for environment in ENVIRONMENTS
    for name, version in (("soap11", SoapVersion.V1_1), ("soap12", SoapVersion.V1_2))
}

# .NET's tools ask for the second first; ours is in one piece anyway.
_DESCRIPTION_QUERIES = frozenset({"wsdl", "singlewsdl"})

# What is wrong with the care provider that a message names, or fails to name (Q25, Q31). VECOZO's words are not known.
_NOT_ACTING: Final[Mapping[Acting, str]] = {
    Acting.PROVIDER_NOT_NAMED: "A software party names the Zorgaanbieder for whom it asks.",
    Acting.PROVIDER_NAMED_NEEDLESSLY: "A care provider asks for itself: leave Zorgaanbieder out.",
    Acting.CONSENT_MISSING: "This Zorgaanbieder gave your organisation no consent for this service, or withdrew it.",
}

ActingFor = Callable[[web.Request, AgbCode | None], Acting]
"""For whom the caller of a request acts, when its message names this care provider, or none."""

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
    acting_for: Callable[[AgbCode | None], Acting],
    persons: Iterable[Insured],
    today: date,
) -> Reply:
    """Answer one POST; what is wrong with it is a Fault under 500, as WCF clients expect."""
    try:
        if soap_version(content_type, soap_action) is not version:
            raise QuestionFault("content_type", f"This address speaks SOAP {version} only.")
        if requested_action(content_type, soap_action) != ACTION:
            raise QuestionFault("action_not_supported", f"The only action here is {ACTION}.")
        question = read_question(body, version)
        if (wrong_party := acting_for(question.provider)) in _NOT_ACTING:
            raise QuestionFault(wrong_party, _NOT_ACTING[wrong_party])
    except QuestionFault as wrong:
        return Reply(HTTPStatus.INTERNAL_SERVER_ERROR, _fault(version, wrong))
    return Reply(HTTPStatus.OK, write_reply(judge(question.queries, persons, today=today), version))


def cov_routes(
    today: Callable[[], date],
    acting_for: ActingFor,
    *,
    public_url: str | None = None,
    persons: Sequence[Insured] = PERSONS,
) -> list[web.RouteDef]:
    """Return the routes of every environment: POST asks, GET with `?wsdl` describes.

    Whether the caller may ask for the care provider that it names, `acting_for` tells. `public_url` is where callers
    see this server, when their own Host does not tell.
    """
    return [
        route
        for path, version in ENDPOINTS.items()
        for route in (
            web.post(path, _asking(version, today, acting_for, persons)),
            web.get(path, _describing(version, public_url), allow_head=False),
        )
    ]


def _asking(
    version: SoapVersion, today: Callable[[], date], acting_for: ActingFor, persons: Sequence[Insured]
) -> Handler:
    async def ask(request: web.Request) -> web.Response:
        reply = respond(
            version,
            content_type=octets(request.headers.get("Content-Type")),
            soap_action=octets(request.headers.get("SOAPAction")),
            body=await request.read(),
            acting_for=partial(acting_for, request),
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
