"""HTTP Message Signatures (RFC 9421): the call itself is signed, so that nobody can change it or make it again.

What has to be covered is fixed here, not chosen by the caller: method, host, path and query, the fields that name a
tenant or an actor, and the body by its Content-Digest (RFC 9530). The digest of a body is checked as the body comes, by
whoever has it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

from relay.auth.caller import Awaited, Caller
from relay.auth.nonces import MOST_AHEAD, MOST_BACK, Nonces, Seen
from relay.auth.signature_fields import NotReadable, SignatureInput, read_digests, read_signatures
from relay.auth.signature_keys import SignatureKey
from relay.errors import CallerUndecided, CallerUnknown
from relay.message.digest import BodyDigest
from relay.message.head import RequestHead
from relay.message.signature_base import NoSignatureBase, signature_base

INPUT: Final = b"signature-input"
SIGNATURE: Final = b"signature"
DIGEST: Final = b"content-digest"

_SECRETS: Final = frozenset((INPUT, SIGNATURE))
_REFUSAL: Final = "the call has no signature that is valid here, or one that does not cover what it must"
_UNSURE: Final = "it cannot be made sure now that this signed call was not seen before; sign it anew"
# A parameter that is not understood could limit what the signature is for.
_PARAMETERS: Final = frozenset(("alg", "created", "expires", "keyid", "nonce", "tag"))
_LONGEST_NONCE: Final = 256
# By these fields we decide for whom a call is, and log who is behind it: whoever adds one must not change that.
_HEEDED: Final = ("x-relay-tenant", "x-relay-actor")


class SignatureFault(StrEnum):
    """Why a signature proves nobody. For the operator alone: callers never hear which."""

    FORM = "form"
    KEY = "key"
    COVERED = "covered"
    CREATED = "created"
    EXPIRED = "expired"
    NONCE = "nonce"
    SIGNATURE = "signature"
    REPEATED = "repeated"


class _Wrong(Exception):
    """The signature proves nobody."""

    def __init__(self, fault: SignatureFault) -> None:
        super().__init__(fault)
        self.fault = fault


class Signatures:
    """The `Authenticator` for signed calls."""

    challenges: tuple[bytes, ...] = (b'Signature realm="relay"',)

    def __init__(
        self,
        keys: Mapping[str, tuple[SignatureKey, Caller]],
        nonces: Nonces,
        refused: Callable[[str, SignatureFault], None],
    ) -> None:
        """Take `keys`: keyid -> (the key, the caller it proves); `refused` hears of which client's was wrong, and why.

        The client is the one that `keyid` names, if any: whether it was the one that called, nobody knows.
        """
        self._keys = dict(keys)
        self._nonces = nonces
        self._refused = refused

    def __repr__(self) -> str:
        return f"<Signatures by {len(self._keys)} keys>"

    def secrets(self, head: RequestHead) -> frozenset[bytes]:
        """Return the two fields of a signature. What the body must hash to travels on."""
        return _SECRETS

    def shown(self, head: RequestHead, certificate: bytes | None) -> bool:
        """Whether there is anything in either field."""
        where = head.fields.shape.where
        return SIGNATURE in where or INPUT in where

    def authenticate(self, head: RequestHead, certificate: bytes | None, at: datetime) -> Caller | Awaited:
        """Return who signed this call, once it is sure that nobody showed it before. Raises CallerUnknown."""
        client = ""
        try:
            shown = self._ours(head)
            key, caller = self._keys[str(shown.params["keyid"])]
            client = caller.client
            digest, created, nonce = _judged(head, shown, key, at)
        except _Wrong as wrong:
            raise self._unknown(client, wrong.fault) from None
        except NotReadable:
            raise self._unknown(client, SignatureFault.FORM) from None
        # Only now: a nonce is used up by its owner alone.
        return self._once(nonce, created, caller if digest is None else replace(caller, digest=digest))

    # -- inside ----------------------------------------------------------------------------------------------

    def _ours(self, head: RequestHead) -> SignatureInput:
        """Return the one signature by a key of ours: of several, each reader could take another."""
        inputs, signatures = head.fields.values(INPUT), head.fields.values(SIGNATURE)
        if len(inputs) != 1 or len(signatures) != 1:
            raise NotReadable
        ours = [each for each in read_signatures(inputs[0], signatures[0]) if _text(each, "keyid") in self._keys]
        if not ours:
            raise _Wrong(SignatureFault.KEY)
        if len(ours) > 1:
            raise NotReadable
        return ours[0]

    def _unknown(self, client: str, fault: SignatureFault) -> CallerUnknown:
        self._refused(client, fault)
        return CallerUnknown(_REFUSAL)

    def _once(self, nonce: bytes, created: int, caller: Caller) -> Caller | Awaited:
        awaited = Awaited()

        def told(seen: Seen) -> None:
            match seen:
                case Seen.FIRST:
                    awaited.settle(caller)
                case Seen.BEFORE:
                    awaited.settle(self._unknown(caller.client, SignatureFault.REPEATED))
                case Seen.UNSURE:
                    awaited.settle(CallerUndecided(_UNSURE))

        self._nonces.use(nonce, created, told)
        return awaited


def _judged(
    head: RequestHead, shown: SignatureInput, key: SignatureKey, at: datetime
) -> tuple[BodyDigest | None, int, bytes]:
    """Return what the body has to hash to, when it was signed, and a digest of key and nonce.

    Raises _Wrong and NotReadable where the signature proves nothing now.
    """
    digest = _digest(head, shown)
    created, nonce = _of_now(shown, key, at)
    try:
        base = signature_base(head, shown.covered, shown.text)
    except NoSignatureBase:
        raise _Wrong(SignatureFault.COVERED) from None
    if not key.proves(shown.signature, base):
        raise _Wrong(SignatureFault.SIGNATURE)
    return digest, created, nonce


def _of_now(shown: SignatureInput, key: SignatureKey, at: datetime) -> tuple[int, bytes]:
    """Return when it was made, and a digest of key and nonce. Raises where it does not count now."""
    if not shown.params.keys() <= _PARAMETERS or shown.params.get("alg", key.algorithm) != key.algorithm:
        raise NotReadable
    now, created = at.timestamp(), _seconds(shown, "created")
    if not now - MOST_BACK <= created <= now + MOST_AHEAD:
        raise _Wrong(SignatureFault.CREATED)
    if "expires" in shown.params and _seconds(shown, "expires") <= now:
        raise _Wrong(SignatureFault.EXPIRED)
    nonce = _text(shown, "nonce")
    if nonce is None or not 0 < len(nonce) <= _LONGEST_NONCE:
        raise _Wrong(SignatureFault.NONCE)
    # The length keeps apart what would otherwise read the same.
    keyid = str(shown.params["keyid"])
    return created, sha256(f"{len(keyid)} {keyid} {nonce}".encode()).digest()


def _digest(head: RequestHead, shown: SignatureInput) -> BodyDigest | None:
    """Return what the body has to hash to, if it is signed. Raises _Wrong where too little is covered."""
    covered = set(shown.covered)
    if not covered >= {"@method", "@authority"} or not ("@target-uri" in covered or covered >= {"@path", "@query"}):
        raise _Wrong(SignatureFault.COVERED)
    if any(name.encode() in head.fields.shape.where and name not in covered for name in _HEEDED):
        raise _Wrong(SignatureFault.COVERED)
    if "content-digest" in covered:
        return read_digests(head.fields.values(DIGEST))
    if _has_body(head):
        raise _Wrong(SignatureFault.COVERED)
    return None


def _has_body(head: RequestHead) -> bool:
    """Whether there may be a body: read with suspicion, for what it is told by who else judges the head."""
    if b"transfer-encoding" in head.fields.shape.where:
        return True
    return any(value.strip(b"0") for value in head.fields.values(b"content-length"))


def _text(shown: SignatureInput, name: str) -> str | None:
    value = shown.params.get(name)
    return value if isinstance(value, str) else None


def _seconds(shown: SignatureInput, name: str) -> int:
    value = shown.params.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise NotReadable
    return value
