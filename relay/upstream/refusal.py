"""What a refusal from VECOZO means: a pure table of status, reason phrase, fields and body, read per family of routes.

The phrases are stated by VECOZO for iWlz and inferred for the rest; the body of a bare 403 is not documented, so
the shapes that gateways give it (nothing, their own JSON, an IIS page) all count as bare. Rows of the operator's own
go before these.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relay.message.head import ResponseHead
from relay.settings.words import Cause, Family, Wording
from relay.soap.recognise import media_type

__all__ = [
    "BUILT_IN", "MOST_OCTETS", "Cause", "Facts", "Readings", "Refusal", "Row", "classify", "explanation",
    "is_a_services_fault",
]  # fmt: skip

# Octets of a body that are looked at. What gateways put under a bare 403 is shorter.
MOST_OCTETS: Final = 4096


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal understood: its cause, and whether a built-in row says so. What to do about it, relay/people words.

    `passed` says that it proves certificate and address to be accepted: a service behind the gate said it.
    """

    cause: Cause
    built_in: bool = True
    passed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table; None is anything. All octets are in lower case.

    `reasons` are whole phrases; `field` is a name and a part of its value; `body` is a part of the body. `bare` asks
    that the body is none of the service's own. `after_quota` asks that VECOZO said before that the quota is exceeded.
    """

    cause: Cause
    statuses: frozenset[int]
    wording: Wording | None = None
    families: frozenset[Family] | None = None
    reasons: frozenset[bytes] | None = None
    field: tuple[bytes, bytes] | None = None
    body: bytes | None = None
    bare: bool = False
    built_in: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an explanation names: the address that VECOZO saw, the certificate's serial, when a call last went well."""

    egress: str
    certificate: str
    last_good: datetime | None


_EXPLANATIONS: Final[Mapping[Cause, str]] = {
    Cause.ADDRESS_OR_BLOCKED: "VECOZO refused certificate {certificate} from {egress}: the address or a block",
    Cause.BLOCKED: "VECOZO refused certificate {certificate} from {egress} after its quota was exceeded: a block",
    Cause.CERTIFICATE_INVALID: "VECOZO does not accept certificate {certificate}, shown from {egress}",
    Cause.FUNCTIONAL: "VECOZO's service refused the call, and not certificate {certificate} or address {egress}",
    Cause.QUOTA: "VECOZO says that certificate {certificate}, from {egress}, is over this service's quota",
}

INVALID_CERTIFICATE: Final = b"invalid client certificate"
_FORBIDDEN: Final = frozenset((403,))
_BARE_PHRASES: Final = frozenset((b"forbidden", b"not allowed"))

BUILT_IN: Final[tuple[Row, ...]] = (
    Row(cause=Cause.QUOTA, statuses=frozenset((429,))),
    Row(cause=Cause.CERTIFICATE_INVALID, statuses=_FORBIDDEN, reasons=frozenset((INVALID_CERTIFICATE,))),
    Row(
        cause=Cause.ADDRESS_OR_BLOCKED,
        statuses=_FORBIDDEN,
        wording=Wording.GATEWAY,
        reasons=_BARE_PHRASES,
        bare=True,
    ),
    # At iWlz' PEP `Forbidden` is a policy and `Unauthorized` a missing token.
    Row(
        cause=Cause.ADDRESS_OR_BLOCKED,
        statuses=_FORBIDDEN,
        wording=Wording.PEP,
        reasons=frozenset((b"not allowed",)),
        bare=True,
    ),
    Row(cause=Cause.FUNCTIONAL, statuses=frozenset((400, 401, 403))),
)


class Readings:
    """A table of rows, and the `statuses` that any of them reads: what has another needs no second look."""

    def __init__(self, own: Sequence[Row] = ()) -> None:
        """Take rows of the operator's own, which go before the built-in ones."""
        self.rows = (*own, *BUILT_IN)
        self.statuses = frozenset(status for row in self.rows for status in row.statuses)

    def __repr__(self) -> str:
        return f"<Readings: {len(self.rows)} rows for {', '.join(map(str, sorted(self.statuses)))}>"


_FAULTS: Final = frozenset((b"text/xml", b"application/soap+xml"))

# The page of IIS, and what Azure API Management writes itself: exactly these two members.
_IIS_PAGE: Final = re.compile(rb"\s*<(?:!doctype html|html|head|h2)\b", re.IGNORECASE)
_GATEWAY_MEMBERS: Final = frozenset(("statusCode", "message"))


def classify(
    head: ResponseHead,
    beginning: bytes,
    wording: Wording,
    *,
    family: Family = Family.SOAP,
    rows: Sequence[Row] = BUILT_IN,
    after_quota: bool = False,
) -> Refusal | None:
    """Return what an answer of 400 or higher refuses; None where it is no refusal, but a fault of theirs.

    `beginning` holds the first octets of the body, as many as have arrived, and `MOST_OCTETS` of them count. The first
    row that fits decides. `after_quota` says that VECOZO answered this certificate with 429 and nobody lifted that.
    """
    beginning = beginning[:MOST_OCTETS]
    for row in rows:
        if head.status in row.statuses and _fits(row, head, beginning, wording, family):
            cause = row.cause
            if after_quota and cause is Cause.ADDRESS_OR_BLOCKED:
                cause = Cause.BLOCKED
            passed = cause is Cause.FUNCTIONAL and not _is_bare(head, beginning)
            return Refusal(cause, row.built_in, passed)
    return None


def is_a_services_fault(head: ResponseHead) -> bool:
    """Whether this is a Fault of a service, which proves that certificate and address are accepted.

    What gateways say of the services behind them (404, 502, 503, 504) proves neither that nor the contrary.
    """
    return head.status == 500 and media_type(head.fields.first(b"content-type")) in _FAULTS


def explanation(cause: Cause, facts: Facts) -> str:
    """Return in a sentence what was refused, from which address and under which certificate, and since when."""
    said = _EXPLANATIONS[cause].format(egress=facts.egress, certificate=facts.certificate or "unknown")
    if facts.last_good is None:
        return f"{said}; no call is known to have gone well."
    return f"{said}; a call last went well at {facts.last_good:%Y-%m-%d %H:%M:%S} UTC."


def _fits(row: Row, head: ResponseHead, beginning: bytes, wording: Wording, family: Family) -> bool:
    if row.wording not in (None, wording) or (row.families is not None and family not in row.families):
        return False
    if row.reasons is not None and head.reason.strip().lower() not in row.reasons:
        return False
    if row.field is not None and not _holds(head, *row.field):
        return False
    if row.body is not None and row.body not in beginning.lower():
        return False
    return not row.bare or _is_bare(head, beginning)


def _holds(head: ResponseHead, name: bytes, part: bytes) -> bool:
    return any(part in value.lower() for value in head.fields.values(name))


def _is_bare(head: ResponseHead, beginning: bytes) -> bool:
    if not beginning.strip() or head.fields.first(b"content-length") == b"0":
        return True
    return bool(_IIS_PAGE.match(beginning)) or _is_the_gateways(beginning)


def _is_the_gateways(beginning: bytes) -> bool:
    """Whether this is the gateway's own JSON, and says no more than the phrase: a message of its own is a service's."""
    if not beginning.lstrip().startswith(b"{"):
        return False
    try:
        told = json.loads(beginning)
    except (ValueError, RecursionError):
        return False
    if not isinstance(told, dict) or told.keys() != _GATEWAY_MEMBERS or told["statusCode"] != 403:
        return False
    message = told["message"]
    return isinstance(message, str) and message.strip().rstrip(".").lower().encode() in _BARE_PHRASES
