"""Why a place to listen on cannot be had, with the remedy."""

import errno
import os

import pytest

from relay.settings.places import listening_fault


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EADDRINUSE, "choose another port"),
        (errno.EADDRNOTAVAIL, "`ip -4 address`"),
        (errno.EACCES, "above 1023"),
        (errno.EMFILE, "Too many open files"),
    ],
)
def test_each_cause_has_its_remedy(number: int, remedy: str) -> None:
    assert remedy in listening_fault("127.0.0.1", 443, OSError(number, os.strerror(number)))
