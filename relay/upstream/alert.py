"""What a TLS failure means: whose certificate was not accepted, theirs by us or ours by them, and why."""

import ssl
from collections.abc import Mapping
from typing import Final

from relay.errors import (
    SystemCertificateDisliked,
    SystemCertificateExpired,
    SystemCertificateForeign,
    SystemCertificateMissing,
    SystemCertificateRefused,
    SystemCertificateRevoked,
    SystemCertificateUnfit,
)

# Alerts by which a server refuses a client's certificate (RFC 8446 section 6.2), as OpenSSL names them: with SSLV3,
# TLSV1 or TLSV13 in front. On TLS 1.3 they come after the handshake.
_REFUSALS: Final[Mapping[str, type[SystemCertificateRefused]]] = {
    "ALERT_CERTIFICATE_REQUIRED": SystemCertificateMissing,
    "ALERT_UNKNOWN_CA": SystemCertificateForeign,
    "ALERT_CERTIFICATE_EXPIRED": SystemCertificateExpired,
    "ALERT_CERTIFICATE_REVOKED": SystemCertificateRevoked,
    "ALERT_UNSUPPORTED_CERTIFICATE": SystemCertificateUnfit,
    "ALERT_BAD_CERTIFICATE": SystemCertificateDisliked,
    "ALERT_CERTIFICATE_UNKNOWN": SystemCertificateDisliked,
    "ALERT_ACCESS_DENIED": SystemCertificateDisliked,
}
_WORDS: Final[Mapping[type[SystemCertificateRefused], str]] = {
    SystemCertificateMissing: "got no certificate, or none of a kind that it takes",
    SystemCertificateForeign: "does not trust the system certificate's authority",
    SystemCertificateExpired: "says that the system certificate is not valid now",
    SystemCertificateRevoked: "says that the system certificate is revoked",
    SystemCertificateUnfit: "says that the system certificate is not for this purpose",
    SystemCertificateDisliked: "refused the system certificate without saying why",
}


def refusal_of_ours(error: ssl.SSLError, host: str, *, agreed: bool) -> SystemCertificateRefused | None:
    """Return the refusal of the certificate that we showed, where `error` is one.

    `agreed` says that version and suite were settled before: a server that has no certificate in TLS 1.2 then ends
    with handshake_failure (RFC 5246 section 7.4.6), which before that says only that nothing in common was found.
    """
    reason = error.reason or ""
    if isinstance(error, ssl.SSLCertVerificationError) or "ALERT_" not in reason:
        return None
    alert = reason[reason.index("ALERT_") :]
    kind = _REFUSALS.get(alert)
    if kind is None and agreed and alert == "ALERT_HANDSHAKE_FAILURE":
        kind = SystemCertificateMissing
    return kind(f"{host} {_WORDS[kind]} (TLS alert {_told(alert)})") if kind else None


def _told(alert: str) -> str:
    return alert.removeprefix("ALERT_").lower()
