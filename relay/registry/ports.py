"""What the registry needs of the world: a store that keeps the book, and a clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from relay.registry.domain.certificates import Certificate
from relay.registry.domain.events import Event
from relay.registry.domain.identifiers import EnterpriseId, OrganisationId, UserNumber
from relay.registry.domain.mandates import Authorisation, Block, Consent, Deferral
from relay.registry.domain.parties import (
    ContactPerson,
    Enterprise,
    MainContact,
    Organisation,
    PartyAddress,
    Selection,
)
from relay.registry.domain.ranges import Ranges
from relay.registry.domain.registrations import Registration


class Clock(Protocol):
    """Tells the time."""

    def __call__(self) -> datetime:
        """Return now, with its time zone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """All that the gate decides on, read in one go."""

    version: int
    organisations: tuple[Organisation, ...]
    certificates: tuple[Certificate, ...]
    ranges: Mapping[UserNumber, Ranges]
    customers: Mapping[OrganisationId, Ranges]
    selected: Mapping[OrganisationId, tuple[OrganisationId, ...]]
    consents: tuple[Consent, ...]
    authorisations: tuple[Authorisation, ...]
    blocks: tuple[Block, ...]
    deferrals: tuple[Deferral, ...]


class News(Protocol):
    """Says that somebody may have written into the book."""

    def wait(self, seconds: float) -> bool:
        """Return whether somebody may have written, at once when it is so, else after so many seconds.

        Raises `BookUnavailable`.
        """
        ...

    def close(self) -> None:
        """Hear nothing any more."""
        ...


class Store(Protocol):
    """Keeps the book. Safe to call from several threads; every call is one transaction.

    Whatever goes wrong in the store itself is raised as `BookUnavailable`, and then nothing has changed.
    """

    def load(self) -> Book:
        """Return the whole book."""
        ...

    def record(self, event: Event, *, at: datetime) -> int | None:
        """Write down what happened and return the book's new version; None when the book said so already."""
        ...

    def begin(self, events: Sequence[Event], *, at: datetime) -> int:
        """Write down all of these in a book in which nothing has happened, or none; return its version.

        Raises `BookUnavailable` when something has happened in it, or when these contradict each other.
        """
        ...

    def since(self, version: int) -> tuple[tuple[int, Event], ...]:
        """Return what happened after a version, in order, each with the version that it made."""
        ...

    def enterprises(self) -> tuple[Enterprise, ...]:
        """Return all enterprises by their short names."""
        ...

    def main_contact(self, enterprise: EnterpriseId) -> MainContact | None:
        """Return an enterprise's main contact, or None."""
        ...

    def organisations(self) -> tuple[Organisation, ...]:
        """Return all organisations by their short names."""
        ...

    def organisation(self, name: OrganisationId) -> Organisation | None:
        """Return the organisation of this short name, or None."""
        ...

    def contact_person(self, number: UserNumber) -> ContactPerson | None:
        """Return the contact person under this user number, or None."""
        ...

    def contact_persons(self, organisation: OrganisationId) -> tuple[ContactPerson, ...]:
        """Return an organisation's contact persons by their user numbers."""
        ...

    def registrations(self, number: UserNumber) -> tuple[Registration, ...]:
        """Return what is registered for the certificates under a user number, in the order in which it was made."""
        ...

    def party_addresses(self, party: OrganisationId) -> tuple[PartyAddress, ...]:
        """Return what a software party registered for its customers, in the order in which it was made."""
        ...

    def selections(self, provider: OrganisationId) -> tuple[Selection, ...]:
        """Return the software parties that a care provider ticked, in that order."""
        ...

    def consents(self, organisation: OrganisationId) -> tuple[Consent, ...]:
        """Return the consents that an organisation gave, or that it was given, in that order."""
        ...
