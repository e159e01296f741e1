"""The book as the gate needs it: immutable, so that a decision never sees half a change."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, Self, TypeVar

from immutables import Map

from relay.registry.domain.certificates import Certificate
from relay.registry.domain.events import (
    AddressEvent,
    AddressRegistered,
    AddressRemoved,
    AuthorisationWithdrawn,
    Blocked,
    BlockLifted,
    CertificateAdded,
    CertificateCollected,
    CertificateEvent,
    CertificateRevoked,
    CheckDeferred,
    ConsentGiven,
    ConsentWithdrawn,
    DeferralEnded,
    Event,
    OrganisationAdded,
    PartyAddressRegistered,
    PartyAddressRemoved,
    PartyDeselected,
    PartyEvent,
    PartySelected,
    ServiceAuthorised,
    SupportEvent,
)
from relay.registry.domain.identifiers import AgbCode, Fingerprint, OrganisationId, UserNumber
from relay.registry.domain.mandates import Authorisation, Block, Consent, Deferral, Service
from relay.registry.domain.parties import Organisation, PartyAddress, Selection
from relay.registry.domain.ranges import NONE, Ranges
from relay.registry.domain.registrations import Registration

Fingerprints = tuple[Fingerprint, ...]
Parties = tuple[OrganisationId, ...]
Services = frozenset[Service]
Mandate = tuple[OrganisationId, OrganisationId]
"""A care provider, and the software party that may act for it."""

Key = TypeVar("Key", UserNumber, OrganisationId, Mandate)
Value = TypeVar("Value", Ranges, Parties, Services)

_NO_SERVICES: Final[Services] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Snapshot:
    """One version of the book. `version` grows with every change and survives a restart.

    Before `enforced_from` an unregistered address passes and is noted (Q3, Q4); None enforces always. A change copies
    a few nodes of a map, however large that is, so that none holds up the gate. `held` and `numbered` find certificates
    by their organisation and by their user number, `providers` care providers by their AGB code. `customers` has the
    addresses that a software party registered for its customers, `selected` the parties that a care provider ticked.
    """

    version: int
    enforced_from: datetime | None
    organisations: Map[OrganisationId, Organisation]
    providers: Map[AgbCode, OrganisationId]
    certificates: Map[Fingerprint, Certificate]
    held: Map[OrganisationId, Fingerprints]
    numbered: Map[UserNumber, Fingerprints]
    ranges: Map[UserNumber, Ranges]
    customers: Map[OrganisationId, Ranges]
    selected: Map[OrganisationId, Parties]
    consents: Map[Mandate, Services]
    authorised: Map[UserNumber, Services]
    blocked: Map[UserNumber, Block]
    deferred: Map[UserNumber, Deferral]

    @classmethod
    def of(
        cls,
        certificates: Iterable[Certificate],
        ranges: Mapping[UserNumber, Ranges],
        *,
        organisations: Iterable[Organisation] = (),
        customers: Mapping[OrganisationId, Ranges] = MappingProxyType({}),
        selected: Mapping[OrganisationId, Parties] = MappingProxyType({}),
        consents: Iterable[Consent] = (),
        authorisations: Iterable[Authorisation] = (),
        blocks: Iterable[Block] = (),
        deferrals: Iterable[Deferral] = (),
        version: int = 0,
        enforced_from: datetime | None = None,
    ) -> Self:
        """Build a snapshot of all that the book has. Without anything in it, it allows nobody."""
        organised = {each.id: each for each in organisations}
        known = {each.fingerprint: each for each in certificates}
        held, numbered = dict[OrganisationId, Fingerprints](), dict[UserNumber, Fingerprints]()
        for each in known.values():
            held[each.organisation] = (*held.get(each.organisation, ()), each.fingerprint)
            numbered[each.user_number] = (*numbered.get(each.user_number, ()), each.fingerprint)
        given, authorised = dict[Mandate, Services](), dict[UserNumber, Services]()
        for consent in consents:
            mandate = consent.provider, consent.party
            given[mandate] = given.get(mandate, _NO_SERVICES) | {consent.service}
        for one in authorisations:
            authorised[one.user_number] = authorised.get(one.user_number, _NO_SERVICES) | {one.service}
        return cls(
            version=version,
            enforced_from=enforced_from,
            organisations=Map(organised),
            providers=Map({each.agb_code: each.id for each in organised.values() if each.agb_code is not None}),
            certificates=Map(known),
            held=Map(held),
            numbered=Map(numbered),
            ranges=Map(ranges),
            customers=Map(customers),
            selected=Map(selected),
            consents=Map(given),
            authorised=Map(authorised),
            blocked=Map({block.user_number: block for block in blocks}),
            deferred=Map({deferral.user_number: deferral for deferral in deferrals}),
        )

    def with_change(self, event: Event, *, version: int) -> Self:
        """Return the snapshot after `event`, sharing with this one all that the event does not touch."""
        return replace(self._changed(event), version=version)

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

    def consents_of(self, provider: OrganisationId, party: OrganisationId) -> Services:
        """Return the services on which a software party may act for a care provider."""
        return self.consents.get((provider, party), _NO_SERVICES)

    def services_of(self, number: UserNumber) -> Services:
        """Return the services that the certificates under a user number may use."""
        return self.authorised.get(number, _NO_SERVICES)

    def __repr__(self) -> str:
        count = sum(map(len, self.ranges.values()))
        since = f", enforced from {self.enforced_from.isoformat()}" if self.enforced_from else ""
        return f"<Snapshot {self.version}: {len(self.certificates)} certificates, {count} ranges{since}>"

    def _changed(self, event: Event) -> Self:
        match event:
            case OrganisationAdded(organisation=organisation):
                return self._with_organisation(organisation)
            case CertificateAdded() | CertificateCollected() | CertificateRevoked():
                return self._with_certificate(self._certificate_after(event))
            case AddressRegistered() | AddressRemoved() | PartyAddressRegistered() | PartyAddressRemoved():
                return self._with_addresses(event)
            case PartySelected() | PartyDeselected() | ConsentGiven() | ConsentWithdrawn():
                return self._with_party(event)
            case (
                ServiceAuthorised() | AuthorisationWithdrawn() | Blocked() | BlockLifted() | CheckDeferred()
                | DeferralEnded()
            ):  # fmt: skip
                return self._with_support(event)
            case _:  # enterprises and people are no matter of the gate
                return self

    def _with_organisation(self, organisation: Organisation) -> Self:
        organisations = self.organisations.set(organisation.id, organisation)
        providers = self.providers
        if organisation.agb_code is not None:
            providers = providers.set(organisation.agb_code, organisation.id)
        return replace(self, organisations=organisations, providers=providers)

    def _certificate_after(self, event: CertificateEvent) -> Certificate:
        match event:
            case CertificateAdded(certificate=certificate):
                return certificate
            case CertificateCollected(fingerprint=fingerprint, at=at):
                return replace(self.certificates[fingerprint], collected_at=at)
            case CertificateRevoked(fingerprint=fingerprint, at=at):
                return replace(self.certificates[fingerprint], revoked_at=at)

    def _with_certificate(self, certificate: Certificate) -> Self:
        certificates = self.certificates.set(certificate.fingerprint, certificate)
        if certificate.fingerprint in self.certificates:
            return replace(self, certificates=certificates)
        held = (*self.held.get(certificate.organisation, ()), certificate.fingerprint)
        numbered = (*self.numbered.get(certificate.user_number, ()), certificate.fingerprint)
        return replace(
            self,
            certificates=certificates,
            held=self.held.set(certificate.organisation, held),
            numbered=self.numbered.set(certificate.user_number, numbered),
        )

    def _with_addresses(self, event: AddressEvent) -> Self:
        match event:
            case AddressRegistered(registration=Registration(user_number=number, range=added, until=until)):
                ranges = self.ranges_of(number).having(added, until)
                return replace(self, ranges=_kept(self.ranges, number, ranges))
            case AddressRemoved(user_number=number, range=removed):
                ranges = self.ranges_of(number).without(removed)
                return replace(self, ranges=_kept(self.ranges, number, ranges))
            case PartyAddressRegistered(address=PartyAddress(party=party, range=added, until=until)):
                ranges = self.customers_of(party).having(added, until)
                return replace(self, customers=_kept(self.customers, party, ranges))
            case PartyAddressRemoved(party=party, range=removed):
                ranges = self.customers_of(party).without(removed)
                return replace(self, customers=_kept(self.customers, party, ranges))

    def _with_party(self, event: PartyEvent) -> Self:
        match event:
            case PartySelected(selection=Selection(provider=provider, party=party)):
                others = self._selected_but(provider, party)
                return replace(self, selected=self.selected.set(provider, (*others, party)))
            case PartyDeselected(provider=provider, party=party):
                others = self._selected_but(provider, party)
                return replace(self, selected=_kept(self.selected, provider, others))
            case ConsentGiven(consent=Consent(provider=provider, party=party, service=service)):
                services = self.consents_of(provider, party) | {service}
                return replace(self, consents=self.consents.set((provider, party), services))
            case ConsentWithdrawn(provider=provider, party=party, service=service):
                services = self.consents_of(provider, party) - {service}
                return replace(self, consents=_kept(self.consents, (provider, party), services))

    def _with_support(self, event: SupportEvent) -> Self:
        match event:
            case ServiceAuthorised(authorisation=Authorisation(user_number=number, service=service)):
                services = self.services_of(number) | {service}
                return replace(self, authorised=self.authorised.set(number, services))
            case AuthorisationWithdrawn(user_number=number, service=service):
                services = self.services_of(number) - {service}
                return replace(self, authorised=_kept(self.authorised, number, services))
            case Blocked(block=block):
                return replace(self, blocked=self.blocked.set(block.user_number, block))
            case BlockLifted(user_number=number):
                return replace(self, blocked=self.blocked.delete(number))
            case CheckDeferred(deferral=deferral):
                return replace(self, deferred=self.deferred.set(deferral.user_number, deferral))
            case DeferralEnded(user_number=number):
                return replace(self, deferred=self.deferred.delete(number))

    def _selected_but(self, provider: OrganisationId, party: OrganisationId) -> Parties:
        return tuple([each for each in self.selected_by(provider) if each != party])


def _kept(known: Map[Key, Value], key: Key, value: Value) -> Map[Key, Value]:
    """Return the map with this in it, or without the key where the value is empty, as it would be read again."""
    if value:
        return known.set(key, value)
    return known.delete(key) if key in known else known
