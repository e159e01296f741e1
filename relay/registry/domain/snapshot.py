"""The book as the gate needs it: immutable, so that a decision never sees half a change."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Self, TypeVar

from immutables import Map

from relay.registry.domain.certificates import Certificate
from relay.registry.domain.events import (
    AddressRegistered,
    AddressRemoved,
    CertificateAdded,
    CertificateRevoked,
    Event,
    PartyAddressRegistered,
    PartyAddressRemoved,
    PartyDeselected,
    PartySelected,
)
from relay.registry.domain.identifiers import Fingerprint, OrganisationId, UserNumber
from relay.registry.domain.parties import PartyAddress, Selection
from relay.registry.domain.ranges import NONE, Ranges
from relay.registry.domain.registrations import Registration

Fingerprints = tuple[Fingerprint, ...]
Parties = tuple[OrganisationId, ...]
Key = TypeVar("Key", UserNumber, OrganisationId)
Value = TypeVar("Value", Ranges, Parties)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Snapshot:
    """One version of the book. `version` grows with every change and survives a restart.

    Before `enforced_from` an unregistered address passes and is noted (Q3, Q4); None enforces always. A change copies
    a few nodes of a map, however large that is, so that none holds up the gate. `held` and `numbered` find certificates
    by their organisation and by their user number. `customers` has the addresses that a software party registered for
    its customers, `selected` the parties that a care provider ticked.
    """

    version: int
    enforced_from: datetime | None
    certificates: Map[Fingerprint, Certificate]
    ranges: Map[UserNumber, Ranges]
    held: Map[OrganisationId, Fingerprints]
    numbered: Map[UserNumber, Fingerprints]
    customers: Map[OrganisationId, Ranges]
    selected: Map[OrganisationId, Parties]

    @classmethod
    def of(
        cls,
        certificates: Iterable[Certificate],
        ranges: Mapping[UserNumber, Ranges],
        *,
        customers: Mapping[OrganisationId, Ranges] = MappingProxyType({}),
        selected: Mapping[OrganisationId, Parties] = MappingProxyType({}),
        version: int = 0,
        enforced_from: datetime | None = None,
    ) -> Self:
        """Build a snapshot of all certificates and all registered addresses. Without any, it allows nobody."""
        known = {each.fingerprint: each for each in certificates}
        held, numbered = dict[OrganisationId, Fingerprints](), dict[UserNumber, Fingerprints]()
        for each in known.values():
            held[each.organisation] = (*held.get(each.organisation, ()), each.fingerprint)
            numbered[each.user_number] = (*numbered.get(each.user_number, ()), each.fingerprint)
        return cls(
            version=version,
            enforced_from=enforced_from,
            certificates=Map(known),
            ranges=Map(ranges),
            held=Map(held),
            numbered=Map(numbered),
            customers=Map(customers),
            selected=Map(selected),
        )

    def with_change(self, event: Event, *, version: int) -> Self:
        """Return the snapshot after `event`, sharing with this one all that the event does not touch."""
        match event:
            case CertificateAdded(certificate=certificate):
                return self._with_certificate(certificate, version)
            case CertificateRevoked(fingerprint=fingerprint, at=at):
                return self._with_certificate(replace(self.certificates[fingerprint], revoked_at=at), version)
            case AddressRegistered(registration=Registration(user_number=number, range=added)):
                return self._with_ranges(number, self.ranges_of(number).having(added), version)
            case AddressRemoved(user_number=number, range=removed):
                return self._with_ranges(number, self.ranges_of(number).without(removed), version)
            case PartyAddressRegistered(address=PartyAddress(party=party, range=added)):
                return self._with_customers(party, self.customers_of(party).having(added), version)
            case PartyAddressRemoved(party=party, range=removed):
                return self._with_customers(party, self.customers_of(party).without(removed), version)
            case PartySelected(selection=Selection(provider=provider, party=party)):
                others = self._selected_but(provider, party)
                return replace(self, version=version, selected=self.selected.set(provider, (*others, party)))
            case PartyDeselected(provider=provider, party=party):
                others = self._selected_but(provider, party)
                return replace(self, version=version, selected=_kept(self.selected, provider, others))
            case _:  # organisations and people are no matter of the gate
                return replace(self, version=version)

    def held_by(self, organisation: OrganisationId) -> Iterator[Certificate]:
        """Yield an organisation's certificates, in the order in which they came into the book."""
        return map(self.certificates.__getitem__, self.held.get(organisation, ()))

    def numbered_as(self, number: UserNumber) -> Iterator[Certificate]:
        """Yield the certificates under a user number, in the order in which they came into the book."""
        return map(self.certificates.__getitem__, self.numbered.get(number, ()))

    def ranges_of(self, number: UserNumber) -> Ranges:
        """Return what is registered for the certificates under a user number."""
        return self.ranges.get(number, NONE)

    def customers_of(self, party: OrganisationId) -> Ranges:
        """Return what a software party has registered for its customers."""
        return self.customers.get(party, NONE)

    def selected_by(self, provider: OrganisationId) -> Parties:
        """Return the software parties that a care provider ticked, in that order."""
        return self.selected.get(provider, ())

    def __repr__(self) -> str:
        count = sum(map(len, self.ranges.values()))
        since = f", enforced from {self.enforced_from.isoformat()}" if self.enforced_from else ""
        return f"<Snapshot {self.version}: {len(self.certificates)} certificates, {count} ranges{since}>"

    def _with_certificate(self, certificate: Certificate, version: int) -> Self:
        certificates = self.certificates.set(certificate.fingerprint, certificate)
        if certificate.fingerprint in self.certificates:
            return replace(self, version=version, certificates=certificates)
        held = (*self.held.get(certificate.organisation, ()), certificate.fingerprint)
        numbered = (*self.numbered.get(certificate.user_number, ()), certificate.fingerprint)
        return replace(
            self,
            version=version,
            certificates=certificates,
            held=self.held.set(certificate.organisation, held),
            numbered=self.numbered.set(certificate.user_number, numbered),
        )

    def _with_ranges(self, number: UserNumber, ranges: Ranges, version: int) -> Self:
        return replace(self, version=version, ranges=_kept(self.ranges, number, ranges))

    def _with_customers(self, party: OrganisationId, ranges: Ranges, version: int) -> Self:
        return replace(self, version=version, customers=_kept(self.customers, party, ranges))

    def _selected_but(self, provider: OrganisationId, party: OrganisationId) -> Parties:
        return tuple([each for each in self.selected_by(provider) if each != party])


def _kept(known: Map[Key, Value], key: Key, value: Value) -> Map[Key, Value]:
    """Return the map with this in it, or without the key where the value is empty, as it would be read again."""
    if value:
        return known.set(key, value)
    return known.delete(key) if key in known else known
