"""The only table that knows both the registry's errors and HTTP: error -> status, code, title, remedy."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from aiohttp import web

from relay.registry.domain.addresses import AddressRefused, Refusal
from relay.registry.domain.advice import ADVICE
from relay.registry.domain.errors import (
    AddressNotFound,
    AuthorisationNotFound,
    BlockNotFound,
    BodyRefused,
    BookUnavailable,
    CertificateNotFound,
    CollectionRefused,
    ConsentNotFound,
    DeferralNotFound,
    DeferralRefused,
    EndRefused,
    LogIn,
    LogInRefused,
    OrganisationNotFound,
    PartyNotFound,
    RegistrationNotOpen,
    RegistryError,
    RoleRefused,
    ServiceUnknown,
)
from relay.wire.answer import problem

_USE_YOUR_OWN: Final = "Log in with the valid personal certificate of a contact person (Q11)."
_REINSTALL: Final = "Install your personal certificate again, with your user number and PIN, then log in with it (Q11)."
_ASK_SUPPORT: Final = "Ask Support which personal certificate is yours, and whether you are a contact person."


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """How one kind of error is told."""

    status: int
    code: str
    title: str
    remedy: str


LOG_IN: Final[Mapping[LogIn, tuple[str, str]]] = MappingProxyType(
    {
        LogIn.CERTIFICATE_MISSING: ("No certificate was presented", _USE_YOUR_OWN),
        LogIn.CERTIFICATE_UNTRUSTED: ("This certificate proves nobody here", _USE_YOUR_OWN),
        LogIn.CERTIFICATE_UNKNOWN: ("The registry does not know this certificate", _ASK_SUPPORT),
        LogIn.SYSTEM_CERTIFICATE: ("A system certificate cannot log in", _USE_YOUR_OWN),
        LogIn.CERTIFICATE_REVOKED: ("Your personal certificate has been revoked", _REINSTALL),
        LogIn.CERTIFICATE_EXPIRED: ("Your certificate has expired", _REINSTALL),
        LogIn.CERTIFICATE_NOT_YET_VALID: (
            "Your certificate is not valid yet",
            "Look at the certificate's first day, and at your computer's clock.",
        ),
        LogIn.CERTIFICATE_UNCOLLECTED: ("Your personal certificate has not been collected", _REINSTALL),
        LogIn.NOT_A_CONTACT_PERSON: ("You are not a contact person", _ASK_SUPPORT),
    }
)

ADDRESS: Final[Mapping[Refusal, str]] = MappingProxyType(
    {
        Refusal.UNREADABLE: "This is not an address",
        Refusal.IPV6: "IPv6 addresses cannot be registered",
        Refusal.HOST_BITS: "The block does not begin where it should",
        Refusal.BACKWARDS: "The range runs backwards",
        Refusal.PRIVATE: "Private addresses cannot be registered",
        Refusal.LOOPBACK: "Loopback addresses cannot be registered",
        Refusal.LINK_LOCAL: "Link-local addresses cannot be registered",
        Refusal.SHARED: "Addresses behind a provider's NAT cannot be registered",
        Refusal.MULTICAST: "Multicast addresses cannot be registered",
        Refusal.RESERVED: "Reserved addresses cannot be registered",
        Refusal.DOCUMENTATION: "Addresses from manuals cannot be registered",
    }
)

OTHER: Final[Mapping[type[RegistryError], Problem]] = MappingProxyType(
    {
        CertificateNotFound: Problem(
            status=404,
            code="certificate_not_found",
            title="No such system certificate",
            remedy="GET /v1/certificates lists the system certificates of your organisation.",
        ),
        AddressNotFound: Problem(
            status=404,
            code="address_not_found",
            title="This address is not registered",
            remedy="Name the address or range exactly as the list of the certificate's addresses shows it.",
        ),
        BodyRefused: Problem(
            status=400,
            code="body_refused",
            title="This body cannot be read",
            remedy="Send JSON as the registry's manual shows it, or no body where none is needed.",
        ),
        ServiceUnknown: Problem(
            status=404,
            code="service_unknown",
            title="There is no such service",
            remedy="Name one of them as it is written here.",
        ),
        OrganisationNotFound: Problem(
            status=404,
            code="organisation_not_found",
            title="There is no such organisation",
            remedy="GET /v1/support/organisations lists them.",
        ),
        EndRefused: Problem(
            status=422,
            code="end_refused",
            title="This end date cannot be",
            remedy="Give a moment to come with its time zone, or none.",
        ),
        RegistrationNotOpen: Problem(
            status=403,
            code="registration_not_open",
            title="Addresses cannot be registered yet",
            remedy="Wait for that day. Calls are not refused for their address before then either (Q3).",
        ),
        ConsentNotFound: Problem(
            status=404,
            code="consent_not_found",
            title="No such consent",
            remedy="GET /v1/consents lists those that were given.",
        ),
        CollectionRefused: Problem(
            status=409,
            code="collection_refused",
            title="This certificate cannot be collected",
            remedy="Have another one issued. Collect it within 60 days.",
        ),
        AuthorisationNotFound: Problem(
            status=404,
            code="authorisation_not_found",
            title="No such authorisation",
            remedy="GET the certificates of the organisation: each says what it is authorised for.",
        ),
        BlockNotFound: Problem(
            status=404,
            code="block_not_found",
            title="These certificates are not blocked",
            remedy="GET the certificates of the organisation: each says whether it is blocked.",
        ),
        DeferralNotFound: Problem(
            status=404,
            code="deferral_not_found",
            title="This check is not deferred",
            remedy="GET the certificates of the organisation: each says until when the check is deferred.",
        ),
        DeferralRefused: Problem(
            status=422,
            code="deferral_refused",
            title="The check cannot be deferred so",
            remedy="Ask in office hours, for no longer than the search takes. Registering needs no hours (Q20).",
        ),
        PartyNotFound: Problem(
            status=404,
            code="party_not_found",
            title="No such software party",
            remedy="GET /v1/parties lists those that can be ticked. One that is not there has no address yet (Q27).",
        ),
        RoleRefused: Problem(
            status=403,
            code="role_refused",
            title="Your organisation cannot do this",
            remedy="A care provider ticks software parties at /v1/parties; a software party registers addresses for "
            "its customers at /v1/customers/addresses; what is below /v1/support is Support's.",
        ),
        BookUnavailable: Problem(
            status=503,
            code="book_unavailable",
            title="The registry cannot reach its book",
            remedy="Nothing was changed. Try again in a minute; when it stays so, tell the registry's operator.",
        ),
    }
)


def problem_of(error: RegistryError) -> Problem:
    """Return how `error` is told."""
    match error:
        case LogInRefused(reason=log_in):
            title, remedy = LOG_IN[log_in]
            return Problem(status=403, code=log_in, title=title, remedy=remedy)
        case AddressRefused(reason=refusal):
            return Problem(status=422, code=f"address_{refusal}", title=ADDRESS[refusal], remedy=ADVICE[refusal])
        case _:
            return OTHER[type(error)]


def answer(error: RegistryError) -> web.Response:
    """Return the problem+json that tells `error`, with its remedy."""
    told = problem_of(error)
    return problem(told.status, told.code, told.title, error.detail, remedy=told.remedy)
