"""What can be done with the book: a contact person's three actions, and those that set a rehearsal up.

The service is called from several threads. It decides and writes under one lock, and hands every subscriber the new
snapshot before it returns: whoever got an answer can rely on the change counting at the gate (Q20).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from relay.registry.domain import enrolment
from relay.registry.domain.access import admit
from relay.registry.domain.addresses import AddressRange, parse_range
from relay.registry.domain.certificates import Certificate, State, SystemCertificate, state
from relay.registry.domain.errors import (
    AddressNotFound,
    CertificateNotFound,
    CollectionRefused,
    ConsentNotFound,
    Enrolment,
    EnrolmentRefused,
    OrganisationNotFound,
    PartyNotFound,
    RegistrationNotOpen,
)
from relay.registry.domain.events import (
    AddressRegistered,
    AddressRemoved,
    Blocked,
    CertificateAdded,
    CertificateCollected,
    CertificateRevoked,
    ConsentGiven,
    ConsentWithdrawn,
    ContactPersonAdded,
    EnterpriseAdded,
    MainContactNamed,
    OrganisationAdded,
    PartyAddressRegistered,
    PartyAddressRemoved,
    PartyDeselected,
    PartySelected,
    ServiceAuthorised,
)
from relay.registry.domain.identifiers import EnterpriseId, Fingerprint, OrganisationId, UserNumber
from relay.registry.domain.mandates import Authorisation, Block, Consent, Service
from relay.registry.domain.parties import (
    ContactPerson,
    Enterprise,
    MainContact,
    Organisation,
    PartyAddress,
    Role,
    Selection,
)
from relay.registry.domain.registrations import Registration, check_end
from relay.registry.domain.snapshot import Snapshot
from relay.registry.keeper import Keeper, Subscriber
from relay.registry.ports import Clock, Store
from relay.registry.roles import must_be
from relay.registry.support import Support
from relay.tenant.hours import Hours

# VECOZO's, as far as they are known; a guess otherwise (Q20).
OFFICE_HOURS: Final = Hours(("mon-fri 08:00-17:30",), ZoneInfo("Europe/Amsterdam"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A system certificate that an organisation holds, with what it is worth now and may be used for."""

    certificate: SystemCertificate
    state: State
    services: frozenset[Service] = frozenset()
    blocked: bool = False
    deferred_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The registration that stands now; `fresh` tells whether it was made by this very call.

    `overlaps` are others under the same user number that share addresses with it: needless, or a mistake.
    """

    registration: Registration
    fresh: bool
    overlaps: tuple[AddressRange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredForCustomers:
    """The software party's address that stands now; `fresh` tells whether it was made by this very call."""

    address: PartyAddress
    fresh: bool
    overlaps: tuple[AddressRange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A software party that can be ticked, and whether it is."""

    party: Organisation
    selected: bool


class Registry:
    """The use cases. `rehearsal` lets addresses in that are not public; nothing else differs."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        opens_at: datetime | None = None,
        enforced_from: datetime | None = None,
        rehearsal: bool = False,
        office: Hours = OFFICE_HOURS,
    ) -> None:
        """Take registrations from `opens_at` on (Q3), and refuse calls without one from `enforced_from` on (Q4)."""
        self._keeper: Final = Keeper(store, clock, enforced_from=enforced_from)
        self._opens_at: Final = opens_at
        self._rehearsal: Final = rehearsal
        self.support: Final = Support(self._keeper, office=office)

    def __repr__(self) -> str:
        return f"<Registry on {self.snapshot!r}{', rehearsal' if self._rehearsal else ''}>"

    @property
    def snapshot(self) -> Snapshot:
        """The book as it stands now."""
        return self._keeper.snapshot

    def subscribe(self, subscriber: Subscriber) -> None:
        """Hand `subscriber` the book now and after every change, as `Keeper.subscribe`."""
        self._keeper.subscribe(subscriber)

    def follow(self) -> None:
        """Take over what other processes have written since. Raises `BookUnavailable`."""
        self._keeper.follow()

    def log_in(self, fingerprint: str) -> ContactPerson:
        """Return the contact person whose valid personal certificate this is, or raise `LogInRefused`."""
        certificate = self.snapshot.certificates.get(Fingerprint(fingerprint))
        person = self._keeper.store.contact_person(certificate.user_number) if certificate else None
        return admit(certificate, person, at=self._keeper.clock())

    def now(self) -> datetime:
        """Return what time it is here."""
        return self._keeper.clock()

    def certificates(self, person: ContactPerson) -> tuple[Held, ...]:
        """Return the system certificates of the person's organisation, by user number, the oldest first."""
        return self._held_by(person.organisation)

    def certificates_of(self, person: ContactPerson, organisation: str) -> tuple[Held, ...]:
        """Return those of any organisation, to Support. Raises `RoleRefused`, `OrganisationNotFound`."""
        must_be(self._keeper, person, Role.SUPPORT)
        if OrganisationId(organisation) not in self.snapshot.organisations:
            raise OrganisationNotFound("the book has no organisation of this name")
        return self._held_by(OrganisationId(organisation))

    def registrations(self, person: ContactPerson, number: str) -> tuple[Registration, ...]:
        """Return what is registered under one of the organisation's user numbers, or raise `CertificateNotFound`."""
        return self._keeper.store.registrations(self._own(person, number))

    def register(self, person: ContactPerson, number: str, text: str, until: datetime | None = None) -> Registered:
        """Register an address or range, or find it registered; with another end, that end counts from now on.

        Raises `CertificateNotFound` for a number that is not the organisation's, `AddressRefused` with the reason,
        `EndRefused`, `RegistrationNotOpen`.
        """
        own = self._own(person, number)
        addresses, now = self._registrable(text, until)
        new = Registration(user_number=own, range=addresses, by=person.user_number, at=now, until=until)
        with self._keeper.lock:
            before = self.snapshot.ranges_of(own)
            fresh = not before.among(addresses)
            changed = self._keeper.record(AddressRegistered(registration=new))
            standing = new if changed else self._standing(own, addresses)
        return Registered(registration=standing, fresh=fresh, overlaps=tuple(before.overlapping(addresses)))

    def remove(self, person: ContactPerson, number: str, text: str) -> None:
        """Remove an address or range as it was registered.

        Raises `CertificateNotFound`, `AddressRefused` for unreadable text, `AddressNotFound`. What a rehearsal let in
        can always be taken out again.
        """
        own = self._own(person, number)
        addresses = parse_range(text, rehearsal=True)
        event = AddressRemoved(user_number=own, range=addresses, by=person.user_number, at=self._keeper.clock())
        with self._keeper.lock:
            if not self._keeper.record(event):
                raise AddressNotFound(f"{addresses} is not registered for {own}")

    def customers_addresses(self, person: ContactPerson) -> tuple[PartyAddress, ...]:
        """Return what the person's software party registered for its customers, or raise `RoleRefused`."""
        must_be(self._keeper, person, Role.SOFTWARE_PARTY)
        return self._keeper.store.party_addresses(person.organisation)

    def register_for_customers(
        self, person: ContactPerson, text: str, until: datetime | None = None
    ) -> RegisteredForCustomers:
        """Register an address or range at which a software party runs its customers' certificates (Q26, Q30).

        It counts at once for those who ticked the party. Raises `RoleRefused`, and as `register`.
        """
        must_be(self._keeper, person, Role.SOFTWARE_PARTY)
        party = person.organisation
        addresses, now = self._registrable(text, until)
        new = PartyAddress(party=party, range=addresses, by=person.user_number, at=now, until=until)
        with self._keeper.lock:
            before = self.snapshot.customers_of(party)
            fresh = not before.among(addresses)
            changed = self._keeper.record(PartyAddressRegistered(address=new))
            standing = new if changed else self._standing_for_customers(party, addresses)
        return RegisteredForCustomers(address=standing, fresh=fresh, overlaps=tuple(before.overlapping(addresses)))

    def remove_for_customers(self, person: ContactPerson, text: str) -> None:
        """Remove such an address or range, as it was registered.

        Raises `RoleRefused`, `AddressRefused` for unreadable text, `AddressNotFound`.
        """
        must_be(self._keeper, person, Role.SOFTWARE_PARTY)
        addresses = parse_range(text, rehearsal=True)
        party, number, now = person.organisation, person.user_number, self._keeper.clock()
        with self._keeper.lock:
            if not self._keeper.record(PartyAddressRemoved(party=party, range=addresses, by=number, at=now)):
                raise AddressNotFound(f"{addresses} is not registered for your customers")

    def parties(self, person: ContactPerson) -> tuple[Listed, ...]:
        """Return the software parties that can be ticked: those with an address (Q27). Raises `RoleRefused`."""
        must_be(self._keeper, person, Role.CARE_PROVIDER)
        snapshot = self.snapshot
        ticked = snapshot.selected_by(person.organisation)
        return tuple(
            Listed(party=each, selected=each.id in ticked)
            for each in self._keeper.store.organisations()
            if snapshot.customers_of(each.id)
        )

    def select_party(self, person: ContactPerson, party: str) -> bool:
        """Have a software party's addresses count for the provider's certificates; False when they did.

        They count as they are, also when the party changes them later (Q30). Raises `RoleRefused`, `PartyNotFound`.
        """
        must_be(self._keeper, person, Role.CARE_PROVIDER)
        provider, number, now = person.organisation, person.user_number, self._keeper.clock()
        with self._keeper.lock:
            if not self.snapshot.customers_of(OrganisationId(party)):
                raise PartyNotFound("no software party of this name can be ticked: each is, from its first address on")
            new = Selection(provider=provider, party=OrganisationId(party), by=number, at=now)
            return self._keeper.record(PartySelected(selection=new))

    def deselect_party(self, person: ContactPerson, party: str) -> None:
        """Take that back. Raises `RoleRefused`, and `PartyNotFound` when it was not ticked."""
        must_be(self._keeper, person, Role.CARE_PROVIDER)
        provider, number, now = person.organisation, person.user_number, self._keeper.clock()
        with self._keeper.lock:
            taken = PartyDeselected(provider=provider, party=OrganisationId(party), by=number, at=now)
            if not self._keeper.record(taken):
                raise PartyNotFound("this software party was not ticked")

    def consents(self, person: ContactPerson) -> tuple[Consent, ...]:
        """Return the consents that the person's organisation gave, or that it was given."""
        return self._keeper.store.consents(person.organisation)

    def give_consent(self, person: ContactPerson, party: str, service: Service) -> bool:
        """Let a software party act for the care provider on a service; False when it may already (Q25, Q31).

        Raises `RoleRefused`, `PartyNotFound`.
        """
        must_be(self._keeper, person, Role.CARE_PROVIDER)
        provider, number, now = person.organisation, person.user_number, self._keeper.clock()
        known = self.snapshot.organisations.get(OrganisationId(party))
        if known is None or known.role is not Role.SOFTWARE_PARTY:
            raise PartyNotFound("there is no software party of this name")
        with self._keeper.lock:
            new = Consent(provider=provider, party=known.id, service=service, by=number, at=now)
            return self._keeper.record(ConsentGiven(consent=new))

    def withdraw_consent(self, person: ContactPerson, party: str, service: Service) -> None:
        """Take that back, at any time. Raises `RoleRefused`, `ConsentNotFound`."""
        must_be(self._keeper, person, Role.CARE_PROVIDER)
        withdrawn = ConsentWithdrawn(
            provider=person.organisation,
            party=OrganisationId(party),
            service=service,
            by=person.user_number,
            at=self._keeper.clock(),
        )
        with self._keeper.lock:
            if not self._keeper.record(withdrawn):
                raise ConsentNotFound("no such consent was given")

    def collect(self, person: ContactPerson, fingerprint: str) -> bool:
        """Take a certificate of the organisation that was issued; False when it was collected before.

        Raises `CertificateNotFound`, `CollectionRefused`.
        """
        now = self._keeper.clock()
        with self._keeper.lock:
            known = self.snapshot.certificates.get(Fingerprint(fingerprint))
            if known is None or known.organisation != person.organisation:
                raise CertificateNotFound("your organisation has no certificate with this fingerprint")
            if state(known, at=now) in (State.WITHDRAWN, State.REVOKED):
                raise CollectionRefused("this certificate was withdrawn or revoked; have another one issued")
            return self._keeper.record(CertificateCollected(fingerprint=known.fingerprint, at=now))

    def add_enterprise(self, enterprise: Enterprise) -> bool:
        """Add an enterprise; False when it was there. Raises `EnrolmentRefused`."""
        with self._keeper.lock:
            known = {each.id: each for each in self._keeper.store.enterprises()}
            if known.get(enterprise.id, enterprise) != enterprise:
                raise EnrolmentRefused(Enrolment.TAKEN, f"{enterprise.id} is another enterprise's short name")
            return self._keeper.record(EnterpriseAdded(enterprise=enterprise))

    def name_main_contact(self, person: MainContact) -> bool:
        """Name an enterprise's main contact, in the place of another; False when it was. Raises `EnrolmentRefused`."""
        with self._keeper.lock:
            self._must_know_enterprise(person.enterprise)
            return self._keeper.record(MainContactNamed(person=person))

    def add_organisation(self, organisation: Organisation) -> bool:
        """Add a care provider or a software party; False when it was there. Raises `EnrolmentRefused`."""
        with self._keeper.lock:
            if organisation.enterprise is not None:
                self._must_know_enterprise(organisation.enterprise)
            enrolment.check_organisation(organisation, known=self._keeper.store.organisations())
            return self._keeper.record(OrganisationAdded(organisation=organisation))

    def add_contact_person(self, person: ContactPerson) -> bool:
        """Add a contact person to an organisation; False when it was there. Raises `EnrolmentRefused`."""
        with self._keeper.lock:
            self._must_know(person.organisation)
            known = self._keeper.store.contact_person(person.user_number)
            if known is not None and known != person:
                raise EnrolmentRefused(Enrolment.TAKEN, f"user number {person.user_number} is another person's")
            enrolment.check_contact_person(person, colleagues=self._keeper.store.contact_persons(person.organisation))
            return self._keeper.record(ContactPersonAdded(person=person))

    def add_certificate(self, certificate: Certificate) -> bool:
        """Add a certificate that was issued; False when it was there. Raises `EnrolmentRefused`."""
        with self._keeper.lock:
            self._must_know(certificate.organisation)
            enrolment.check_certificate(certificate, known=self._like(certificate))
            return self._keeper.record(CertificateAdded(certificate=certificate))

    def revoke_certificate(self, fingerprint: str) -> bool:
        """Let a certificate count no longer, from now on; False when it was revoked. Raises `EnrolmentRefused`."""
        with self._keeper.lock:
            known = self.snapshot.certificates.get(Fingerprint(fingerprint))
            if known is None:
                raise EnrolmentRefused(Enrolment.CERTIFICATE_UNKNOWN, "no certificate has this fingerprint")
            return self._keeper.record(CertificateRevoked(fingerprint=known.fingerprint, at=self._keeper.clock()))

    def authorise(self, number: str, service: Service) -> bool:
        """Let the certificates under a user number use a service; False when they could."""
        with self._keeper.lock:
            new = Authorisation(user_number=UserNumber(number), service=service, at=self._keeper.clock())
            return self._keeper.record(ServiceAuthorised(authorisation=new))

    def block(self, number: str) -> bool:
        """Let the certificates under a user number through nowhere, until Support lifts it; False when they were so."""
        with self._keeper.lock:
            return self._keeper.record(Blocked(block=Block(user_number=UserNumber(number), at=self._keeper.clock())))

    def _like(self, certificate: Certificate) -> Iterator[Certificate]:
        """Yield those of the book that have its fingerprint or its user number."""
        if (same := self.snapshot.certificates.get(certificate.fingerprint)) is not None:
            yield same
        yield from self.snapshot.numbered_as(certificate.user_number)

    def _held_by(self, organisation: OrganisationId) -> tuple[Held, ...]:
        now, owned = self._keeper.clock(), self._systems_of(organisation)
        ordered = sorted(owned, key=lambda each: (each.user_number, each.not_before, each.fingerprint))
        return tuple(self._held(each, now) for each in ordered)

    def _held(self, certificate: SystemCertificate, now: datetime) -> Held:
        book, number = self.snapshot, certificate.user_number
        deferral = book.deferred.get(number)
        return Held(
            certificate=certificate,
            state=state(certificate, at=now),
            services=book.services_of(number),
            blocked=number in book.blocked,
            deferred_until=deferral.until if deferral is not None and now < deferral.until else None,
        )

    def _own(self, person: ContactPerson, number: str) -> UserNumber:
        for each in self._systems_of(person.organisation):
            if each.user_number == number:
                return each.user_number
        raise CertificateNotFound("your organisation has no system certificate under this user number")

    def _systems_of(self, organisation: OrganisationId) -> Iterator[SystemCertificate]:
        for each in self.snapshot.held_by(organisation):
            if isinstance(each, SystemCertificate):
                yield each

    def _registrable(self, text: str, until: datetime | None) -> tuple[AddressRange, datetime]:
        """Return the range that a text says, and now; or raise why it cannot be registered."""
        now = self._keeper.clock()
        if self._opens_at is not None and now < self._opens_at:
            raise RegistrationNotOpen(f"addresses can be registered from {self._opens_at.isoformat()} on")
        check_end(until, at=now)
        return parse_range(text, rehearsal=self._rehearsal), now

    def _must_know_enterprise(self, enterprise: EnterpriseId) -> None:
        if all(each.id != enterprise for each in self._keeper.store.enterprises()):
            raise EnrolmentRefused(Enrolment.ENTERPRISE_UNKNOWN, f"the book has no enterprise {enterprise}")

    def _must_know(self, organisation: OrganisationId) -> None:
        if organisation not in self.snapshot.organisations:
            raise EnrolmentRefused(Enrolment.ORGANISATION_UNKNOWN, f"the book has no organisation {organisation}")

    def _standing(self, number: UserNumber, addresses: AddressRange) -> Registration:
        return next(each for each in self._keeper.store.registrations(number) if each.range == addresses)

    def _standing_for_customers(self, party: OrganisationId, addresses: AddressRange) -> PartyAddress:
        return next(each for each in self._keeper.store.party_addresses(party) if each.range == addresses)
