"""What can go wrong, in the caller's words. `relay.problems` alone turns these into answers."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

_NO_FACTS: Final[Mapping[str, str | int]] = MappingProxyType({})


class Sent(StrEnum):
    """Whether the call can have reached the upstream. `UNKNOWN` must never lead to a repeat."""

    NO = "false"
    YES = "true"
    UNKNOWN = "unknown"


class RelayError(Exception):
    """The root of all that relay itself can answer. The message is safe to show: no secret, body or query.

    `facts` are told beside it, by names that are XML names.
    """

    sent: Sent = Sent.NO
    facts: Mapping[str, str | int] = _NO_FACTS

    def __init__(self, detail: str, *, cause: str = "", retry_after: int | None = None) -> None:
        """`cause` is VECOZO's refusal that is behind it, `retry_after` in seconds where it is known by then."""
        super().__init__(detail)
        self.detail = detail
        self.cause = cause
        self.retry_after = retry_after


class SettingsFault(Exception):  # a fault of the settings, told to their author
    """Things are wrong in the settings or in the files that they name; all are told at once.

    `faults` are pairs of a key's full name (`tenants.praktijk-a.certificate.file`) and what is wrong with the remedy.
    """

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{key}: {fault}" for key, fault in faults))
        self.faults = faults


# -- what the caller can mend -------------------------------------------------------------------------------


class MalformedRequest(RelayError):
    """The request is not HTTP as RFC 9110 and 9112 have it."""


class VersionUnknown(RelayError):
    """The request is not in HTTP/1.1 or HTTP/1.0."""


class TargetTooLong(RelayError):
    """The target is longer than any that is meant."""


class HeadTooLarge(RelayError):
    """The head is larger, or has more fields, than any that is meant."""


class HeadTooSlow(RelayError):
    """The caller began a request and did not finish its head in time."""


class AmbiguousTarget(RelayError):
    """The path can be read in two ways (`..`, `%2f`, `//`), so no decision is made on it."""


class WrongHost(RelayError):
    """The request names a host that is not served here."""


class MethodUnknown(RelayError):
    """No such method."""


class CodingUnknown(RelayError):
    """The body is in a transfer coding other than chunked."""


class MethodRefused(RelayError):
    """CONNECT and TRACE: a relay is no tunnel and no mirror."""


class ExpectationUnknown(RelayError):
    """`Expect` asks for something other than 100-continue."""


class BodyTooLarge(RelayError):
    """The body is over the limit; nothing of it was sent on as a complete call."""


class BodyTooSlow(RelayError):
    """The caller did not deliver its body in time; nothing was sent on as a complete call."""


class DigestWrong(RelayError):
    """The body is not the one that the caller signed; nothing of it was sent on as a complete call."""


class Looped(RelayError):
    """The call came through this relay before."""


class CallerUnknown(RelayError):
    """No credentials, or none that are right. Never says which of them was almost right."""


class CallerUndecided(RelayError):
    """It could not be found out who calls: the directory that knows is away, or took too long."""


class ClientCertificateRefused(RelayError):
    """The caller showed a certificate, and this one proves nobody: the holder may know why."""


class ClientCertificateUnreadable(ClientCertificateRefused):
    """It cannot be read."""


class ClientCertificateForeign(ClientCertificateRefused):
    """No authority that is trusted here issued it, and it is not pinned."""


class ClientCertificateNotYetValid(ClientCertificateRefused):
    """Its time has not come."""


class ClientCertificateExpired(ClientCertificateRefused):
    """Its time is over."""


class ClientCertificateWrongPurpose(ClientCertificateRefused):
    """It was not issued for client authentication."""


class ClientCertificateRevoked(ClientCertificateRefused):
    """Its authority has revoked it."""


class SourceRefused(RelayError):
    """The client has proven itself, and calls from where it may not call from."""


class TenantUnclear(RelayError):
    """The client is bound to several tenants and did not say which."""


class TenantRefused(RelayError):
    """The client is not bound to the tenant that it names."""


class NotPermitted(RelayError):
    """The client's policy does not permit the call. `condition`: the first of its conditions that is not met."""

    def __init__(self, detail: str, *, condition: str = "") -> None:
        super().__init__(detail)
        if condition:
            self.facts = {"condition": condition}


class LimitReached(RelayError):
    """So much was asked by this client, or by all, that the call is not sent now."""

    def __init__(self, detail: str, *, limit: str = "", retry_after: int | None = None) -> None:
        super().__init__(detail, retry_after=retry_after)
        if limit:
            self.facts = {"limit": limit}


class RouteUnknown(RelayError):
    """No route of the tenant has this path."""


# -- what is not sent, for VECOZO would refuse it and count that ----------------------------------------------


class CallsHeld(RelayError):
    """VECOZO refused calls for their address, or a block, and until a probe passes no others go out."""


class QuotaStopped(RelayError):
    """VECOZO said that the quota of this service is exceeded; a person lets calls out again."""


# -- what happened on the way out, before anything could be processed ----------------------------------------


class TenantPaused(RelayError):
    """The operator has paused this tenant's calls."""


class SourceAddressMissing(RelayError):
    """The egress address is not on this machine (any more)."""


class EgressOut(RelayError):
    """Calls would leave under another address than the one that is configured, and registered."""


class AddressNotRegistered(RelayError):
    """The registry does not have the egress address for this certificate, so VECOZO would refuse the call."""


class SystemCertificateUnusable(RelayError):
    """The tenant's system certificate cannot be used: its file is missing, wrong, expired, or meant for elsewhere."""


class UpstreamNameUnknown(RelayError):
    """The upstream's name does not resolve."""


class UpstreamUnreachable(RelayError):
    """No connection to the upstream came about."""


class UpstreamUntrusted(RelayError):
    """The upstream's certificate is not one that we trust for that name."""


class UpstreamRevoked(RelayError):
    """The upstream's certificate, or one above it, has been revoked by its authority."""


class SystemCertificateRefused(RelayError):
    """The upstream refused our system certificate in the TLS handshake: by an alert, or by going silently."""


class SystemCertificateMissing(SystemCertificateRefused):
    """It got none: none that we have is of a kind that it asked for."""


class SystemCertificateForeign(SystemCertificateRefused):
    """It trusts no authority that issued it."""


class SystemCertificateExpired(SystemCertificateRefused):
    """Its time is over, or has not come."""


class SystemCertificateRevoked(SystemCertificateRefused):
    """Its authority has revoked it."""


class SystemCertificateUnfit(SystemCertificateRefused):
    """It was not issued for this purpose."""


class SystemCertificateDisliked(SystemCertificateRefused):
    """An alert says that the certificate is the reason, and not why."""


class SystemCertificateUnanswered(SystemCertificateRefused):
    """The upstream went without a word once it had our certificate: a refusal, or a road that broke just then."""


# -- what happened after the call may have been processed ----------------------------------------------------


class UpstreamTimeout(RelayError):
    """No answer in time."""

    sent = Sent.UNKNOWN


class UpstreamClosed(RelayError):
    """The upstream closed the connection without a complete answer."""

    sent = Sent.UNKNOWN


class UpstreamInvalid(RelayError):
    """The upstream's answer is not HTTP."""

    sent = Sent.UNKNOWN


class OutcomeUnknown(RelayError):
    """The call may have been processed and a repeat could do harm, so the answer must not provoke one."""

    sent = Sent.UNKNOWN


# -- what a key of the caller's own stops --------------------------------------------------------------------


class AlreadyAsked(RelayError):
    """A call with the same idempotency key went before; this one was stopped. `sent` tells of the one before."""

    sent = Sent.UNKNOWN


class CallInProgress(AlreadyAsked):
    """It has no answer yet."""


class AlreadySent(AlreadyAsked):
    """It was answered, with this status; or its outcome is not known, when there is none. `at` is when."""

    def __init__(self, detail: str, *, status: int = 0, at: str = "") -> None:
        super().__init__(detail)
        facts: dict[str, str | int] = {"first_outcome": "answered" if status else "unknown"}
        if status:
            self.sent = Sent.YES
            facts["first_status"] = status
        if at:
            facts["first_at"] = at
        self.facts = facts


class KeyReused(RelayError):
    """The idempotency key was used for another call."""


class LedgerUnavailable(RelayError):
    """It cannot be promised that a call with an idempotency key goes at most once, so it does not go."""


class InternalFault(RelayError):
    """A fault in the relay itself, before anything was sent."""


class CallerGone(Exception):  # as the others: what happened, not the word Error
    """The caller closed its connection: there is nobody left to answer."""
