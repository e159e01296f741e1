"""Basic (RFC 7617), for clients that can do nothing better: user and password in UTF-8, verified by Argon2id."""

import secrets
from binascii import Error, a2b_base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relay.auth.authorization import credentials, fields_kept, shows
from relay.auth.caller import NO_PROOF, Awaited, Caller
from relay.auth.hashing import Hashing, digest_of
from relay.errors import CallerUndecided, CallerUnknown
from relay.message.head import RequestHead

_SCHEME: Final = b"basic"
# Octets of base64: user and password of some 380 each. Nobody's processor is kept busy with more.
_LONGEST: Final = 1024


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A fresh password: `text` is for the caller and shown once, `digest` is for the settings."""

    digest: str
    text: str

    def __repr__(self) -> str:
        return "<NewPassword>"


def new_password() -> NewPassword:
    """Return a password that nobody has, of 192 random bits in base64url."""
    text = secrets.token_urlsafe(24)
    return NewPassword(digest=digest_of(text), text=text)


def user_and_password(encoded: bytes) -> tuple[str, bytes] | None:
    """Return what stands behind the scheme; None unless both are there, in UTF-8.

    The user ends at the first colon: passwords may have more of them (RFC 7617 section 2).
    """
    if len(encoded) > _LONGEST:
        return None
    try:
        text = a2b_base64(encoded, strict_mode=True).decode()
    except (Error, UnicodeDecodeError):
        return None
    user, _, password = text.partition(":")
    if not user or not password or any(ord(each) < 0x20 or each == "\x7f" for each in text):
        return None
    return user, password.encode()


class Passwords:
    """The `Authenticator` for Basic, in Authorization or X-Relay-Authorization.

    Most calls cost no Argon2id: what `hashing` found out, it remembers, also over new settings.
    """

    challenges: tuple[bytes, ...] = (b'Basic realm="relay", charset="UTF-8"',)

    def __init__(self, passwords: Mapping[str, tuple[str, Caller]], hashing: Hashing) -> None:
        """Take `passwords`: user -> (digest, the caller it proves)."""
        self._passwords: Final = dict(passwords)
        self._hashing: Final = hashing

    def __repr__(self) -> str:
        return f"<Passwords of {len(self._passwords)}>"

    def secrets(self, head: RequestHead) -> frozenset[bytes]:
        """Return the field of ours."""
        return fields_kept(head)

    def shown(self, head: RequestHead, certificate: bytes | None) -> bool:
        """Whether the field of ours has this scheme."""
        return shows(head, _SCHEME)

    def authenticate(self, head: RequestHead, certificate: bytes | None, at: datetime) -> Caller | Awaited:
        """Return whose user and password these are, or find it out. Raises CallerUnknown, CallerUndecided."""
        encoded = credentials(head, _SCHEME)
        shown = None if encoded is None else user_and_password(encoded)
        if shown is None or not self._passwords:
            raise CallerUnknown(NO_PROOF)
        user, password = shown
        awaited = Awaited()
        if (known := self._passwords.get(user)) is None:
            # Somebody unknown waits as long as somebody known, and costs nothing: a flood of such keeps nobody waiting.
            self._hashing.pretend(lambda _: awaited.settle(CallerUnknown(NO_PROOF)))
            return awaited
        stored, caller = known
        right = self._hashing.known(stored, password)
        if right:
            return caller
        if right is False:
            raise CallerUnknown(NO_PROOF)

        def told(right: bool | None) -> None:  # noqa: FBT001  # a verdict
            if right is None:
                awaited.settle(CallerUndecided("the password could not be verified"))
            else:
                awaited.settle(caller if right else CallerUnknown(NO_PROOF))

        self._hashing.verify(stored, password, told)
        return awaited
