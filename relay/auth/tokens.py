"""Tokens of directories as proof of who calls: in Authorization, or in X-Relay-Authorization (`auth.authorization`)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from relay.auth.authorization import BEARER, credentials, fields_kept, shows
from relay.auth.caller import NO_PROOF, Awaited, Caller
from relay.auth.key_ring import KeyRing
from relay.auth.token import Fault, Says, Token, judged, read, signed
from relay.errors import CallerUndecided, CallerUnknown
from relay.message.head import RequestHead

# Tokens live for an hour or so, and each application has a handful.
_MOST_KNOWN: Final = 4096

_UNDECIDED: Final = "the keys of the directory that issued the token are not here yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What an application's token needs, to be of this caller. `until`: seconds of the epoch."""

    caller: Caller
    role: str | None
    scope: str | None
    until: float

    def covers(self, says: Says, now: float) -> bool:
        """Whether a token that says this is of the caller. What acts for a user has to be granted by a scope."""
        if now >= self.until or (says.delegated and self.scope is None):
            return False
        return self.role in (None, *says.roles) and self.scope in (None, *says.scopes)


# By name of the directory and application.
Grants = Mapping[tuple[str, str], tuple[Grant, ...]]


class _Known:
    """A token that was proven, as long as that holds."""

    __slots__ = ("caller", "generation", "ring", "until")

    def __init__(self, caller: Caller, until: float, ring: KeyRing) -> None:
        self.caller = caller
        self.until = until
        self.ring = ring
        self.generation = ring.generation


class Tokens:
    """The `Authenticator` for tokens."""

    challenges: tuple[bytes, ...] = (b'Bearer realm="relay"',)

    def __init__(self, grants: Grants, rings: Iterable[KeyRing], refused: Callable[[str, Fault], None]) -> None:
        """Take the grants and the keys of directories; `refused` hears whose token was wrong, and why."""
        self._grants = grants
        self._rings = {iss: ring for ring in rings for iss in ring.issuer.applications}
        self._refused = refused
        self._known: dict[bytes, _Known] = {}

    def __repr__(self) -> str:
        return f"<Tokens of {len(self._grants)} applications>"

    def secrets(self, head: RequestHead) -> frozenset[bytes]:
        """Return Authorization; or X-Relay-Authorization alone, beside which the other travels on."""
        return fields_kept(head)

    def shown(self, head: RequestHead, certificate: bytes | None) -> bool:
        """Whether there is a token."""
        return shows(head, BEARER)

    def authenticate(self, head: RequestHead, certificate: bytes | None, at: datetime) -> Caller | Awaited:
        """Return the caller whose token this is. Raises CallerUnknown, and CallerUndecided for want of keys."""
        text = credentials(head, BEARER)
        if text is None:
            raise CallerUnknown(NO_PROOF)
        now, digest = at.timestamp(), sha256(text).digest()
        known = self._known.get(digest)
        if known is not None:
            if now < known.until and known.generation == known.ring.generation:
                return known.caller
            del self._known[digest]
        return self._found(text, digest, now)

    # -- inside ----------------------------------------------------------------------------------------------

    def _found(self, text: bytes, digest: bytes, now: float) -> Caller | Awaited:
        """Return whose token this is that was not seen before, judged by all that it says before any key is sought."""
        token = read(text)
        if token is None:
            raise self._wrong("", Fault.FORM)
        ring = self._rings.get(token.iss)
        if ring is None:
            raise self._wrong("", Fault.ISSUER)
        says = judged(token, ring.issuer, now)
        if isinstance(says, Fault):
            raise self._wrong(ring.issuer.name, says)
        grant = self._grant(ring, says, now)
        if grant is None:
            raise self._wrong(ring.issuer.name, Fault.GRANT)
        known = _Known(grant.caller, min(says.until, grant.until), ring)
        if ring.key(token.kid, token.algorithm) is None and ring.wants():
            if ring.crowded:
                raise CallerUndecided(_UNDECIDED)
            awaited = Awaited()
            ring.once_fetched(_Rest(self, token, digest, known, awaited).take)
            return awaited
        return self.proven(token, digest, known)

    def _grant(self, ring: KeyRing, says: Says, now: float) -> Grant | None:
        """Return the grant that covers what the token says; of several, which are of one client, the longest."""
        grants = self._grants.get((ring.issuer.name, says.application), ())
        covering = [grant for grant in grants if grant.covers(says, now)]
        return max(covering, key=_until) if covering else None

    def proven(self, token: Token, digest: bytes, known: _Known) -> Caller:
        """Return the caller, if a key of the issuer's that is here signed the token. Raises as `authenticate`."""
        ring = known.ring
        key = ring.key(token.kid, token.algorithm)
        if key is None:
            if ring.away or not ring.there:
                raise CallerUndecided(_UNDECIDED)
            raise self._wrong(ring.issuer.name, Fault.KEY)
        if not signed(token, key):
            raise self._wrong(ring.issuer.name, Fault.SIGNATURE)
        if len(self._known) >= _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        known.generation = ring.generation
        self._known[digest] = known
        return known.caller

    def _wrong(self, directory: str, fault: Fault) -> CallerUnknown:
        self._refused(directory, fault)
        return CallerUnknown(NO_PROOF)


class _Rest:
    """What remains to be judged of a token once keys were fetched."""

    def __init__(self, tokens: Tokens, token: Token, digest: bytes, known: _Known, awaited: Awaited) -> None:
        self._tokens = tokens
        self._token = token
        self._digest = digest
        self._known = known
        self._awaited = awaited

    def take(self) -> None:
        try:
            caller = self._tokens.proven(self._token, self._digest, self._known)
        except (CallerUnknown, CallerUndecided) as refused:
            self._awaited.settle(refused)
        else:
            self._awaited.settle(caller)


def _until(grant: Grant) -> float:
    return grant.until
