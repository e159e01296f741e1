"""API keys: an identifier to look up by, and 256 bits of secret of which only the digest is stored.

A key is long and random, so a plain SHA-256 is enough: slow hashes protect guessable passwords.
"""

import hashlib
import secrets
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Final

from relay.auth.caller import Caller
from relay.errors import CallerUnknown
from relay.message.head import RequestHead

FIELD = b"x-api-key"

# Where the identifier stands in a key.
_START: Final = 3
_END: Final = 19
_SECRETS: Final = frozenset((FIELD,))
_REFUSAL = "X-Api-Key is missing, or holds no key that is valid here"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A fresh key: `text` is for the caller and shown once, `id` and `digest` are for the settings."""

    id: str
    digest: str
    text: str

    def __repr__(self) -> str:
        return f"<NewKey {self.id}>"


def new_key() -> NewKey:
    """Return a key that nobody has: `rk_`, 16 characters of identifier, `_`, 256 random bits in base64url."""
    identifier = b32encode(secrets.token_bytes(10)).decode().lower()
    text = f"rk_{identifier}_{secrets.token_urlsafe(32)}"
    return NewKey(id=identifier, digest=digest_of(text.encode()), text=text)


def digest_of(key: bytes) -> str:
    """Return the stored form of a key's text."""
    return f"sha256:{hashlib.sha256(key).hexdigest()}"


class ApiKeys:
    """The `Authenticator` for keys in X-Api-Key."""

    challenges: tuple[bytes, ...] = (b'ApiKey realm="relay"',)

    def __init__(self, keys: Mapping[str, tuple[str, Caller]]) -> None:
        """Take `keys`: identifier -> (digest, the caller it proves)."""
        self._keys = {name.encode(): (_octets(digest), caller) for name, (digest, caller) in keys.items()}

    def __repr__(self) -> str:
        return f"<ApiKeys {len(self._keys)}>"

    def secrets(self, head: RequestHead) -> frozenset[bytes]:
        """Return the field of keys."""
        return _SECRETS

    def shown(self, head: RequestHead, certificate: bytes | None) -> bool:
        """Whether there is anything in X-Api-Key."""
        return FIELD in head.fields.shape.where

    def authenticate(self, head: RequestHead, certificate: bytes | None, at: datetime) -> Caller:
        """Return the caller whose key stands in X-Api-Key, given once. Raises CallerUnknown."""
        places = head.fields.shape.where.get(FIELD)
        if places is not None and len(places) == 1:
            key = head.fields.at(places[0])
            # The identifier only finds the entry; it is the digest of the whole that proves.
            entry = self._keys.get(key[_START:_END])
            if entry is not None and compare_digest(hashlib.sha256(key).digest(), entry[0]):
                return entry[1]
        raise CallerUnknown(_REFUSAL)


def _octets(digest: str) -> bytes:
    return bytes.fromhex(digest.removeprefix("sha256:"))
