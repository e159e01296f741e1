"""Several ways for a client to prove itself: by key, by certificate, or by both at once."""

from datetime import datetime
from typing import Final

from relay.auth.api_key import FIELD
from relay.auth.caller import Authenticator, Caller
from relay.errors import CallerUnknown
from relay.message.head import RequestHead

_REFUSAL: Final = (
    "what was shown in X-Api-Key and as client certificate is neither a valid key nor the certificate of a known "
    "client, or is not of one client"
)


class KeyOrCertificate:
    """The `Authenticator` for callers with a key, a certificate, or both: whatever is shown has to be right."""

    def __init__(self, keys: Authenticator, certificates: Authenticator) -> None:
        self._keys = keys
        self._certificates = certificates
        self.secrets: frozenset[bytes] = keys.secrets | certificates.secrets

    def __repr__(self) -> str:
        return f"<KeyOrCertificate {self._keys!r} {self._certificates!r}>"

    def authenticate(self, head: RequestHead, certificate: bytes | None, at: datetime) -> Caller:
        """Return the one caller that all that was shown proves. Raises as the ways themselves do."""
        try:
            if certificate is None:
                return self._keys.authenticate(head, None, at)
            caller = self._certificates.authenticate(head, certificate, at)
            if FIELD not in head.fields.shape.where:
                return caller
            if self._keys.authenticate(head, None, at).client == caller.client:
                return caller
        except CallerUnknown:
            pass
        raise CallerUnknown(_REFUSAL)
