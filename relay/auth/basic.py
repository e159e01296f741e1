"""Basic (RFC 7617), for clients that can do nothing better: user and password in UTF-8, verified by Argon2id."""

import secrets
from binascii import Error, a2b_base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

from relay.auth.authorization import credentials, fields_kept, shows
from relay.auth.caller import NO_PROOF, Awaited, Caller, Outcome
from relay.auth.hashing import Hashing, digest_of
from relay.errors import CallerUndecided, CallerUnknown
from relay.message.head import RequestHead

_SCHEME: Final = b"basic"
# Octets of base64: user and password of some 380 each. Nobody's processor is kept busy with more.
_LONGEST: Final = 1024
# Of outcomes that are remembered: of clients, and of others, who can come with ever new passwords.
_MOST_PROVEN: Final = 1024
_MOST_REFUSED: Final = 256
_REMEMBERED: Final = timedelta(minutes=5)


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

    What was found is remembered under a digest keyed by a secret of this process, for a time after its last use: most
    calls cost no Argon2id, and whoever reads the memory finds no password. A new one of these remembers nothing.
    """

    challenges: tuple[bytes, ...] = (b'Basic realm="relay", charset="UTF-8"',)

    def __init__(self, passwords: Mapping[str, tuple[str, Caller]], hashing: Hashing) -> None:
        """Take `passwords`: user -> (digest, the caller it proves)."""
        self._passwords: Final = dict(passwords)
        self._digests: Final = tuple(digest for digest, _ in passwords.values())
        self._hashing: Final = hashing
        self._key: Final = secrets.token_bytes(32)
        self._proven: Final = dict[bytes, tuple[Caller, datetime]]()
        self._refused: Final = dict[bytes, datetime]()
        self._asked: Final = dict[bytes, list[Awaited]]()

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
        # Of the length of the user, so that no colon moved between the two makes the same octets.
        name = user.encode()
        digest = blake2b(b"%d:%b%b" % (len(name), name, password), key=self._key, digest_size=32).digest()
        if (proven := self._proven.get(digest)) is not None and at < proven[1]:
            self._remember(digest, proven[0], at)
            return proven[0]
        if (until := self._refused.get(digest)) is not None and at < until:
            raise CallerUnknown(NO_PROOF)
        return self._find_out(user, password, digest, at)

    # -- inside ----------------------------------------------------------------------------------------------

    def _find_out(self, user: str, password: bytes, digest: bytes, at: datetime) -> Awaited:
        """Have the password verified, once for all who show it meanwhile. Raises CallerUndecided."""
        awaited = Awaited()
        if (others := self._asked.get(digest)) is not None:
            others.append(awaited)
            return awaited
        stored, caller = self._passwords.get(user, (None, None))
        # Somebody unknown costs as much time as somebody known: the same work, on the digest of one of these.
        stored = stored or self._digests[digest[0] % len(self._digests)]
        self._hashing.verify(stored, password, self._verdict(digest, caller, at))
        self._asked[digest] = [awaited]
        return awaited

    def _verdict(self, digest: bytes, caller: Caller | None, at: datetime) -> Callable[[bool | None], None]:
        def told(right: bool | None) -> None:  # noqa: FBT001  # a verdict
            outcome: Outcome = CallerUnknown(NO_PROOF)
            if right is None:
                outcome = CallerUndecided("the password could not be verified")
            elif right and caller is not None:
                outcome = caller
                self._remember(digest, caller, at)
            else:
                _make_room(self._refused, _MOST_REFUSED)
                self._refused[digest] = at + _REMEMBERED
            for awaited in self._asked.pop(digest):
                awaited.settle(outcome)

        return told

    def _remember(self, digest: bytes, caller: Caller, at: datetime) -> None:
        """Remember it as the one that was used last."""
        self._proven.pop(digest, None)
        _make_room(self._proven, _MOST_PROVEN)
        self._proven[digest] = (caller, at + _REMEMBERED)


def _make_room(kept: dict[bytes, tuple[Caller, datetime]] | dict[bytes, datetime], most: int) -> None:
    if len(kept) >= most:
        del kept[next(iter(kept))]
