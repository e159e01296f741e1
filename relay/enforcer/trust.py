"""Whom the gate trusts: its authorities and what these have revoked, from files that are followed while it runs.

Files that cannot be used change nothing, and a list that should have been replaced still counts: what is revoked stays
so, and to refuse everybody for want of a newer list would be a fault of another kind. Either is told.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.x509 import Certificate
from prometheus_client import CollectorRegistry, Gauge
from structlog.typing import FilteringBoundLogger

from relay.x509.context import TlsFileFault, load_trust
from relay.x509.identity import Identity
from relay.x509.revocation import Revocations, RevocationsFault, read_revocations
from relay.x509.verify import Unfit, verify_client
from relay.x509.watch import FileWatch, Stamp, stamp_of


class TrustFault(Exception):
    """One of the files cannot be used: `key` is the setting that names it, `detail` what is wrong and the remedy."""

    def __init__(self, key: str, detail: str) -> None:
        super().__init__(detail)
        self.key = key
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The authorities whose certificates count, none of them revoked; and what they have revoked."""

    authorities: Sequence[Certificate]
    revocations: Revocations = Revocations.none()  # noqa: RUF009  # frozen, and the same for all

    def identify(self, certificate: bytes | None, *, at: datetime) -> Identity | Unfit:
        """Return whose certificate this is, DER as TLS received it, or why it proves nobody."""
        return verify_client(certificate, authorities=self.authorities, at=at, revoked=self.revocations.revoked)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustFiles:
    """The PEM file of authorities, and that of their revocation lists, if there is one."""

    authorities: Path
    revocations: Path | None

    def stamp(self) -> Stamp:
        """Return a value that differs whenever one of the files may have changed."""
        return stamp_of(*(path for path in (self.authorities, self.revocations) if path is not None))

    def read(self) -> Trust:
        """Return what the files hold now. Raises TrustFault."""
        try:
            authorities = load_trust(self.authorities)
        except TlsFileFault as fault:
            raise TrustFault("authorities", fault.detail) from fault
        if self.revocations is None:
            return Trust(authorities=authorities)
        lists = _lists(self.revocations, authorities)
        return Trust(authorities=[each for each in authorities if not lists.hold(each)], revocations=lists)


class TrustInForce:
    """The trust that counts now, followed from its files; what is doubtful is a line in the log and a gauge."""

    def __init__(
        self,
        files: TrustFiles,
        trust: Trust,
        *,
        clock: Callable[[], datetime],
        log: FilteringBoundLogger,
        registry: CollectorRegistry,
    ) -> None:
        self.trust: Trust = trust
        self._clock: Final = clock
        self._log: Final = log
        self._unusable = ""
        self._overdue: list[str] = []
        self._doubtful: Final = Gauge(
            "gate_trust_doubtful",
            "1 while authorities or revocation lists cannot be read, or a list is overdue: the last good ones count.",
            registry=registry,
        )
        # Looked at once more than needed: what changed while the gate was being built counts as well.
        self._watch: Final = FileWatch(
            stamp=files.stamp, seen=(), make=files.read, fault=TrustFault, taken=self._take, refused=self._refuse
        )
        self._tell_overdue()

    def __repr__(self) -> str:
        return f"<TrustInForce: {len(self.trust.authorities)} authorities, {self.trust.revocations!r}>"

    async def keep_looking(self, every: float) -> None:
        """Follow the files for ever, `every` so many seconds."""
        while True:
            await asyncio.sleep(every)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001  # whatever it is, the next list must still be noticed
                self._log.error("trust_watch_failed", exc_info=error)

    async def look(self) -> None:
        """Take what is new, and see whether what counts is still as new as it should be."""
        await self._watch.look()
        self._tell_overdue()

    def _take(self, trust: Trust) -> None:
        changed = trust.revocations != self.trust.revocations or bool(self._unusable)
        self.trust, self._unusable = trust, ""
        if changed:
            self._log.info("revocations_read", revoked=len(trust.revocations.revoked))

    def _refuse(self, fault: TrustFault) -> None:
        self._unusable = fault.detail
        self._log.error("trust_unusable", key=fault.key, detail=fault.detail, counting="what was read before")

    def _tell_overdue(self) -> None:
        overdue = self.trust.revocations.doubts(self._clock())
        for doubt in overdue:
            if doubt not in self._overdue:
                self._log.warning("revocations_overdue", detail=doubt)
        self._overdue = overdue
        self._doubtful.set(1 if overdue or self._unusable else 0)


def _lists(path: Path, authorities: Sequence[Certificate]) -> Revocations:
    try:
        return read_revocations(path.read_bytes(), authorities=authorities)
    except OSError as error:
        raise TrustFault("revocations", f"{path} cannot be read: {error.strerror or error}") from error
    except RevocationsFault as fault:
        raise TrustFault("revocations", f"{path}: {fault.detail}") from fault
