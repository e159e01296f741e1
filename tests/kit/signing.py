"""Callers that sign, written from RFC 9421 and 9530 alone: nothing of the relay's is in what they do."""

import hashlib
import hmac
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

COVERED = ("@method", "@authority", "@target-uri")
WITH_BODY = (*COVERED, "content-digest")


def now() -> int:
    """When a call is signed: never before the relay of the same test started."""
    return int(time.time()) + 1


def digest(body: bytes, name: str = "sha-256") -> str:
    octets = hashlib.new(name.replace("-", ""), body).digest()
    return f"{name}=:{b64encode(octets).decode()}:"


@dataclass
class Signed:
    """A call that is signed, as a test may spoil it afterwards."""

    method: str = "POST"
    target: str = "/"
    host: str = "localhost"
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None
    chunked: bool = False

    def replace(self, name: str, value: str) -> "Signed":
        self.fields = [(each, value if each == name else kept) for each, kept in self.fields]
        return self

    def head(self) -> bytes:
        lines = [f"{self.method} {self.target} HTTP/1.1", f"Host: {self.host}"]
        lines += [f"{name}: {value}" for name, value in self.fields]
        if self.chunked:
            lines.append("Transfer-Encoding: chunked")
        elif self.body is not None:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def framed(self) -> bytes:
        body = self.body or b""
        return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if self.chunked else body

    def octets(self) -> bytes:
        return self.head() + self.framed()


@dataclass(frozen=True)
class Signer:
    """One key: its keyid, and how it signs."""

    keyid: str
    sign: Callable[[bytes], bytes]

    def call(
        self,
        target: str,
        *,
        method: str = "POST",
        host: str = "localhost",
        body: bytes | None = None,
        chunked: bool = False,
        covered: Sequence[str] | None = None,
        digests: str | None = None,
        extra: Sequence[tuple[str, str]] = (),
        label: str = "sig",
        **params: int | str | None,
    ) -> Signed:
        """Return a call; `params` replace those of the signature, and None leaves one out."""
        fields = [*extra]
        if body is not None:
            fields.append(("Content-Digest", digest(body) if digests is None else digests))
        if covered is None:
            covered = COVERED if body is None else WITH_BODY
        signed = Signed(method, target, host, fields, body, chunked)
        given = {"created": now(), "keyid": self.keyid, "nonce": secrets.token_urlsafe(16), **params}
        text = _params(covered, given)
        base = "\n".join([*(f'"{name}": {_value(signed, name)}' for name in covered), f'"@signature-params": {text}'])
        signature = b64encode(self.sign(base.encode())).decode()
        fields += [("Signature-Input", f"{label}={text}"), ("Signature", f"{label}=:{signature}:")]
        return signed


def _params(covered: Sequence[str], params: Mapping[str, int | str | None]) -> str:
    names = " ".join(f'"{name}"' for name in covered)
    given = [(name, value) for name, value in params.items() if value is not None]
    return f"({names})" + "".join(
        f';{name}="{value}"' if isinstance(value, str) else f";{name}={value}" for name, value in given
    )


def _value(call: Signed, name: str) -> str:
    path, _, query = call.target.partition("?")
    derived = {
        "@method": call.method,
        "@authority": call.host,
        "@target-uri": f"https://{call.host}{call.target}",
        "@path": path,
        "@query": f"?{query}",
    }
    return derived[name] if name in derived else ", ".join(value for each, value in call.fields if each.lower() == name)


def shared(keyid: str, secret: bytes) -> Signer:
    return Signer(keyid, lambda base: hmac.digest(secret, base, "sha256"))


def edwards(keyid: str, key: ed25519.Ed25519PrivateKey) -> Signer:
    return Signer(keyid, key.sign)


def p256(keyid: str, key: ec.EllipticCurvePrivateKey) -> Signer:
    def sign(base: bytes) -> bytes:
        return b"".join(each.to_bytes(32) for each in decode_dss_signature(key.sign(base, ec.ECDSA(SHA256()))))

    return Signer(keyid, sign)


def public_pem(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
