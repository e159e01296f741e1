"""How a refusal is worded: all that a caller is told, by the kind of refusal and the family of routes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import orjson

from relay.enforcer.places import Family
from relay.enforcer.refusal_body import RefusalBody, refusal_body
from relay.enforcer.verdict import Refusal
from relay.soap.fault import fault
from relay.soap.recognise import SoapVersion

# Not relay's own namespace: who reads a Fault must be able to tell who made it.
FAULT_NAMESPACE: Final = "urn:relay:reference:gate"


class Kind(StrEnum):
    """What a refusal looks like from outside. Of an address and of a block the answer is the same."""

    CERTIFICATE = "certificate"
    ADDRESS = "address"
    FUNCTIONAL = "functional"


KINDS: Final[Mapping[Refusal, Kind]] = MappingProxyType(
    dict.fromkeys(Refusal, Kind.CERTIFICATE)
    | dict.fromkeys(
        (Refusal.BLOCKED, Refusal.ADDRESS_UNKNOWN, Refusal.ADDRESS_ENDED, Refusal.PARTY_NOT_SELECTED), Kind.ADDRESS
    )
    | {Refusal.SERVICE_NOT_AUTHORISED: Kind.FUNCTIONAL}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The reason phrases of a family's bare 403, and its body.

    That a certificate's is the same everywhere and an address's `Forbidden` is stated for iWlz' token service, and
    inferred for the others.
    """

    certificate: str = "Invalid Client Certificate"
    address: str = "Forbidden"
    body: RefusalBody = RefusalBody.EMPTY


WORDINGS: Final[Mapping[Family, Wording]] = MappingProxyType(
    dict.fromkeys(Family, Wording())
    # There `403 Forbidden` is a policy, said by the service behind the gate.
    | {Family.IWLZ_PEP: Wording(address="Not Allowed")}
)


ELSEWHERE: Final = Wording()
"""Where no service is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back to a caller who is refused; without a content type there is no body."""

    status: int
    reason: str
    content_type: str | None
    body: bytes


def answer(refusal: Refusal, wording: Wording, *, soap: SoapVersion | None = None) -> Answer:
    """Return the answer to a refused call. `soap` is the version that the call speaks, if it does."""
    match KINDS[refusal]:
        case Kind.CERTIFICATE:
            return _bare(wording.certificate, wording.body)
        case Kind.ADDRESS:
            return _bare(wording.address, wording.body)
        case Kind.FUNCTIONAL:
            return _functional(refusal, soap)


def _bare(phrase: str, shape: RefusalBody) -> Answer:
    content_type, body = refusal_body(shape, phrase)
    return Answer(status=HTTPStatus.FORBIDDEN, reason=phrase, content_type=content_type, body=body)


_ADVICE: Final = "This certificate has no authorisation for this service: ask VECOZO for additional authorisations."


def _functional(refusal: Refusal, soap: SoapVersion | None) -> Answer:
    """Return the refusal as the service behind the gate would give it: its own words, which no gateway writes.

    That VECOZO words it so is a guess. WCF reads a Fault from 500 only.
    """
    if soap is None:
        body = orjson.dumps({"error": refusal, "description": _ADVICE})
        return Answer(status=HTTPStatus.FORBIDDEN, reason="Forbidden", content_type="application/json", body=body)
    envelope = fault(
        soap, code=refusal, status=HTTPStatus.FORBIDDEN, detail={}, text=_ADVICE, namespace=FAULT_NAMESPACE
    )
    return Answer(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        reason="Internal Server Error",
        content_type=soap.content_type,
        body=envelope,
    )
