"""The book in a database, by SQLAlchemy Core: portable SQL, one transaction a call."""

from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import Final, TypeVar

from sqlalchemy import Column, Connection, Engine, Select, Table, select
from sqlalchemy.exc import SQLAlchemyError

from relay.registry.domain.errors import BookUnavailable
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
    PartyEvent,
    PartySelected,
)
from relay.registry.domain.identifiers import OrganisationId, UserNumber
from relay.registry.domain.parties import ContactPerson, Organisation, PartyAddress, Selection
from relay.registry.domain.ranges import Ranges
from relay.registry.domain.registrations import Registration
from relay.registry.ports import Book
from relay.registry.storage import rows
from relay.registry.storage.tables import (
    BOOK,
    CERTIFICATES,
    CONTACT_PERSONS,
    ORGANISATIONS,
    PARTY_ADDRESSES,
    REGISTRATIONS,
    SELECTIONS,
)

T = TypeVar("T")
Key = TypeVar("Key", bound=str)

# Rows read at a time.
_PART: Final = 10_000


class SqlStore:
    """A `relay.registry.ports.Store` on any engine whose schema is up to date."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __repr__(self) -> str:
        return f"<SqlStore {self._engine.url.render_as_string(hide_password=True)}>"

    def load(self) -> Book:
        """Return the whole book as of one moment."""
        return self._run(_load)

    def record(self, event: Event) -> int | None:
        """Write down what happened and return the book's new version; None when the book said so already."""
        return self._run(lambda connection: _record(connection, event))

    def organisations(self) -> tuple[Organisation, ...]:
        """Return all organisations by their short names."""
        found = self._run(lambda it: it.execute(select(ORGANISATIONS).order_by(ORGANISATIONS.c.id)).all())
        return tuple(map(rows.organisation_of, found))

    def organisation(self, name: OrganisationId) -> Organisation | None:
        """Return the organisation of this short name, or None."""
        query = select(ORGANISATIONS).where(ORGANISATIONS.c.id == name)
        found = self._run(lambda it: it.execute(query).one_or_none())
        return None if found is None else rows.organisation_of(found)

    def contact_person(self, number: UserNumber) -> ContactPerson | None:
        """Return the contact person under this user number, or None."""
        query = select(CONTACT_PERSONS).where(CONTACT_PERSONS.c.user_number == number)
        found = self._run(lambda it: it.execute(query).one_or_none())
        return None if found is None else rows.contact_person_of(found)

    def contact_persons(self, organisation: OrganisationId) -> tuple[ContactPerson, ...]:
        """Return an organisation's contact persons by their user numbers."""
        query = select(CONTACT_PERSONS).where(CONTACT_PERSONS.c.organisation == organisation)
        found = self._run(lambda it: it.execute(query.order_by(CONTACT_PERSONS.c.user_number)).all())
        return tuple(map(rows.contact_person_of, found))

    def registrations(self, number: UserNumber) -> tuple[Registration, ...]:
        """Return what is registered under a user number, in the order in which it was made."""
        query = _registrations().where(REGISTRATIONS.c.user_number == number)
        return tuple(map(rows.registration_of, self._run(lambda it: it.execute(query).all())))

    def party_addresses(self, party: OrganisationId) -> tuple[PartyAddress, ...]:
        """Return what a software party registered for its customers, in the order in which it was made."""
        query = select(PARTY_ADDRESSES).where(PARTY_ADDRESSES.c.party == party).order_by(PARTY_ADDRESSES.c.id)
        return tuple(map(rows.party_address_of, self._run(lambda it: it.execute(query).all())))

    def selections(self, provider: OrganisationId) -> tuple[Selection, ...]:
        """Return the software parties that a care provider ticked, in that order."""
        query = select(SELECTIONS).where(SELECTIONS.c.provider == provider).order_by(SELECTIONS.c.id)
        return tuple(map(rows.selection_of, self._run(lambda it: it.execute(query).all())))

    def _run(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            # The driver's own words only: SQLAlchemy's carry the statement and its values.
            cause = getattr(error, "orig", None) or type(error).__name__
            raise BookUnavailable(f"the registry's book cannot be used: {cause}") from error


def _load(connection: Connection) -> Book:
    return Book(
        version=connection.execute(select(BOOK.c.version)).scalar_one(),
        certificates=tuple(map(rows.certificate_of, connection.execute(select(CERTIFICATES)))),
        ranges=_ranges(connection, REGISTRATIONS.c.user_number, REGISTRATIONS),
        customers=_ranges(connection, PARTY_ADDRESSES.c.party, PARTY_ADDRESSES),
        selected=_selected(connection),
    )


def _ranges(connection: Connection, whose: Column[Key], table: Table) -> dict[Key, Ranges]:
    """Return what is registered, by whose it is; read in parts, for there can be a million."""
    query = select(whose, table.c.first, table.c.last).order_by(whose)
    found = connection.execute(query.execution_options(yield_per=_PART))
    return {
        key: Ranges((first, last) for _, first, last in registered)
        for key, registered in groupby(found, key=itemgetter(0))
    }


def _selected(connection: Connection) -> dict[OrganisationId, tuple[OrganisationId, ...]]:
    query = select(SELECTIONS.c.provider, SELECTIONS.c.party).order_by(SELECTIONS.c.provider, SELECTIONS.c.id)
    found = groupby(connection.execute(query), key=itemgetter(0))
    return {provider: tuple([party for _, party in ticked]) for provider, ticked in found}


def _registrations() -> Select[tuple[object, ...]]:
    return select(REGISTRATIONS).order_by(REGISTRATIONS.c.id)


def _record(connection: Connection, event: Event) -> int | None:
    # The version's row is also the lock that puts all writers in a row, on every database, before anything is read.
    savepoint = connection.begin_nested()
    raised = BOOK.update().values(version=BOOK.c.version + 1).returning(BOOK.c.version)
    version: int = connection.execute(raised).scalar_one()
    if _write(connection, event):
        return version
    savepoint.rollback()
    return None


def _write(connection: Connection, event: Event) -> bool:
    """Write one event; False when the book said so already."""
    match event:
        case OrganisationAdded(organisation=organisation):
            return _insert(connection, ORGANISATIONS, rows.organisation_values(organisation), by=("id",))
        case ContactPersonAdded(person=person):
            return _insert(connection, CONTACT_PERSONS, rows.contact_person_values(person), by=("user_number",))
        case CertificateAdded(certificate=certificate):
            return _insert(connection, CERTIFICATES, rows.certificate_values(certificate), by=("fingerprint",))
        case CertificateRevoked(fingerprint=fingerprint, at=at):
            known = CERTIFICATES.c.fingerprint == fingerprint
            revoked = CERTIFICATES.update().where(known, CERTIFICATES.c.revoked_at.is_(None)).values(revoked_at=at)
            return connection.execute(revoked).rowcount > 0
        case AddressRegistered(registration=registration):
            values = rows.registration_values(registration)
            return _insert(connection, REGISTRATIONS, values, by=("user_number", "first", "last"))
        case AddressRemoved(user_number=number, range=addresses):
            key = {"user_number": number, **rows.range_values(addresses)}
            return connection.execute(REGISTRATIONS.delete().filter_by(**key)).rowcount > 0
        case _:
            return _write_of_parties(connection, event)


def _write_of_parties(connection: Connection, event: PartyEvent) -> bool:
    match event:
        case PartyAddressRegistered(address=address):
            values = rows.party_address_values(address)
            return _insert(connection, PARTY_ADDRESSES, values, by=("party", "first", "last"))
        case PartyAddressRemoved(party=party, range=addresses):
            key = {"party": party, **rows.range_values(addresses)}
            return connection.execute(PARTY_ADDRESSES.delete().filter_by(**key)).rowcount > 0
        case PartySelected(selection=selection):
            return _insert(connection, SELECTIONS, rows.selection_values(selection), by=("provider", "party"))
        case PartyDeselected(provider=provider, party=party):
            key = {"provider": provider, "party": party}
            return connection.execute(SELECTIONS.delete().filter_by(**key)).rowcount > 0


def _insert(connection: Connection, table: Table, values: rows.Values, *, by: tuple[str, ...]) -> bool:
    known = select(table).filter_by(**{name: values[name] for name in by})
    if connection.execute(known).first() is not None:
        return False
    connection.execute(table.insert().values(**values))
    return True
