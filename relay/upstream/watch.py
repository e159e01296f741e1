"""Watch a certificate where it is kept, and make a new passport of it when it changes for the better."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from relay.upstream.certificate import CertificateFault, KeptCertificate
from relay.upstream.passport import Passport
from relay.x509.watch import FileWatch, Stamp


class Told(Protocol):
    """Whoever wants to hear of a change."""

    def taken(self, passport: Passport) -> None:
        """Another certificate is kept, which can be used; or the same, after what could not be."""
        ...

    def refused(self, fault: CertificateFault) -> None:
        """What is kept now cannot be used, or not be had."""
        ...


def certificate_watch(
    kept: KeptCertificate,
    told: Told,
    *,
    seen: Stamp,
    made: Passport | None = None,
    now: Callable[[], datetime],
    fit: Callable[[Passport], object] = lambda passport: None,
    failing: bool = False,
) -> FileWatch[Passport, CertificateFault]:
    """Return a watch of what is `kept`, whose stamp was `seen` before it was read and `made` into a passport.

    `fit` raises CertificateFault for a certificate that may not be used here, whatever it is worth by itself.
    `failing`: what was seen could not be used.
    """

    def make() -> Passport:
        passport = kept.passport(now())
        fit(passport)
        return passport

    return FileWatch(
        stamp=kept.stamp,
        seen=seen,
        make=make,
        made=made,
        same=lambda new, old: new.papers == old.papers,
        fault=CertificateFault,
        taken=told.taken,
        refused=told.refused,
        failing=failing,
    )
