"""Watch a certificate's files, and renew the door's passport when they change for the better."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from relay.upstream.certificate import CertificateFault, CertificateFile
from relay.upstream.passport import Passport
from relay.x509.watch import FileWatch, Stamp


class Told(Protocol):
    """Whoever wants to hear of a change."""

    def taken(self, passport: Passport) -> None:
        """A new certificate is in force."""
        ...

    def refused(self, fault: CertificateFault) -> None:
        """The new file cannot be used; the old certificate stays in force."""
        ...


class Renewed(Protocol):
    """Whoever uses the certificate."""

    def renew(self, passport: Passport) -> None:
        """Use it for every call from now on."""
        ...


def certificate_watch(
    files: CertificateFile, door: Renewed, told: Told, *, seen: Stamp, now: Callable[[], datetime]
) -> FileWatch[Passport, CertificateFault]:
    """Return a watch of `files`, whose stamp was `seen` before the door's present certificate was read from them."""

    def taken(passport: Passport) -> None:
        door.renew(passport)
        told.taken(passport)

    return FileWatch(
        stamp=files.stamp,
        seen=seen,
        make=lambda: files.passport(now()),
        fault=CertificateFault,
        taken=taken,
        refused=told.refused,
    )
