"""What a 403 from VECOZO means: a pure table of status, reason phrase and body, read per wording of the route.

The phrases are stated by VECOZO for iWlz and inferred for the rest; the body of a bare 403 is not documented, so
the shapes that gateways give it (nothing, their own JSON, an IIS page) all count as bare.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from relay.message.head import ResponseHead
from relay.settings.words import Wording


class Cause(StrEnum):
    """Why VECOZO refused a call."""

    ADDRESS_OR_BLOCKED = "address_or_blocked"
    CERTIFICATE_INVALID = "certificate_invalid"
    FUNCTIONAL = "functional"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal understood: its cause, and what a person does about it."""

    cause: Cause
    remedy: str


_REMEDIES: Final = {
    Cause.ADDRESS_OR_BLOCKED: (
        "The address is not registered for this certificate, or the certificate is blocked: VECOZO answers both alike. "
        "Have the contact person register the egress address at VECOZO (it counts at once); if it is registered, "
        "ask VECOZO Support whether the certificate is blocked."
    ),
    Cause.CERTIFICATE_INVALID: (
        "VECOZO does not accept the system certificate here: missing, expired, revoked, personal, or of another "
        "environment. `relay certificate show` tells which; renew or replace the file."
    ),
    Cause.FUNCTIONAL: "VECOZO's service itself refused the call; its answer says why and is for the calling software.",
}

INVALID_CERTIFICATE: Final = b"invalid client certificate"
_BARE: Final = {
    Wording.GATEWAY: frozenset((b"forbidden", b"not allowed")),
    Wording.PEP: frozenset((b"not allowed",)),
}
# What gateways put under a bare 403: Azure API Management's own JSON, and the page of IIS.
_GATEWAY_JSON: Final = re.compile(rb'\s*\{\s*"statusCode"\s*:\s*403\s*,\s*"message"\s*:\s*"[^"]*"\s*\}\s*\Z')
_IIS_PAGE: Final = re.compile(rb"\s*<(?:!doctype html|html|head|h2)\b", re.IGNORECASE)


def classify(head: ResponseHead, beginning: bytes, wording: Wording) -> Refusal:
    """Return what a 403 means. `beginning` holds the first octets of the body, as many as have arrived."""
    cause = _cause(head, beginning, wording)
    return Refusal(cause, _REMEDIES[cause])


def _cause(head: ResponseHead, beginning: bytes, wording: Wording) -> Cause:
    reason = head.reason.strip().lower()
    if reason == INVALID_CERTIFICATE:
        return Cause.CERTIFICATE_INVALID
    if reason in _BARE[wording] and _is_bare(head, beginning):
        return Cause.ADDRESS_OR_BLOCKED
    return Cause.FUNCTIONAL


def _is_bare(head: ResponseHead, beginning: bytes) -> bool:
    if not beginning or head.fields.first(b"content-length") == b"0":
        return True
    return bool(_GATEWAY_JSON.match(beginning) or _IIS_PAGE.match(beginning))
