"""Verify passwords in threads: Argon2id is slow on purpose, and the loop has other callers to serve."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from relay.errors import CallerUndecided

# As OWASP's cheat sheet on storing passwords has it: 19 MiB, twice over, one lane. Our own passwords are long and
# random; the cost is for those that people choose.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16)
_AT_ONCE: Final = 2
_MOST_WAITING: Final = 64


def digest_of(password: str) -> str:
    """Return the stored form of a password. Takes some tens of milliseconds."""
    return _HASHER.hash(password)


class Hashing:
    """At most a few passwords at once, in threads of its own, and a bounded number in the queue before them."""

    def __init__(self, *, at_once: int = _AT_ONCE, most_waiting: int = _MOST_WAITING) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")
        self._most = at_once + most_waiting
        self._busy = 0

    def __repr__(self) -> str:
        return f"<Hashing: {self._busy} of {self._most}>"

    def verify(self, digest: str, password: bytes, told: Callable[[bool | None], object]) -> None:
        """Have `told` hear, in this loop, whether `password` has this digest; None where it cannot be found out.

        Raises CallerUndecided when too many wait.
        """
        if self._busy >= self._most:
            raise CallerUndecided("too many passwords are being verified at this moment")
        self._busy += 1
        loop = asyncio.get_running_loop()

        def over(right: bool | None) -> None:  # noqa: FBT001  # a verdict
            self._busy -= 1
            told(right)

        def handed(verified: Future[bool]) -> None:
            try:
                loop.call_soon_threadsafe(over, None if verified.exception() else verified.result())
            except RuntimeError:
                return  # the loop has been closed since, and nobody waits any more

        self._threads.submit(_verified, digest, password).add_done_callback(handed)


def _verified(digest: str, password: bytes) -> bool:
    try:
        return _HASHER.verify(digest, password)
    except VerifyMismatchError:
        return False
