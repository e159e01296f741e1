"""The only table that knows both our errors and HTTP: error -> status, code, title, remedy.

Statuses follow from who repeats what: Flow repeats 408, 429 and 5xx, so a permanent fault is another 4xx; 503 means
provably not sent, with Retry-After; a call that may have been processed is 409, for no caller repeats that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from relay import errors
from relay.errors import RelayError, Sent
from relay.settings.words import Family


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """How one kind of error is told. `proxy_error` is a type of RFC 9209 section 2.3; `retry_after` is in seconds."""

    status: int
    code: str
    title: str
    remedy: str
    proxy_error: str | None = None
    retry_after: int | None = None


_CHECK_CLIENT = "Mend the request in the calling software; a repeat of the same gives the same answer."
_TELL_OPERATOR = "Nothing was sent. The caller may repeat later; the relay's operator has to look at it."
_LOOK_UP = (
    "The call may have been processed. Do not send it again: look its result up at VECOZO first "
    "(return information, message status, or the portal)."
)
_LOOK_UP_IN: Final[Mapping[Family, str]] = {
    Family.SOAP: (
        "The call may have been processed. Do not send it again: for a claim, fetch its return information or ask its "
        "status (RaadplegenDeclaratiestatus), or look in VECOZO's portal. An insurance check (COV) changes nothing, "
        "and may be asked anew."
    ),
    Family.MESSAGES: (
        "The call may have been processed. Do not send it again: ask VECOZO's message status (berichtstatus) by the "
        "message's own reference first; a confirmation (DELETE) is done when the message is no longer in the list."
    ),
    Family.IWLZ: (
        "The call may have been processed. Do not send it again: read back through the PEP whether the change is "
        "there. A token changes nothing, and another may be asked for."
    ),
}

PROBLEMS: Final[Mapping[type[RelayError], Problem]] = {
    errors.MalformedRequest: Problem(
        status=400,
        code="malformed_request",
        title="The request is not well-formed HTTP",
        remedy=_CHECK_CLIENT,
        proxy_error="http_request_error",
    ),
    errors.AmbiguousTarget: Problem(
        status=400,
        code="ambiguous_target",
        title="The path can be read in two ways",
        remedy=_CHECK_CLIENT,
        proxy_error="http_request_error",
    ),
    errors.DigestWrong: Problem(
        status=400,
        code="digest_wrong",
        title="The body is not the one that was signed",
        remedy="Compute Content-Digest over the octets that are sent, just as they are sent, and sign the call anew.",
        proxy_error="http_request_error",
    ),
    errors.TenantUnclear: Problem(
        status=400,
        code="tenant_unclear",
        title="Name the tenant",
        remedy="Send X-Relay-Tenant with one of the tenants that this client is bound to, or call /t/TENANT/...; "
        "where both are there, they name the same.",
    ),
    errors.CallerUnknown: Problem(
        status=401,
        code="caller_unknown",
        title="The relay does not know this caller",
        remedy="Send the key that `relay client new` showed, in X-Api-Key, or the field that this relay has for it; or "
        "show your client certificate; or prove yourself in another way that WWW-Authenticate names: a token (Bearer), "
        "a user with password (Basic), a signature.",
        proxy_error="http_request_denied",
    ),
    errors.CallerUndecided: Problem(
        status=503,
        code="caller_undecided",
        title="It cannot be found out now who calls",
        remedy="Nothing was sent. Call again in a moment; when it stays so, ask the relay's operator.",
        retry_after=5,
        proxy_error="proxy_internal_error",
    ),
    errors.ClientCertificateUnreadable: Problem(
        status=401,
        code="client_certificate_unreadable",
        title="The client certificate cannot be read",
        remedy="Show another certificate.",
        proxy_error="http_request_denied",
    ),
    errors.ClientCertificateForeign: Problem(
        status=401,
        code="client_certificate_foreign",
        title="Nobody who is trusted here issued this client certificate",
        remedy="Show the certificate that was issued for the relay, or have its operator pin this one.",
        proxy_error="http_request_denied",
    ),
    errors.ClientCertificateNotYetValid: Problem(
        status=401,
        code="client_certificate_not_yet_valid",
        title="The client certificate is not valid yet",
        remedy="Show one that is valid now.",
        proxy_error="http_request_denied",
    ),
    errors.ClientCertificateExpired: Problem(
        status=401,
        code="client_certificate_expired",
        title="The client certificate has expired",
        remedy="Show its successor.",
        proxy_error="http_request_denied",
    ),
    errors.ClientCertificateWrongPurpose: Problem(
        status=401,
        code="client_certificate_wrong_purpose",
        title="The client certificate was not issued for client authentication",
        remedy="Show one with the purpose clientAuth among its extended key usages.",
        proxy_error="http_request_denied",
    ),
    errors.ClientCertificateRevoked: Problem(
        status=401,
        code="client_certificate_revoked",
        title="The client certificate has been revoked",
        remedy="Show another one; the old one will not be valid again.",
        proxy_error="http_request_denied",
    ),
    errors.SourceRefused: Problem(
        status=403,
        code="source_refused",
        title="This client may not call from this address",
        remedy="Call from an address that is meant, or have the relay's operator add this one to the client's sources.",
        proxy_error="http_request_denied",
    ),
    errors.TenantRefused: Problem(
        status=403,
        code="tenant_refused",
        title="This client may not call for that tenant",
        remedy="Use a tenant that this client is bound to, or have the relay's operator bind it.",
        proxy_error="http_request_denied",
    ),
    errors.LimitReached: Problem(
        status=429,
        code="limit_reached",
        title="A limit on calls is reached",
        remedy="Nothing was sent. Call again after Retry-After, or have the relay's operator raise the `limit`.",
        proxy_error="http_request_denied",
    ),
    errors.NotPermitted: Problem(
        status=403,
        code="not_permitted",
        title="This client may not make this call",
        remedy="Nothing was sent. `condition` says what in the client's policy it does not meet; the relay's operator "
        "can change that.",
        proxy_error="http_request_denied",
    ),
    errors.RouteUnknown: Problem(
        status=404,
        code="route_unknown",
        title="No route has this path",
        remedy="Use a path of the tenant's routes, exactly as at VECOZO; `relay check` lists them.",
    ),
    errors.MethodRefused: Problem(
        status=405, code="method_refused", title="This method is not relayed", remedy=_CHECK_CLIENT
    ),
    errors.HeadTooSlow: Problem(
        status=408,
        code="head_too_slow",
        title="The request did not arrive in time",
        remedy="Nothing was sent and the call may be repeated; look at the caller's connection.",
        proxy_error="http_request_error",
    ),
    errors.BodyTooSlow: Problem(
        status=408,
        code="body_too_slow",
        title="The body did not arrive in time",
        remedy="The call was not completed and may be repeated; look at the caller's connection.",
    ),
    errors.OutcomeUnknown: Problem(
        status=409, code="outcome_unknown", title="It is not known whether the call was processed", remedy=_LOOK_UP
    ),
    errors.CallInProgress: Problem(
        status=409,
        code="in_progress",
        title="A call with the same idempotency key is in progress",
        remedy="This one was not sent. Wait for the answer to the first; ask again with the same key to hear of it.",
    ),
    errors.AlreadySent: Problem(
        status=409,
        code="already_sent",
        title="The call with this idempotency key was sent before",
        remedy="This one was not sent. The first counts: `first_status` is what it was answered with, and when. To "
        "make another call on purpose, give it a new key.",
    ),
    errors.BodyTooLarge: Problem(
        status=413,
        code="body_too_large",
        title="The body is over the limit",
        remedy="Send less in one call (VECOZO takes files up to 25 MB), or raise listen.max_body.",
        proxy_error="http_request_error",
    ),
    errors.TargetTooLong: Problem(
        status=414,
        code="target_too_long",
        title="The target is too long",
        remedy=_CHECK_CLIENT,
        proxy_error="http_request_error",
    ),
    errors.ExpectationUnknown: Problem(
        status=417, code="expectation_unknown", title="Only 100-continue can be expected", remedy=_CHECK_CLIENT
    ),
    errors.WrongHost: Problem(
        status=421,
        code="wrong_host",
        title="This host is not served here",
        remedy="Call the relay under a name of its server certificate, or add the name to listen.names.",
    ),
    errors.KeyReused: Problem(
        status=422,
        code="idempotency_key_reused",
        title="This idempotency key was used for another call",
        remedy="Nothing was sent. Give each call a new key, such as a random UUID, and the same only to its repeats.",
    ),
    errors.HeadTooLarge: Problem(
        status=431,
        code="head_too_large",
        title="The head is too large",
        remedy="Send fewer and shorter fields; tokens with many groups in them are the usual cause.",
        proxy_error="http_request_error",
    ),
    errors.VersionUnknown: Problem(
        status=505,
        code="version_unknown",
        title="This version of HTTP is not spoken here",
        remedy=_CHECK_CLIENT,
        proxy_error="http_request_error",
    ),
    errors.MethodUnknown: Problem(status=501, code="method_unknown", title="No such method", remedy=_CHECK_CLIENT),
    errors.CodingUnknown: Problem(
        status=501,
        code="coding_unknown",
        title="No transfer coding but chunked is known",
        remedy=_CHECK_CLIENT,
        proxy_error="http_request_error",
    ),
    errors.UpstreamClosed: Problem(
        status=502,
        code="upstream_closed",
        title="VECOZO closed the connection without a complete answer",
        remedy="This call does no harm when repeated; try again.",
        proxy_error="connection_terminated",
    ),
    errors.UpstreamInvalid: Problem(
        status=502,
        code="upstream_invalid",
        title="VECOZO's answer is not valid HTTP",
        remedy="This call does no harm when repeated; when it stays so, tell the relay's operator.",
        proxy_error="http_protocol_error",
    ),
    errors.CallsHeld: Problem(
        status=503,
        code="calls_held",
        title="VECOZO refuses this address or certificate, and calls are held",
        remedy="Nothing was sent. Have the address registered or a block lifted; a probe then lets calls out again.",
        proxy_error="destination_unavailable",
        retry_after=5,
    ),
    errors.QuotaStopped: Problem(
        status=503,
        code="quota_stopped",
        title="VECOZO's quota is exceeded, and calls are stopped",
        remedy="Nothing was sent. Ask VECOZO Support to lift the block, and only after their word: relay guard lift.",
        proxy_error="destination_unavailable",
        retry_after=600,
    ),
    errors.TenantPaused: Problem(
        status=503,
        code="tenant_paused",
        title="Calls for this tenant are paused",
        remedy="Nothing was sent. The relay's operator paused them; the detail says why. Repeat the call later.",
        proxy_error="http_request_denied",
        retry_after=300,
    ),
    errors.SourceAddressMissing: Problem(
        status=503,
        code="source_address_missing",
        title="The registered egress address is not on the relay's machine",
        remedy=_TELL_OPERATOR,
        proxy_error="proxy_configuration_error",
        retry_after=60,
    ),
    errors.EgressOut: Problem(
        status=503,
        code="egress_out",
        title="Calls would leave under another address than the registered one",
        remedy=_TELL_OPERATOR,
        proxy_error="proxy_configuration_error",
        retry_after=60,
    ),
    errors.AddressNotRegistered: Problem(
        status=503,
        code="address_not_registered",
        title="The egress address is not registered for this certificate",
        remedy=_TELL_OPERATOR,
        proxy_error="proxy_configuration_error",
        retry_after=60,
    ),
    errors.SystemCertificateUnusable: Problem(
        status=503,
        code="system_certificate_unusable",
        title="The system certificate for this call cannot be used",
        remedy="Nothing was sent. Its operator has to give the relay a good certificate file, which is used at once.",
        proxy_error="proxy_configuration_error",
        retry_after=60,
    ),
    errors.UpstreamNameUnknown: Problem(
        status=503,
        code="upstream_name_unknown",
        title="VECOZO's name does not resolve",
        remedy=_TELL_OPERATOR,
        proxy_error="dns_error",
        retry_after=30,
    ),
    errors.UpstreamUnreachable: Problem(
        status=503,
        code="upstream_unreachable",
        title="VECOZO cannot be reached",
        remedy="Nothing was sent; repeat the call later.",
        proxy_error="destination_unavailable",
        retry_after=15,
    ),
    errors.UpstreamUntrusted: Problem(
        status=503,
        code="upstream_untrusted",
        title="The server at VECOZO's address does not prove to be VECOZO",
        remedy=_TELL_OPERATOR,
        proxy_error="tls_certificate_error",
        retry_after=60,
    ),
    errors.UpstreamRevoked: Problem(
        status=503,
        code="upstream_revoked",
        title="The certificate of the server at VECOZO's address has been revoked by its authority",
        remedy=_TELL_OPERATOR,
        proxy_error="tls_certificate_error",
        retry_after=60,
    ),
    errors.SystemCertificateMissing: Problem(
        status=503,
        code="system_certificate_missing",
        title="VECOZO got no system certificate",
        remedy="Nothing was sent. VECOZO asks for another kind: `relay certificate show` tells which this one is.",
        proxy_error="tls_alert_received",
        retry_after=60,
    ),
    errors.SystemCertificateForeign: Problem(
        status=503,
        code="system_certificate_foreign",
        title="VECOZO does not trust the system certificate's authority",
        remedy="Nothing was sent. Is it of this environment, and its chain whole? `relay certificate show` tells.",
        proxy_error="tls_alert_received",
        retry_after=60,
    ),
    errors.SystemCertificateExpired: Problem(
        status=503,
        code="system_certificate_expired",
        title="VECOZO says that the system certificate has expired",
        remedy="Nothing was sent. Renew it (user number and PIN) and replace the file; look at the clock, too.",
        proxy_error="tls_alert_received",
        retry_after=60,
    ),
    errors.SystemCertificateRevoked: Problem(
        status=503,
        code="system_certificate_revoked",
        title="VECOZO says that the system certificate is revoked",
        remedy="Nothing was sent. Ask VECOZO Support why, request a new certificate and replace the file.",
        proxy_error="tls_alert_received",
        retry_after=60,
    ),
    errors.SystemCertificateUnfit: Problem(
        status=503,
        code="system_certificate_unfit",
        title="VECOZO says that the certificate is of the wrong kind",
        remedy="Nothing was sent. Give the system certificate: `relay certificate show` tells which this one is.",
        proxy_error="tls_alert_received",
        retry_after=60,
    ),
    errors.SystemCertificateDisliked: Problem(
        status=503,
        code="system_certificate_refused",
        title="VECOZO refused the system certificate",
        remedy="Nothing was sent. VECOZO does not say why: `relay certificate show` tells what is wrong with the file.",
        proxy_error="tls_alert_received",
        retry_after=60,
    ),
    errors.LedgerUnavailable: Problem(
        status=503,
        code="ledger_unavailable",
        title="It cannot be promised now that this call goes at most once",
        remedy="Nothing was sent. Repeat it later with the same key; the relay's operator has to look at `ledger`.",
        retry_after=60,
    ),
    errors.SystemCertificateUnanswered: Problem(
        status=503,
        code="system_certificate_unanswered",
        title="VECOZO went silently when it had the system certificate",
        remedy="Nothing was sent. Some refuse a certificate so; broken roads look alike: `relay certificate show`.",
        proxy_error="connection_terminated",
        retry_after=60,
    ),
    errors.UpstreamTimeout: Problem(
        status=504,
        code="upstream_timeout",
        title="VECOZO did not answer in time",
        remedy="This call does no harm when repeated; try again.",
        proxy_error="http_response_timeout",
    ),
    errors.Looped: Problem(
        status=508,
        code="looped",
        title="The call came back to this relay",
        remedy="A route of the relay leads to itself; mend its settings.",
        proxy_error="proxy_loop_detected",
    ),
    errors.InternalFault: Problem(
        status=500,
        code="internal_fault",
        title="The relay itself failed",
        remedy="Nothing was sent. Tell the relay's operator the request id; the log has the cause.",
        proxy_error="proxy_internal_error",
    ),
}


def remedy_of(error: RelayError, *, family: Family | None, harmless: bool) -> str:
    """Return what to do about `error` with a call to a service of this `family`, which it is `harmless` to repeat."""
    if error.sent is Sent.UNKNOWN and not harmless and not isinstance(error, errors.CallInProgress):
        return _LOOK_UP if family is None else _LOOK_UP_IN[family]
    return PROBLEMS[type(error)].remedy
