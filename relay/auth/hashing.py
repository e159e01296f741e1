"""Verify passwords in threads: Argon2id is slow on purpose, and the loop has other callers to serve."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import blake2b
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from relay.errors import CallerUndecided

# As OWASP's cheat sheet on storing passwords has it: 19 MiB, twice over, one lane. Our own passwords are long and
# random; the cost is for those that people choose.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16)
_AT_ONCE: Final = 2
# For each stored digest.
_MOST_WAITING: Final = 16
# Of what was found: right ones, of which each client has one or two, and wrong ones, of which there is no end.
_MOST_RIGHT: Final = 1024
_MOST_WRONG: Final = 256
# Seconds that one takes, as long as none has been verified.
_TAKES: Final = 0.05

Told = Callable[[bool | None], object]


def digest_of(password: str) -> str:
    """Return the stored form of a password. Takes some tens of milliseconds."""
    return _HASHER.hash(password)


class Hashing:
    """Verifies at most a few passwords at once, in threads of its own, and remembers what came of it.

    What is remembered stands under a digest keyed by a secret of this process: whoever reads the memory finds no
    password. A right one stays until others have taken its place, so that no flood of wrong ones ever reaches a client
    who called before. Those who wait take turns by whose password it is to be: a flood for one user is nobody else's.
    """

    def __init__(self, *, at_once: int = _AT_ONCE, most_waiting: int = _MOST_WAITING) -> None:
        """Let no more than `most_waiting` wait for each stored digest."""
        self._threads: Final = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")
        self._at_once: Final = at_once
        self._most: Final = most_waiting
        self._key: Final = secrets.token_bytes(32)
        self._right: Final = dict[bytes, None]()
        self._wrong: Final = dict[bytes, None]()
        self._asked: Final = dict[bytes, list[Told]]()
        self._waiting: Final = dict[str, deque[tuple[bytes, bytes]]]()
        self._busy = 0
        self._took = _TAKES

    def __repr__(self) -> str:
        return f"<Hashing: {self._busy} of {self._at_once}>"

    def known(self, stored: str, password: bytes) -> bool | None:
        """Return whether `password` was found to have this stored digest, and None when nobody found out lately."""
        kept = self._kept(stored, password)
        if kept in self._right:
            _remember(self._right, kept, _MOST_RIGHT)
            return True
        return False if kept in self._wrong else None

    def verify(self, stored: str, password: bytes, told: Told) -> None:
        """Have `told` hear, in this loop, whether `password` has this digest; None where it cannot be found out.

        Raises CallerUndecided when too many wait for the same digest.
        """
        kept = self._kept(stored, password)
        if (others := self._asked.get(kept)) is not None:
            others.append(told)
            return
        queue = self._waiting.get(stored)
        if queue is not None and len(queue) >= self._most:
            raise CallerUndecided("too many passwords are being verified at this moment")
        self._asked[kept] = [told]
        if queue is None:
            queue = self._waiting[stored] = deque()
        queue.append((kept, password))
        self._take_turns()

    def pretend(self, told: Told) -> None:
        """Have `told` hear that a password was wrong, in the time that it takes to find that out, without the work."""
        asyncio.get_running_loop().call_later(self._took, told, False)  # noqa: FBT003  # a verdict

    # -- inside ----------------------------------------------------------------------------------------------

    def _take_turns(self) -> None:
        loop = asyncio.get_running_loop()
        while self._busy < self._at_once and self._waiting:
            stored = next(iter(self._waiting))
            queue = self._waiting.pop(stored)
            kept, password = queue.popleft()
            if queue:
                self._waiting[stored] = queue  # behind all others
            self._busy += 1
            began = loop.time()

            def handed(verified: Future[bool], kept: bytes = kept, began: float = began) -> None:
                right = None if verified.exception() else verified.result()
                try:
                    loop.call_soon_threadsafe(self._found, kept, right, began)
                except RuntimeError:
                    return  # the loop has been closed since, and nobody waits any more

            self._threads.submit(_verified, stored, password).add_done_callback(handed)

    def _found(self, kept: bytes, right: bool | None, began: float) -> None:  # noqa: FBT001  # a verdict
        self._busy -= 1
        self._took = asyncio.get_running_loop().time() - began
        if right:
            _remember(self._right, kept, _MOST_RIGHT)
        elif right is False:
            _remember(self._wrong, kept, _MOST_WRONG)
        for told in self._asked.pop(kept):
            told(right)
        self._take_turns()

    def _kept(self, stored: str, password: bytes) -> bytes:
        # With the stored digest in it: of a password that was changed, nothing is known.
        whose = stored.encode()
        return blake2b(b"%d:%b%b" % (len(whose), whose, password), key=self._key, digest_size=32).digest()


def _remember(kept: dict[bytes, None], digest: bytes, most: int) -> None:
    """Remember it as the one that was used last."""
    kept.pop(digest, None)
    if len(kept) >= most:
        del kept[next(iter(kept))]
    kept[digest] = None


def _verified(digest: str, password: bytes) -> bool:
    try:
        return _HASHER.verify(digest, password)
    except VerifyMismatchError:
        return False
