"""Watch a certificate's files, and renew the door's passport when they change for the better."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from relay.upstream.certificate import CertificateFault, CertificateFile, Stamp
from relay.upstream.passport import Passport


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


class CertificateWatch:
    """Looks at the files' stamps every so often: cheap, and right through links and mounted volumes as well."""

    def __init__(
        self, files: CertificateFile, door: Renewed, told: Told, *, seen: Stamp, now: Callable[[], datetime]
    ) -> None:
        """Watch `files`, whose stamp was `seen` before the door's present certificate was read from them."""
        self._files = files
        self._door = door
        self._told = told
        self._now = now
        self._seen = seen

    def __repr__(self) -> str:
        return f"<CertificateWatch {self._files.file}>"

    async def keep_looking(self, every: float) -> None:
        """Look for ever, `every` so many seconds."""
        while True:
            await asyncio.sleep(every)
            await self.look()

    async def look(self) -> None:
        """Take the new certificate if there is one. A bad file changes nothing, and is tried again once it changes."""
        stamp = self._files.stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            # Opening a PKCS#12 file derives keys from a password, which is slow on purpose.
            passport = await asyncio.to_thread(self._files.passport, self._now())
        except CertificateFault as fault:
            self._told.refused(fault)
        else:
            self._door.renew(passport)
            self._told.taken(passport)
