"""Who a caller turned out to be, and the seam behind which that is found out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from relay.errors import RelayError
from relay.message.digest import BodyDigest
from relay.message.head import RequestHead


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated client. `way` is how it proved itself: a bounded word, fit for a label.

    `faults_as_500`: its WCF reads SOAP Faults from a 500 only. `never_repeats`: it sends no call again, whatever the
    status, so that it may be told 504. `key_field` is the lower-case name of the field in which it names a key for
    each call that goes at most once. `credential` is the identifier of the key that it showed, where it has several of
    that way, and no secret. `requires`: all the ways in which it has to prove itself at once, where one is not
    enough. `digest` is what the body of this one call has to hash to, where the caller signed that.
    """

    client: str
    tenants: frozenset[str]
    way: str
    faults_as_500: bool = False
    never_repeats: bool = False
    key_field: bytes = b"idempotency-key"
    requires: frozenset[str] = frozenset()
    credential: str = ""
    digest: BodyDigest | None = None


Outcome = Caller | RelayError


class Awaited:
    """Who calls is not known yet: the keys of a directory are being fetched, or a password is being hashed."""

    __slots__ = ("_outcome", "_told")

    def __init__(self) -> None:
        self._outcome: Outcome | None = None
        self._told: Callable[[Outcome], None] | None = None

    def __repr__(self) -> str:
        return f"<Awaited {'settled' if self._outcome is not None else 'open'}>"

    def then(self, told: Callable[[Outcome], None]) -> None:
        """Have `told` hear once who calls, or why nobody does; at once, if that is known by now."""
        if self._outcome is None:
            self._told = told
        else:
            told(self._outcome)

    def settle(self, outcome: Outcome) -> None:
        """Say who calls, or why nobody does; what is said first counts."""
        if self._outcome is None:
            self._outcome = outcome
            told, self._told = self._told, None
            if told is not None:
                told(outcome)


class Authenticator(Protocol):
    """One way of proving who calls, or several."""

    @property
    def challenges(self) -> tuple[bytes, ...]:
        """What WWW-Authenticate says to whoever could not prove itself, one value for each scheme."""
        ...

    def secrets(self, head: RequestHead) -> frozenset[bytes]:
        """Return the lower-case names of the fields that hold credentials for us; they never travel on."""
        ...

    def shown(self, head: RequestHead, certificate: bytes | None) -> bool:
        """Whether the call shows anything of this kind, right or wrong."""
        ...

    def authenticate(self, head: RequestHead, certificate: bytes | None, at: datetime) -> Caller | Awaited:
        """Return who calls, now or later. Raises CallerUnknown or ClientCertificateRefused; nobody is anonymous.

        `certificate` is the DER of what the caller showed in TLS, in this session or in the one that it resumed: its
        key is the caller's, and no more is proven of it. `at` is now, with its time zone.
        """
        ...


# What is told whatever was wrong, where more than one thing could have been right.
NO_PROOF: Final = "nothing was shown that proves a client that is known here, or what was shown is not of one client"
