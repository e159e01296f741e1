"""Client certificates: issued by an authority of one's own to a subject, or pinned by fingerprint.

TLS takes any certificate (`relay.x509.any_client`) and proves that the caller holds its key, in this session or in the
one that it resumes. Everything else is judged here, at every request.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from relay.auth.caller import Caller
from relay.auth.client_trust import ClientTrust
from relay.errors import (
    CallerUnknown,
    ClientCertificateExpired,
    ClientCertificateForeign,
    ClientCertificateNotYetValid,
    ClientCertificateRefused,
    ClientCertificateRevoked,
    ClientCertificateUnreadable,
    ClientCertificateWrongPurpose,
)
from relay.message.head import RequestHead
from relay.x509.verify import Examined, Reason, Unfit, examine, unfit

# Of certificates that were examined: those of clients, and those of strangers, who can come with ever new ones.
_MOST_KNOWN: Final = 1024
_MOST_STRANGERS: Final = 256
# Octets. Certificates have one or two thousand; what is kept of a stranger's is not for the stranger to decide.
_LONGEST: Final = 16 * 1024

_UNKNOWN: Final = "no client certificate of a client that is known here was shown"
_UNREADABLE: Final = "the client certificate that was shown cannot be read"
_FOREIGN: Final = "the client certificate is neither pinned nor issued by an authority that is trusted here"
_REVOKED: Final = "the authority that issued the client certificate has revoked it"

_REFUSALS: Final[Mapping[Reason, type[ClientCertificateRefused]]] = {
    Reason.UNREADABLE: ClientCertificateUnreadable,
    Reason.FOREIGN: ClientCertificateForeign,
    Reason.NOT_YET_VALID: ClientCertificateNotYetValid,
    Reason.EXPIRED: ClientCertificateExpired,
    Reason.WRONG_PURPOSE: ClientCertificateWrongPurpose,
}
# Verifiers word what they found with what stands in the certificate, which is the caller's own text.
_WORDS: Final[Mapping[Reason, str]] = {Reason.UNREADABLE: _UNREADABLE, Reason.FOREIGN: _FOREIGN}

_NO_FIELDS: Final[frozenset[bytes]] = frozenset()
_SECOND: Final = timedelta(seconds=1)
_EVER: Final = datetime.max.replace(tzinfo=UTC)


class _Entry:
    """A certificate that was examined: what was found, and whose it would be."""

    __slots__ = ("caller", "found", "pinned")

    def __init__(self, found: Examined | Unfit, caller: Caller | None, pinned: bool) -> None:  # noqa: FBT001  # ours
        self.found = found
        self.caller = caller
        self.pinned = pinned


class ClientCertificates:
    """The `Authenticator` for certificates shown in TLS."""

    # TLS asks for them; no scheme of HTTP does.
    challenges: tuple[bytes, ...] = ()

    def __init__(self, *, pinned: Mapping[bytes, Caller], subjects: Mapping[str, Caller], trust: ClientTrust) -> None:
        """Take the callers by SHA-256 of their pinned certificate, and by the subject of one that is issued to them.

        A subject is as `relay.x509.identity.readable` writes it. A pin goes before a subject.
        """
        self._pinned = dict(pinned)
        self._subjects = dict(subjects)
        self._trust = trust
        self._known: dict[bytes, _Entry] = {}
        self._strangers: dict[bytes, _Entry] = {}
        # What was found holds from and until these moments: between them no authority begins or ends.
        self._since = self._until = _EVER

    def __repr__(self) -> str:
        return f"<ClientCertificates {len(self._pinned)} pinned, {len(self._subjects)} by subject>"

    def secrets(self, head: RequestHead) -> frozenset[bytes]:
        """Return no field: what is shown in TLS never travels on."""
        return _NO_FIELDS

    def shown(self, head: RequestHead, certificate: bytes | None) -> bool:
        """Whether there is a certificate."""
        return certificate is not None

    def use(self, trust: ClientTrust) -> None:
        """Go by these authorities and revocations from now on."""
        self._trust = trust
        self._since = self._until = _EVER

    def authenticate(self, head: RequestHead, certificate: bytes | None, at: datetime) -> Caller:
        """Return whose certificate this is. Raises CallerUnknown, and ClientCertificateRefused for its own reason."""
        if certificate is None:
            raise CallerUnknown(_UNKNOWN)
        entry = self._entry(certificate, at)
        found = entry.found
        fault = unfit(found, at=at, pinned=entry.pinned) if isinstance(found, Examined) else found
        if fault is not None:
            raise _REFUSALS[fault.reason](_WORDS.get(fault.reason, f"the client certificate is {fault.detail}"))
        assert isinstance(found, Examined)  # noqa: S101  # what is unfit has been refused
        if (found.issuer, found.serial_number) in self._trust.revocations.revoked:
            raise ClientCertificateRevoked(_REVOKED)
        if entry.caller is None:
            raise CallerUnknown(_UNKNOWN)
        return entry.caller

    # -- inside ----------------------------------------------------------------------------------------------

    def _entry(self, certificate: bytes, at: datetime) -> _Entry:
        """Return what was found of a certificate, examined once within the bounds."""
        if not self._since <= at < self._until:
            self._begin(at)
        digest = sha256(certificate).digest()
        entry = self._known.get(digest) or self._strangers.get(digest)
        if entry is None:
            entry = self._examined(certificate, digest, at)
            kept, most = (self._strangers, _MOST_STRANGERS) if entry.caller is None else (self._known, _MOST_KNOWN)
            if len(kept) >= most:
                del kept[next(iter(kept))]
            kept[digest] = entry
        return entry

    def _examined(self, certificate: bytes, digest: bytes, at: datetime) -> _Entry:
        if len(certificate) > _LONGEST:
            return _Entry(Unfit(reason=Reason.UNREADABLE, detail="too long"), None, False)  # noqa: FBT003  # ours
        found = examine(certificate, authorities=self._trust.authorities, at=at)
        caller = self._pinned.get(digest)
        if caller is not None:
            return _Entry(found, caller, True)  # noqa: FBT003  # ours
        # A subject is a name that anybody can write: only an authority that is trusted gives it its worth.
        if isinstance(found, Examined) and found.chain_fault is None:
            caller = self._subjects.get(found.identity.subject)
        return _Entry(found, caller, False)  # noqa: FBT003  # ours

    def _begin(self, at: datetime) -> None:
        """Forget what was found, for an authority has begun or ended since; and note until when that is not so."""
        self._known.clear()
        self._strangers.clear()
        self._since, self._until = datetime.min.replace(tzinfo=UTC), _EVER
        for authority in self._trust.authorities:
            # The last second is still within.
            for moment in (authority.not_valid_before_utc, authority.not_valid_after_utc + _SECOND):
                if moment <= at:
                    self._since = max(self._since, moment)
                else:
                    self._until = min(self._until, moment)
