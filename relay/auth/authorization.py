"""Authorization: which of two fields holds what is meant for us, and which scheme stands in it.

Where any client proves itself by a scheme of HTTP, Authorization is ours and never goes up. Some of VECOZO's services
want a token of theirs in it: a caller of these shows us its own in X-Relay-Authorization, and Authorization travels on.
"""

from collections.abc import Iterable
from typing import Final

from relay.auth.caller import NO_PROOF
from relay.errors import CallerUnknown
from relay.message.head import RequestHead

AUTHORIZATION: Final = b"authorization"
BESIDE: Final = b"x-relay-authorization"
BEARER: Final = b"bearer"

_OURS: Final = frozenset((AUTHORIZATION,))
_OURS_BESIDE: Final = frozenset((BESIDE,))
_BEARER_ASKED: Final = b'Bearer realm="relay"'


def field_of_ours(head: RequestHead) -> bytes:
    """Return the lower-case name of the field that is ours in this call, there or not.

    X-Relay-Authorization is by being there, whatever it holds: whoever sends it means the other for VECOZO.
    """
    return BESIDE if BESIDE in head.fields.shape.where else AUTHORIZATION


def fields_kept(head: RequestHead) -> frozenset[bytes]:
    """Return the fields that stay here, for `Authenticator.secrets`."""
    return _OURS_BESIDE if BESIDE in head.fields.shape.where else _OURS


def shows(head: RequestHead, scheme: bytes) -> bool:
    """Whether the field of ours, given once or more often, holds anything of this scheme (lower case)."""
    return any(_parted(value)[0] == scheme for value in head.fields.values(field_of_ours(head)))


def credentials(head: RequestHead, scheme: bytes) -> bytes | None:
    """Return what stands behind this scheme (lower case) in the field of ours; None where it holds no such thing.

    Raises CallerUnknown where the field is given more than once: two readers could each take another one.
    """
    values = head.fields.values(field_of_ours(head))
    if len(values) > 1:
        raise CallerUnknown(NO_PROOF)
    if not values:
        return None
    found, rest = _parted(values[0])
    return rest if found == scheme else None


def challenges_for(head: RequestHead, challenges: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return what WWW-Authenticate says to this call: to one that showed a token, that it is not valid here.

    RFC 6750, section 3.1, has that for every fault of a token; more would tell which part was almost right.
    """
    if not shows(head, BEARER):
        return tuple(challenges)
    return tuple(each + b', error="invalid_token"' if each.startswith(_BEARER_ASKED) else each for each in challenges)


def _parted(value: bytes) -> tuple[bytes, bytes]:
    """Return the scheme, in lower case, and what follows it: RFC 9110, section 11.4, has one space or more between."""
    scheme, _, rest = value.partition(b" ")
    return scheme.lower(), rest.lstrip(b" ")
