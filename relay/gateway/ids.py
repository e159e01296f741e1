"""Ids of requests: 128 random bits each, asked of the kernel for many at a time."""

import os
from typing import Final

_LENGTH: Final = 32
_AT_ONCE: Final = 128


class Ids:
    """Gives ids that nobody can guess, in hexadecimal."""

    def __init__(self) -> None:
        self._stock = ""
        self._at = 0

    def next(self) -> str:
        """Return an id that was not given before."""
        at = self._at
        if at >= len(self._stock):
            self._stock = os.urandom(_AT_ONCE * _LENGTH // 2).hex()
            at = 0
        self._at = at + _LENGTH
        return self._stock[at : at + _LENGTH]
