"""Watch a certificate's files, and make a new passport of them when they change for the better."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from relay.upstream.certificate import CertificateFault, CertificateFile
from relay.upstream.passport import Passport
from relay.x509.watch import FileWatch, Stamp


class Told(Protocol):
    """Whoever wants to hear of a change."""

    def taken(self, passport: Passport) -> None:
        """The files hold another certificate, which can be used."""
        ...

    def refused(self, fault: CertificateFault) -> None:
        """What the files hold now cannot be used."""
        ...


def certificate_watch(
    files: CertificateFile,
    told: Told,
    *,
    seen: Stamp,
    now: Callable[[], datetime],
    fit: Callable[[Passport], object] = lambda passport: None,
    failing: bool = False,
) -> FileWatch[Passport, CertificateFault]:
    """Return a watch of `files`, whose stamp was `seen` before the present certificate was read from them.

    `fit` raises CertificateFault for a certificate that may not be used here, whatever its files are worth. `failing`:
    what was seen could not be used.
    """

    def made() -> Passport:
        passport = files.passport(now())
        fit(passport)
        return passport

    return FileWatch(
        stamp=files.stamp,
        seen=seen,
        make=made,
        fault=CertificateFault,
        taken=told.taken,
        refused=told.refused,
        failing=failing,
    )
