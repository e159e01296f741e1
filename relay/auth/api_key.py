"""API keys: an identifier to look up by, and 256 bits of secret of which only the digest is stored.

A key comes in a field; from a client that can set none, as a webhook, in the parameter `code` of the query.

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
from relay.message.query_key import key_in_query

FIELD = b"x-api-key"

# Where the identifier stands in a key.
_START: Final = 3
_END: Final = 19


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


class KnownKey:
    """A key as it is stored: `digest` of its text, whom it proves, until when, and whether also in the query."""

    __slots__ = ("caller", "digest", "expires", "in_query")

    def __init__(self, digest: str, caller: Caller, *, expires: datetime | None = None, in_query: bool = False) -> None:
        self.digest: Final = bytes.fromhex(digest.removeprefix("sha256:"))
        self.caller: Final = caller
        self.expires: Final = expires
        self.in_query: Final = in_query

    def __repr__(self) -> str:
        return f"<KnownKey of {self.caller.client}>"


class ApiKeys:
    """The `Authenticator` for keys in a field, and for some clients in the query."""

    challenges: tuple[bytes, ...] = (b'ApiKey realm="relay"',)

    def __init__(self, keys: Mapping[str, KnownKey], *, field: str = "X-Api-Key") -> None:
        """Take `keys` by their identifiers, and the name of the field that they come in."""
        self._keys: Final = {name.encode(): key for name, key in keys.items()}
        self._field: Final = field.lower().encode()
        # Whoever has the usual field in its fingers shows a key in it all the same.
        self._secrets: Final = frozenset((self._field, FIELD))
        self._refusal: Final = f"{field} is missing, or holds no key that is valid here"

    def __repr__(self) -> str:
        return f"<ApiKeys {len(self._keys)}>"

    def secrets(self, head: RequestHead) -> frozenset[bytes]:
        """Return the field of keys, and the usual one."""
        return self._secrets

    def shown(self, head: RequestHead, certificate: bytes | None) -> bool:
        """Whether there is anything in the field, or what looks like a key in the query."""
        return self._field in head.fields.shape.where or key_in_query(head.target) is not None

    def authenticate(self, head: RequestHead, certificate: bytes | None, at: datetime) -> Caller:
        """Return the caller whose key is shown, once, in the field or in the query. Raises CallerUnknown."""
        places = head.fields.shape.where.get(self._field)
        queried = key_in_query(head.target)
        if places is None:
            key = queried or b""
        else:
            key = head.fields.at(places[0]) if len(places) == 1 and queried is None else b""
        # The identifier only finds the entry; it is the digest of the whole that proves.
        entry = self._keys.get(key[_START:_END])
        if (
            entry is not None
            and compare_digest(hashlib.sha256(key).digest(), entry.digest)
            and (entry.expires is None or at < entry.expires)
            and (entry.in_query or queried is None)
        ):
            return entry.caller
        raise CallerUnknown(self._refusal)
