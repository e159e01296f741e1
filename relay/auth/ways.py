"""Several ways for clients to prove themselves, side by side: whatever is shown has to be right, and of one client."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from relay.auth.caller import NO_PROOF, Authenticator, Awaited, Caller, Outcome
from relay.errors import CallerUnknown, RelayError
from relay.message.head import RequestHead

# A certificate comes with the connection, and may stand beside what each call shows.
_OF_THE_CONNECTION: Final = "client_certificate"


class Ways:
    """The `Authenticator` for any of several ways, and for clients that have to prove themselves in more than one.

    A call shows one credential in its head; more only where its client `requires` that.
    """

    def __init__(self, ways: Sequence[Authenticator]) -> None:
        """Take the ways; each knows its own credentials from those of others."""
        self._ways: Final = tuple(ways)
        self.challenges: tuple[bytes, ...] = tuple(challenge for way in ways for challenge in way.challenges)

    def __repr__(self) -> str:
        return f"<Ways {', '.join(map(repr, self._ways))}>"

    def secrets(self, head: RequestHead) -> frozenset[bytes]:
        """Return the fields with credentials of any kind for us."""
        found: frozenset[bytes] = frozenset()
        for way in self._ways:
            found |= way.secrets(head)
        return found

    def shown(self, head: RequestHead, certificate: bytes | None) -> bool:
        """Whether there is anything of any kind."""
        return any(way.shown(head, certificate) for way in self._ways)

    def authenticate(self, head: RequestHead, certificate: bytes | None, at: datetime) -> Caller | Awaited:
        """Return the one caller that all that was shown proves. Raises as the ways themselves do."""
        try:
            found = [way.authenticate(head, certificate, at) for way in self._ways if way.shown(head, certificate)]
        except CallerUnknown:
            # Never which of several was almost right.
            raise CallerUnknown(NO_PROOF) from None
        return _one(found)


def _one(found: list[Caller | Awaited]) -> Caller | Awaited:
    """Return the caller that all of these are, once they are known."""
    for number, each in enumerate(found):
        if isinstance(each, Awaited):
            joint = Awaited()
            each.then(_Rest(found, number, joint).take)
            return joint
    callers = [each for each in found if isinstance(each, Caller)]
    ways = {caller.way for caller in callers}
    if len({caller.client for caller in callers}) != 1 or not callers[0].requires <= ways:
        raise CallerUnknown(NO_PROOF)
    of_the_call = [caller.way for caller in callers if caller.way != _OF_THE_CONNECTION]
    if len(of_the_call) > 1 and not callers[0].requires.issuperset(of_the_call):
        raise CallerUnknown(NO_PROOF)
    # What a call signed is of the call; all else that is known of a client is the same whichever way it came.
    return callers[-1]


class _Rest:
    """What remains to be found out, once one of several outcomes is there."""

    def __init__(self, found: list[Caller | Awaited], number: int, joint: Awaited) -> None:
        self._found = found
        self._number = number
        self._joint = joint

    def take(self, outcome: Outcome) -> None:
        if isinstance(outcome, RelayError):
            self._joint.settle(CallerUnknown(NO_PROOF) if isinstance(outcome, CallerUnknown) else outcome)
            return
        self._found[self._number] = outcome
        try:
            rest = _one(self._found)
        except CallerUnknown as unknown:
            self._joint.settle(unknown)
        else:
            if isinstance(rest, Awaited):
                rest.then(self._joint.settle)
            else:
                self._joint.settle(rest)
