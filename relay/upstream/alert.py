"""What a TLS failure means: whose certificate was not accepted, theirs by us or ours by them."""

import ssl
from typing import Final

# Alerts by which a server refuses a client's certificate. On TLS 1.3 they come after the handshake.
_OURS_REFUSED: Final = (
    "BAD_CERTIFICATE",
    "UNSUPPORTED_CERTIFICATE",
    "CERTIFICATE_REVOKED",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_UNKNOWN",
    "CERTIFICATE_REQUIRED",
    "UNKNOWN_CA",
    "ACCESS_DENIED",
)


def refuses_our_certificate(error: ssl.SSLError) -> bool:
    """Whether the peer ended the connection because of the certificate that we showed."""
    reason = error.reason or ""
    if isinstance(error, ssl.SSLCertVerificationError) or "ALERT" not in reason:
        return False
    return reason.endswith(_OURS_REFUSED)
