"""Keys by which signatures are checked: each of one algorithm, so that no caller chooses how it is read."""

import hmac
from base64 import b64decode
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

HMAC: Final = "hmac-sha256"
ED25519: Final = "ed25519"
P256: Final = "ecdsa-p256-sha256"

# Octets of a shared secret (RFC 2104, section 3: not below the length of the hash), and of each half of a signature.
_LEAST: Final = 32
_HALF: Final = 32


class KeyUnusable(Exception):
    """These octets hold no key of this algorithm. The detail says why, and nothing of what they hold."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class SignatureKey(Protocol):
    """One key. `algorithm` is its name in the registry of RFC 9421."""

    @property
    def algorithm(self) -> str:
        """Its algorithm, and no other."""
        ...

    def proves(self, signature: bytes, base: bytes) -> bool:
        """Whether the holder of this key, or of its private half, signed `base`."""
        ...


class SharedSecret:
    """HMAC with SHA-256."""

    algorithm: str = HMAC

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return f"<SharedSecret {self.algorithm}>"

    @classmethod
    def read(cls, text: bytes) -> "SharedSecret":
        """Return the secret that stands in a file, in base64. Raises KeyUnusable."""
        try:
            secret = b64decode(text.strip(), validate=True)
        except ValueError:
            raise KeyUnusable("holds no base64; `openssl rand -base64 32` makes a secret") from None
        if len(secret) < _LEAST:
            raise KeyUnusable(f"holds under {_LEAST} octets in base64; `openssl rand -base64 32` makes a secret")
        return cls(secret)

    def proves(self, signature: bytes, base: bytes) -> bool:
        """Whether somebody who has the secret signed."""
        return hmac.compare_digest(hmac.digest(self._secret, base, "sha256"), signature)


class Ed25519Key:
    """EdDSA over Curve25519."""

    algorithm: str = ED25519

    def __init__(self, key: ed25519.Ed25519PublicKey) -> None:
        self._key = key

    def __repr__(self) -> str:
        return f"<Ed25519Key {self.algorithm}>"

    def proves(self, signature: bytes, base: bytes) -> bool:
        """Whether the holder of the private half signed."""
        try:
            self._key.verify(signature, base)
        except InvalidSignature:
            return False
        return True


class P256Key:
    """ECDSA over P-256 with SHA-256; signatures are two numbers of 32 octets, one behind the other."""

    algorithm: str = P256

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        self._key = key

    def __repr__(self) -> str:
        return f"<P256Key {self.algorithm}>"

    def proves(self, signature: bytes, base: bytes) -> bool:
        """Whether the holder of the private half signed."""
        if len(signature) != 2 * _HALF:
            return False
        halves = (int.from_bytes(signature[:_HALF]), int.from_bytes(signature[_HALF:]))
        try:
            self._key.verify(encode_dss_signature(*halves), base, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


def read_public_key(pem: bytes, algorithm: str) -> SignatureKey:
    """Return the public key in `pem`, which has to be of this algorithm. Raises KeyUnusable."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyUnusable("is no public key in PEM (-----BEGIN PUBLIC KEY-----)") from None
    if algorithm == ED25519 and isinstance(key, ed25519.Ed25519PublicKey):
        return Ed25519Key(key)
    if algorithm == P256 and isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return P256Key(key)
    raise KeyUnusable(f"is a key of another kind than {algorithm}")
