"""The book as the gate needs it: immutable, so that a decision never sees half a change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Self

from relay.registry.domain.addresses import AddressRange
from relay.registry.domain.certificates import Certificate
from relay.registry.domain.events import (
    AddressRegistered,
    AddressRemoved,
    CertificateAdded,
    CertificateRevoked,
    Event,
)
from relay.registry.domain.identifiers import Fingerprint, UserNumber
from relay.registry.domain.registrations import Registration

Ranges = tuple[AddressRange, ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Snapshot:
    """One version of the book. `version` grows with every change and survives a restart.

    Before `enforced_from` an unregistered address passes and is noted (Q3, Q4); None enforces always.
    """

    version: int
    enforced_from: datetime | None
    certificates: Mapping[Fingerprint, Certificate]
    ranges: Mapping[UserNumber, Ranges]

    @classmethod
    def of(
        cls,
        certificates: Iterable[Certificate],
        registrations: Iterable[Registration],
        *,
        version: int = 0,
        enforced_from: datetime | None = None,
    ) -> Self:
        """Build a snapshot of all certificates and all registered addresses. Without any, it allows nobody."""
        ranges: dict[UserNumber, Ranges] = {}
        for each in registrations:
            ranges[each.user_number] = (*ranges.get(each.user_number, ()), each.range)
        return cls(
            version=version,
            enforced_from=enforced_from,
            certificates=MappingProxyType({each.fingerprint: each for each in certificates}),
            ranges=MappingProxyType(ranges),
        )

    def with_change(self, event: Event, *, version: int) -> Self:
        """Return the snapshot after `event`, sharing with this one all that the event does not touch."""
        match event:
            case CertificateAdded(certificate=certificate):
                return self._with_certificate(certificate, version)
            case CertificateRevoked(fingerprint=fingerprint, at=at):
                return self._with_certificate(replace(self.certificates[fingerprint], revoked_at=at), version)
            case AddressRegistered(registration=Registration(user_number=number, range=added)):
                kept = tuple(each for each in self.ranges_of(number) if each != added)
                return self._with_ranges(number, (*kept, added), version)
            case AddressRemoved(user_number=number, range=removed):
                kept = tuple(each for each in self.ranges_of(number) if each != removed)
                return self._with_ranges(number, kept, version)
            case _:  # organisations and people are no matter of the gate
                return replace(self, version=version)

    def ranges_of(self, number: UserNumber) -> Ranges:
        """Return what is registered for the certificates under a user number."""
        return self.ranges.get(number, ())

    def __repr__(self) -> str:
        count = sum(map(len, self.ranges.values()))
        since = f", enforced from {self.enforced_from.isoformat()}" if self.enforced_from else ""
        return f"<Snapshot {self.version}: {len(self.certificates)} certificates, {count} ranges{since}>"

    def _with_certificate(self, certificate: Certificate, version: int) -> Self:
        certificates = MappingProxyType({**self.certificates, certificate.fingerprint: certificate})
        return replace(self, version=version, certificates=certificates)

    def _with_ranges(self, number: UserNumber, ranges: Ranges, version: int) -> Self:
        return replace(self, version=version, ranges=MappingProxyType({**self.ranges, number: ranges}))
