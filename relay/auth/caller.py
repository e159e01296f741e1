"""Who a caller turned out to be, and the seam behind which that is found out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from relay.message.head import RequestHead


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated client. `way` is how it proved itself: a bounded word, fit for a label.

    `faults_as_500`: its WCF reads SOAP Faults from a 500 only. `never_repeats`: it sends no call again, whatever the
    status, so that it may be told 504. `key_field` is the lower-case name of the field in which it names a key for
    each call that goes at most once.
    """

    client: str
    tenants: frozenset[str]
    way: str
    faults_as_500: bool = False
    never_repeats: bool = False
    key_field: bytes = b"idempotency-key"


class Authenticator(Protocol):
    """One way of proving who calls."""

    @property
    def secrets(self) -> frozenset[bytes]:
        """Lower-case names of the fields that hold credentials for us; they never travel on."""
        ...

    def authenticate(self, head: RequestHead, certificate: bytes | None, at: datetime) -> Caller:
        """Return who calls. Raises CallerUnknown or ClientCertificateRefused; there is no anonymous caller.

        `certificate` is the DER of what the caller showed in TLS, in this session or in the one that it resumed: its
        key is the caller's, and no more is proven of it. `at` is now, with its time zone.
        """
        ...
