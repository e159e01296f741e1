"""How long a caller means to wait, where it says so: X-Relay-Timeout, or the preference `wait` of RFC 7240."""

import re
from typing import Final, NamedTuple

from relay.errors import MalformedRequest
from relay.message.fields import Fields

PREFER: Final = b"prefer"
TIMEOUT: Final = b"x-relay-timeout"

_SECONDS: Final = re.compile(rb"[0-9]{1,6}(?:\.[0-9]{1,3})?")
_WHOLE_SECONDS: Final = re.compile(rb"[0-9]{1,6}")
_PREFERENCE: Final = re.compile(rb'(?:[^,"]|"(?:[^"\\]|\\.)*(?:"|\Z))+')


class Wait(NamedTuple):
    """A total that is lower than ours; `applied` is what Preference-Applied says of it, empty where none asked."""

    seconds: float
    applied: bytes


def shorter_wait(fields: Fields, total: float) -> Wait | None:
    """Return the wait that the caller asks for where it is shorter than `total`, or None.

    Raises MalformedRequest for an X-Relay-Timeout that is none. A preference that is none is ignored (RFC 7240,
    section 2), and so is a longer wait, in either field.
    """
    asked = _timeout(fields)
    preferred = _preferred(fields)
    if preferred is not None and preferred < total and (asked is None or preferred <= asked):
        return Wait(preferred, b"wait=%d" % int(preferred))
    return Wait(asked, b"") if asked is not None and asked < total else None


def _timeout(fields: Fields) -> float | None:
    given = fields.values(TIMEOUT)
    if not given:
        return None
    if len(given) > 1 or not _SECONDS.fullmatch(given[0]) or not (seconds := float(given[0])):
        raise MalformedRequest("X-Relay-Timeout is not one number of seconds above zero, such as 20 or 2.5")
    return seconds


def _preferred(fields: Fields) -> float | None:
    """Return the seconds of the first `wait`; of a preference given twice only the first counts."""
    for preference in _PREFERENCE.findall(b",".join(fields.values(PREFER))):
        name, _, value = preference.partition(b";")[0].partition(b"=")
        if name.strip().lower() == b"wait":
            value = value.strip()
            return float(value) or None if _WHOLE_SECONDS.fullmatch(value) else None
    return None
