"""The directory of the bench: what it issues looks as Entra ID's tokens for applications do, and is as long."""

import time
from typing import Final
from uuid import UUID

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

TENANT: Final = "11111111-2222-3333-4444-555555555555"
APPLICATION: Final = "aaaaaaaa-0000-4000-8000-000000000001"
AUDIENCE: Final = "bbbbbbbb-0000-4000-8000-000000000002"
ROLE: Final = "Relay.Call"

_KID: Final = "b7Y5wP0tQxmKc2aVdF8sLr1uEhI"
_HOUR: Final = 3600


class Directory:
    """A directory with one key, for RS256."""

    def __init__(self) -> None:
        self._key: Final[RSAPrivateKey] = generate_private_key(65537, 2048)

    def __repr__(self) -> str:
        return f"<Directory {TENANT}>"

    def keys(self) -> bytes:
        """Return its set of keys (RFC 7517)."""
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return orjson.dumps({"keys": [public | {"kid": _KID, "use": "sig"}]})

    def token(self, number: int = 0) -> str:
        """Return a token of the application that calls, for an hour; each number makes another."""
        now = int(time.time())
        issuer = f"https://login.microsoftonline.com/{TENANT}/v2.0"
        claims = {
            "aud": AUDIENCE, "iss": issuer, "iat": now, "nbf": now, "exp": now + _HOUR, "aio": "k2RgYFjDzPT5" * 6,
            "azp": APPLICATION, "azpacr": "1", "oid": str(UUID(int=1)), "rh": "0.AXoAKr9m2d" * 6, "roles": [ROLE],
            "sub": str(UUID(int=1)), "tid": TENANT, "uti": str(UUID(int=number)), "ver": "2.0",
        }  # fmt: skip
        return jwt.encode(claims, self._key, "RS256", {"kid": _KID})
