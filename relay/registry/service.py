"""What can be done with the book: a contact person's three actions, and those that set a rehearsal up.

The service is called from several threads. It decides and writes under one lock, and hands every subscriber the new
snapshot before it returns: whoever got an answer can rely on the change counting at the gate (Q20).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from types import MappingProxyType
from typing import Final

from relay.registry.domain import enrolment
from relay.registry.domain.access import admit
from relay.registry.domain.addresses import AddressRange, parse_range
from relay.registry.domain.certificates import Certificate, State, SystemCertificate, state
from relay.registry.domain.errors import (
    AddressNotFound,
    CertificateNotFound,
    Enrolment,
    EnrolmentRefused,
    PartyNotFound,
    RoleRefused,
)
from relay.registry.domain.events import (
    AddressRegistered,
    AddressRemoved,
    CertificateAdded,
    CertificateRevoked,
    ContactPersonAdded,
    Event,
    OrganisationAdded,
    PartyAddressRegistered,
    PartyAddressRemoved,
    PartyDeselected,
    PartySelected,
)
from relay.registry.domain.identifiers import Fingerprint, OrganisationId, UserNumber
from relay.registry.domain.parties import ContactPerson, Organisation, PartyAddress, Role, Selection
from relay.registry.domain.registrations import Registration
from relay.registry.domain.snapshot import Snapshot
from relay.registry.ports import Clock, Store

Subscriber = Callable[[Snapshot], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A system certificate that an organisation holds, with what it is worth now."""

    certificate: SystemCertificate
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The registration that stands now; `fresh` tells whether it was made by this very call."""

    registration: Registration
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredForCustomers:
    """The software party's address that stands now; `fresh` tells whether it was made by this very call."""

    address: PartyAddress
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A software party that can be ticked, and whether it is."""

    party: Organisation
    selected: bool


_ONLY: Final = MappingProxyType(
    {
        Role.CARE_PROVIDER: "only a care provider ticks software parties",
        Role.SOFTWARE_PARTY: "only a software party registers addresses for customers",
    }
)


class Registry:
    """The use cases. `rehearsal` lets addresses in that are not public; nothing else differs."""

    def __init__(
        self, store: Store, clock: Clock, *, enforced_from: datetime | None = None, rehearsal: bool = False
    ) -> None:
        book = store.load()
        self._store = store
        self._clock = clock
        self._rehearsal = rehearsal
        self._lock = Lock()
        self._subscribers: list[Subscriber] = []
        self._snapshot = Snapshot.of(
            book.certificates,
            book.ranges,
            customers=book.customers,
            selected=book.selected,
            version=book.version,
            enforced_from=enforced_from,
        )

    def __repr__(self) -> str:
        return f"<Registry on {self._snapshot!r}{', rehearsal' if self._rehearsal else ''}>"

    @property
    def snapshot(self) -> Snapshot:
        """The book as it stands now."""
        return self._snapshot

    def subscribe(self, subscriber: Subscriber) -> None:
        """Hand `subscriber` the book now and after every change, in order.

        It is called under the lock, in whatever thread made the change: let it do no more than keep the snapshot.
        """
        with self._lock:
            self._subscribers.append(subscriber)
            subscriber(self._snapshot)

    def log_in(self, fingerprint: str) -> ContactPerson:
        """Return the contact person whose valid personal certificate this is, or raise `LogInRefused`."""
        certificate = self._snapshot.certificates.get(Fingerprint(fingerprint))
        person = self._store.contact_person(certificate.user_number) if certificate else None
        return admit(certificate, person, at=self._clock())

    def certificates(self, person: ContactPerson) -> tuple[Held, ...]:
        """Return the system certificates of the person's organisation, by user number, the oldest first."""
        now = self._clock()
        own = sorted(self._owned(person), key=lambda each: (each.user_number, each.not_before, each.fingerprint))
        return tuple(Held(certificate=each, state=state(each, at=now)) for each in own)

    def registrations(self, person: ContactPerson, number: str) -> tuple[Registration, ...]:
        """Return what is registered under one of the organisation's user numbers, or raise `CertificateNotFound`."""
        return self._store.registrations(self._own(person, number))

    def register(self, person: ContactPerson, number: str, text: str) -> Registered:
        """Register an address or range, or find it registered.

        Raises `CertificateNotFound` for a number that is not the organisation's, `AddressRefused` with the reason.
        """
        own = self._own(person, number)
        addresses = parse_range(text, rehearsal=self._rehearsal)
        new = Registration(user_number=own, range=addresses, by=person.user_number, at=self._clock())
        with self._lock:
            fresh = self._record(AddressRegistered(registration=new))
            standing = new if fresh else self._standing(own, addresses)
        return Registered(registration=standing, fresh=fresh)

    def remove(self, person: ContactPerson, number: str, text: str) -> None:
        """Remove an address or range as it was registered.

        Raises `CertificateNotFound`, `AddressRefused` for unreadable text, `AddressNotFound`. What a rehearsal let in
        can always be taken out again.
        """
        own = self._own(person, number)
        addresses = parse_range(text, rehearsal=True)
        event = AddressRemoved(user_number=own, range=addresses, by=person.user_number, at=self._clock())
        with self._lock:
            if not self._record(event):
                raise AddressNotFound(f"{addresses} is not registered for {own}")

    def customers_addresses(self, person: ContactPerson) -> tuple[PartyAddress, ...]:
        """Return what the person's software party registered for its customers, or raise `RoleRefused`."""
        self._must_be(person, Role.SOFTWARE_PARTY)
        return self._store.party_addresses(person.organisation)

    def register_for_customers(self, person: ContactPerson, text: str) -> RegisteredForCustomers:
        """Register an address or range at which a software party runs its customers' certificates (Q26, Q30).

        It counts at once for those who ticked the party. Raises `RoleRefused`, and `AddressRefused` with the reason.
        """
        self._must_be(person, Role.SOFTWARE_PARTY)
        addresses = parse_range(text, rehearsal=self._rehearsal)
        new = PartyAddress(party=person.organisation, range=addresses, by=person.user_number, at=self._clock())
        with self._lock:
            fresh = self._record(PartyAddressRegistered(address=new))
            known = self._store.party_addresses(person.organisation)
        standing = next(each for each in known if each.range == addresses)
        return RegisteredForCustomers(address=standing, fresh=fresh)

    def remove_for_customers(self, person: ContactPerson, text: str) -> None:
        """Remove such an address or range, as it was registered.

        Raises `RoleRefused`, `AddressRefused` for unreadable text, `AddressNotFound`.
        """
        self._must_be(person, Role.SOFTWARE_PARTY)
        addresses = parse_range(text, rehearsal=True)
        party, number, now = person.organisation, person.user_number, self._clock()
        with self._lock:
            if not self._record(PartyAddressRemoved(party=party, range=addresses, by=number, at=now)):
                raise AddressNotFound(f"{addresses} is not registered for your customers")

    def parties(self, person: ContactPerson) -> tuple[Listed, ...]:
        """Return the software parties that can be ticked: those with an address (Q27). Raises `RoleRefused`."""
        self._must_be(person, Role.CARE_PROVIDER)
        snapshot = self._snapshot
        ticked = snapshot.selected_by(person.organisation)
        return tuple(
            Listed(party=each, selected=each.id in ticked)
            for each in self._store.organisations()
            if snapshot.customers_of(each.id)
        )

    def select_party(self, person: ContactPerson, party: str) -> bool:
        """Have a software party's addresses count for the provider's certificates; False when they did.

        They count as they are, also when the party changes them later (Q30). Raises `RoleRefused`, `PartyNotFound`.
        """
        self._must_be(person, Role.CARE_PROVIDER)
        provider, number, now = person.organisation, person.user_number, self._clock()
        with self._lock:
            if not self._snapshot.customers_of(OrganisationId(party)):
                raise PartyNotFound("no software party of this name can be ticked: each is, from its first address on")
            new = Selection(provider=provider, party=OrganisationId(party), by=number, at=now)
            return self._record(PartySelected(selection=new))

    def deselect_party(self, person: ContactPerson, party: str) -> None:
        """Take that back. Raises `RoleRefused`, and `PartyNotFound` when it was not ticked."""
        self._must_be(person, Role.CARE_PROVIDER)
        provider, number, now = person.organisation, person.user_number, self._clock()
        with self._lock:
            taken = PartyDeselected(provider=provider, party=OrganisationId(party), by=number, at=now)
            if not self._record(taken):
                raise PartyNotFound("this software party was not ticked")

    def add_organisation(self, organisation: Organisation) -> bool:
        """Add a care provider or a software party; False when it was there. Raises `EnrolmentRefused`."""
        with self._lock:
            enrolment.check_organisation(organisation, known=self._store.organisations())
            return self._record(OrganisationAdded(organisation=organisation))

    def add_contact_person(self, person: ContactPerson) -> bool:
        """Add a contact person to an organisation; False when it was there. Raises `EnrolmentRefused`."""
        with self._lock:
            self._must_know(person.organisation)
            known = self._store.contact_person(person.user_number)
            if known is not None and known != person:
                raise EnrolmentRefused(Enrolment.TAKEN, f"user number {person.user_number} is another person's")
            enrolment.check_contact_person(person, colleagues=self._store.contact_persons(person.organisation))
            return self._record(ContactPersonAdded(person=person))

    def add_certificate(self, certificate: Certificate) -> bool:
        """Add a certificate that was issued; False when it was there. Raises `EnrolmentRefused`."""
        with self._lock:
            self._must_know(certificate.organisation)
            enrolment.check_certificate(certificate, known=self._like(certificate))
            return self._record(CertificateAdded(certificate=certificate))

    def revoke_certificate(self, fingerprint: str) -> bool:
        """Let a certificate count no longer, from now on; False when it was revoked. Raises `EnrolmentRefused`."""
        with self._lock:
            known = self._snapshot.certificates.get(Fingerprint(fingerprint))
            if known is None:
                raise EnrolmentRefused(Enrolment.CERTIFICATE_UNKNOWN, "no certificate has this fingerprint")
            return self._record(CertificateRevoked(fingerprint=known.fingerprint, at=self._clock()))

    def _like(self, certificate: Certificate) -> Iterator[Certificate]:
        """Yield those of the book that have its fingerprint or its user number."""
        if (same := self._snapshot.certificates.get(certificate.fingerprint)) is not None:
            yield same
        yield from self._snapshot.numbered_as(certificate.user_number)

    def _own(self, person: ContactPerson, number: str) -> UserNumber:
        for each in self._owned(person):
            if each.user_number == number:
                return each.user_number
        raise CertificateNotFound("your organisation has no system certificate under this user number")

    def _owned(self, person: ContactPerson) -> Iterator[SystemCertificate]:
        for each in self._snapshot.held_by(person.organisation):
            if isinstance(each, SystemCertificate):
                yield each

    def _must_be(self, person: ContactPerson, role: Role) -> None:
        organisation = self._store.organisation(person.organisation)
        if organisation is None or organisation.role is not role:
            raise RoleRefused(_ONLY[role])

    def _must_know(self, organisation: OrganisationId) -> None:
        if self._store.organisation(organisation) is None:
            raise EnrolmentRefused(Enrolment.ORGANISATION_UNKNOWN, f"the book has no organisation {organisation}")

    def _standing(self, number: UserNumber, addresses: AddressRange) -> Registration:
        return next(each for each in self._store.registrations(number) if each.range == addresses)

    def _record(self, event: Event) -> bool:
        version = self._store.record(event)
        if version is None:
            return False
        self._snapshot = self._snapshot.with_change(event, version=version)
        for subscriber in self._subscribers:
            subscriber(self._snapshot)
        return True
