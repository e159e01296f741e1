"""What can be the matter, and what is known about it when it is. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from relay.settings.words import Environment
from relay.x509.mistake import Mistake

_LONGEST: Final = 120
# Nine digits by themselves: a citizen service number looks like this.
_NINE_DIGITS: Final = re.compile(r"(?<![0-9A-Za-z])[0-9]{9}(?![0-9A-Za-z])")


class Matter(StrEnum):
    """What is the matter, by the code that answers, log and metrics know it by."""

    # VECOZO refuses (upstream/refusal)
    ADDRESS_OR_BLOCKED = "address_or_blocked"
    CERTIFICATE_INVALID = "certificate_invalid"
    FUNCTIONAL = "functional"
    QUOTA = "quota"
    BLOCKED = "blocked"
    SYSTEM_CERTIFICATE_REFUSED = "system_certificate_refused"
    # our side of the way out
    EGRESS_OUT = "egress_out"
    SOURCE_ADDRESS_MISSING = "source_address_missing"
    ADDRESS_NOT_REGISTERED = "address_not_registered"
    CERTIFICATE_UNUSABLE = "system_certificate_unusable"
    CERTIFICATE_EXPIRING = "certificate_expiring"
    CLOCK_WRONG = "clock_wrong"
    TENANT_PAUSED = "tenant_paused"
    # the road between
    UPSTREAM_NAME_UNKNOWN = "upstream_name_unknown"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_UNTRUSTED = "upstream_untrusted"
    UPSTREAM_REVOKED = "upstream_revoked"
    UPSTREAM_OUT_OF_ORDER = "upstream_out_of_order"

    @classmethod
    def of(cls, code: str) -> "Matter":
        """Return the matter of an error of the way out, by its code, or of one that came instead of an answer.

        Raises ValueError for any other.
        """
        return cls(_SAME.get(code, code))


# However TLS words it, what people do about a refused certificate is the same; and a held call tells what held it.
_SAME: Final = {
    **{
        f"system_certificate_{why}": "system_certificate_refused"
        for why in ("missing", "foreign", "expired", "revoked", "unfit", "unanswered")
    },
    **{f"upstream_{what}": "upstream_out_of_order" for what in ("closed", "invalid", "timeout")},
    "calls_held": "address_or_blocked",
    "quota_stopped": "quota",
    "egress_differs": "egress_out",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known: when it was seen (with its time zone), and of which call, address and certificate.

    `egress` is the address that VECOZO is meant to see, `seen_as` what the world sees where that differs. `phrase` is
    VECOZO's answer, such as "403 Forbidden"; `service` the route's name, `host` where it leads; `mistake` is the one
    in the certificate's file. Empty or None where not known.
    """

    at: datetime
    environment: Environment
    egress: str
    seen_as: str = ""
    serial: str = ""
    not_after: datetime | None = None
    phrase: str = ""
    service: str = ""
    host: str = ""
    trace_ids: tuple[str, ...] = ()
    last_good: datetime | None = None
    mistake: Mistake | None = None


def foreign(text: str) -> str:
    """Return words that came from outside, fit to be passed on: short, on one line, without a patient's number."""
    line = "".join(sign if sign.isprintable() else " " for sign in text[:_LONGEST]).strip()
    return _NINE_DIGITS.sub(lambda found: "[...]" if _passes_eleven_test(found.group()) else found.group(), line)


def _passes_eleven_test(digits: str) -> bool:
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=True)) % 11 == 0
