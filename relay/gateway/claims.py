"""A call that names a key for itself: what it claims of the ledger, and what its caller is told when it may not go."""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from relay.errors import AlreadySent, CallInProgress, KeyReused, LedgerUnavailable, MalformedRequest, RelayError
from relay.gateway.ledger import Claim, Standing, Verdict
from relay.message.head import RequestHead

_LONGEST: Final = 255
_SIZE: Final = 16


def claim_of(head: RequestHead, body: bytes | None, *, target: bytes, field: bytes, client: str, tenant: str) -> Claim:
    """Return what a call claims whose key stands in `field`; `body` is None when it is not whole yet.

    `target` is what travels on: by which API key the caller proves itself is no part of the call.

    Raises MalformedRequest. The key counts as it is written, within one client. Its digest alone is kept: who makes
    keys of names or numbers of persons could be guessed, and is told not to (docs/passage.md).
    """
    values = head.fields.values(field)
    if len(values) != 1 or not 0 < len(values[0]) <= _LONGEST:
        raise MalformedRequest(f"{field.decode()} has to hold one key of at most {_LONGEST} octets")
    return Claim(
        key=_digest(client.encode(), values[0]),
        call=_digest(tenant.encode(), head.method, target),
        body=b"" if body is None else _digest(body),
    )


def why_not(verdict: Verdict) -> RelayError:
    """Return what to tell a caller whose call is not free to go."""
    at = datetime.fromtimestamp(verdict.at, UTC)
    match verdict.standing:
        case Standing.IN_PROGRESS:
            return CallInProgress(f"a call with this key has been in progress since {_words(at)}")
        case Standing.ANSWERED:
            detail = f"the call with this key was sent before, and answered with {verdict.status} at {_words(at)}"
            return AlreadySent(detail, status=verdict.status, at=_words(at))
        case Standing.UNKNOWN:
            return AlreadySent("the call with this key was sent before, and its outcome is not known", at=_words(at))
        case Standing.REUSED:
            return KeyReused("this key was used for another call; every call needs a key of its own")
        case Standing.FULL:
            return LedgerUnavailable("no more keys can be remembered now, so a repeat could not be told from this call")
        case _:
            return LedgerUnavailable("keys cannot be looked up now, so it is not known whether this call went before")


def _digest(*parts: bytes) -> bytes:
    # No part but the last can have a NUL in it.
    return blake2b(b"\0".join(parts), digest_size=_SIZE).digest()


def _words(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
