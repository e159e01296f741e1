"""The book in a database, by SQLAlchemy Core: portable SQL, one transaction a call."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, Final, TypeVar

from sqlalchemy import Column, Connection, Engine, Row, Select, Table, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from relay.registry.domain.errors import BookUnavailable
from relay.registry.domain.events import Event
from relay.registry.domain.identifiers import EnterpriseId, OrganisationId, UserNumber
from relay.registry.domain.mandates import Consent
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
from relay.registry.ports import Book
from relay.registry.storage import codec, rows
from relay.registry.storage.tables import (
    AUTHORISATIONS,
    BLOCKS,
    BOOK,
    CERTIFICATES,
    CONSENTS,
    CONTACT_PERSONS,
    DEFERRALS,
    ENTERPRISES,
    EVENTS,
    MAIN_CONTACTS,
    ORGANISATIONS,
    PARTY_ADDRESSES,
    REGISTRATIONS,
    SELECTIONS,
)
from relay.registry.storage.writing import write

T = TypeVar("T")
Key = TypeVar("Key", bound=str)
Announce = Callable[[Connection, int], None]

# Rows read at a time.
_PART: Final = 10_000


class SqlStore:
    """A `relay.registry.ports.Store` on any engine whose schema is up to date."""

    def __init__(self, engine: Engine, *, whole: Engine | None = None, announce: Announce | None = None) -> None:
        """Take an engine, and `whole`, whose transactions see one moment; `announce` tells of each new version."""
        self._engine: Final = engine
        self._whole: Final = whole or engine
        self._announce: Final = announce

    def __repr__(self) -> str:
        return f"<SqlStore {self._engine.url.render_as_string(hide_password=True)}>"

    def load(self) -> Book:
        """Return the whole book as of one moment."""
        return self._run(_load, self._whole)

    def record(self, event: Event, *, at: datetime) -> int | None:
        """Write down what happened and return the book's new version; None when the book said so already."""
        return self._run(lambda connection: _record(connection, event, at, self._announce))

    def begin(self, events: Sequence[Event], *, at: datetime) -> int:
        """Write down all of these in a book in which nothing has happened, or none; return its version."""
        return self._run(lambda connection: _begin(connection, events, at, self._announce))

    def since(self, version: int) -> tuple[tuple[int, Event], ...]:
        """Return what happened after a version, each with the version that it made."""
        query = select(EVENTS).where(EVENTS.c.version > version).order_by(EVENTS.c.version)
        return self._all(query, lambda row: (row.version, codec.event_of(row.kind, row.body)))

    def enterprises(self) -> tuple[Enterprise, ...]:
        """Return all enterprises by their short names."""
        return self._all(select(ENTERPRISES).order_by(ENTERPRISES.c.id), rows.enterprise_of)

    def main_contact(self, enterprise: EnterpriseId) -> MainContact | None:
        """Return an enterprise's main contact, or None."""
        return self._one(select(MAIN_CONTACTS).where(MAIN_CONTACTS.c.enterprise == enterprise), rows.main_contact_of)

    def organisations(self) -> tuple[Organisation, ...]:
        """Return all organisations by their short names."""
        return self._all(select(ORGANISATIONS).order_by(ORGANISATIONS.c.id), rows.organisation_of)

    def organisation(self, name: OrganisationId) -> Organisation | None:
        """Return the organisation of this short name, or None."""
        return self._one(select(ORGANISATIONS).where(ORGANISATIONS.c.id == name), rows.organisation_of)

    def contact_person(self, number: UserNumber) -> ContactPerson | None:
        """Return the contact person under this user number, or None."""
        return self._one(select(CONTACT_PERSONS).where(CONTACT_PERSONS.c.user_number == number), rows.contact_person_of)

    def contact_persons(self, organisation: OrganisationId) -> tuple[ContactPerson, ...]:
        """Return an organisation's contact persons by their user numbers."""
        query = select(CONTACT_PERSONS).where(CONTACT_PERSONS.c.organisation == organisation)
        return self._all(query.order_by(CONTACT_PERSONS.c.user_number), rows.contact_person_of)

    def registrations(self, number: UserNumber) -> tuple[Registration, ...]:
        """Return what is registered under a user number, in the order in which it was made."""
        query = select(REGISTRATIONS).where(REGISTRATIONS.c.user_number == number).order_by(REGISTRATIONS.c.id)
        return self._all(query, rows.registration_of)

    def party_addresses(self, party: OrganisationId) -> tuple[PartyAddress, ...]:
        """Return what a software party registered for its customers, in the order in which it was made."""
        query = select(PARTY_ADDRESSES).where(PARTY_ADDRESSES.c.party == party).order_by(PARTY_ADDRESSES.c.id)
        return self._all(query, rows.party_address_of)

    def selections(self, provider: OrganisationId) -> tuple[Selection, ...]:
        """Return the software parties that a care provider ticked, in that order."""
        query = select(SELECTIONS).where(SELECTIONS.c.provider == provider).order_by(SELECTIONS.c.id)
        return self._all(query, rows.selection_of)

    def consents(self, organisation: OrganisationId) -> tuple[Consent, ...]:
        """Return the consents that an organisation gave, or that it was given, in that order."""
        concerned = (CONSENTS.c.provider == organisation) | (CONSENTS.c.party == organisation)
        return self._all(select(CONSENTS).where(concerned).order_by(CONSENTS.c.id), rows.consent_of)

    def _all(self, query: Select[Any], made: Callable[[Row[Any]], T]) -> tuple[T, ...]:
        return tuple(map(made, self._run(lambda connection: connection.execute(query).all())))

    def _one(self, query: Select[Any], made: Callable[[Row[Any]], T]) -> T | None:
        found = self._run(lambda connection: connection.execute(query).one_or_none())
        return None if found is None else made(found)

    def _run(self, work: Callable[[Connection], T], engine: Engine | None = None) -> T:
        try:
            with (engine or self._engine).begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise BookUnavailable(f"the registry's book cannot be used: {cause_of(error)}") from error


def cause_of(error: SQLAlchemyError) -> str:
    """Return the driver's own words only, in one line: SQLAlchemy's carry the statement and its values."""
    cause = getattr(error, "orig", None)
    # PostgreSQL's detail has the values of a row in it.
    return type(error).__name__ if cause is None else " ".join(str(cause).partition("\nDETAIL:")[0].split())


def _load(connection: Connection) -> Book:
    def everything(table: Table, made: Callable[[Row[Any]], T]) -> tuple[T, ...]:
        return tuple(map(made, connection.execute(select(table))))

    return Book(
        version=connection.execute(select(BOOK.c.version)).scalar_one(),
        organisations=everything(ORGANISATIONS, rows.organisation_of),
        certificates=everything(CERTIFICATES, rows.certificate_of),
        ranges=_ranges(connection, REGISTRATIONS.c.user_number, REGISTRATIONS),
        customers=_ranges(connection, PARTY_ADDRESSES.c.party, PARTY_ADDRESSES),
        selected=_selected(connection),
        consents=everything(CONSENTS, rows.consent_of),
        authorisations=everything(AUTHORISATIONS, rows.authorisation_of),
        blocks=everything(BLOCKS, rows.block_of),
        deferrals=everything(DEFERRALS, rows.deferral_of),
    )


def _ranges(connection: Connection, whose: Column[Key], table: Table) -> dict[Key, Ranges]:
    """Return what is registered, by whose it is; read in parts, for there can be a million."""
    lasting = select(whose, table.c.first, table.c.last).where(table.c.until.is_(None)).order_by(whose)
    found = connection.execute(lasting.execution_options(yield_per=_PART))
    registered = {
        key: Ranges((first, last) for _, first, last in each) for key, each in groupby(found, key=itemgetter(0))
    }
    ending = select(whose.label("whose"), table).where(table.c.until.is_not(None)).order_by(whose)
    for key, ended in groupby(connection.execute(ending), key=attrgetter("whose")):
        ranges = registered.get(key, Ranges())
        for each in ended:
            ranges = ranges.having(rows.range_of(each), each.until)
        registered[key] = ranges
    return registered


def _selected(connection: Connection) -> dict[OrganisationId, tuple[OrganisationId, ...]]:
    query = select(SELECTIONS.c.provider, SELECTIONS.c.party).order_by(SELECTIONS.c.provider, SELECTIONS.c.id)
    found = groupby(connection.execute(query), key=itemgetter(0))
    return {provider: tuple([party for _, party in ticked]) for provider, ticked in found}


def _record(connection: Connection, event: Event, at: datetime, announce: Announce | None) -> int | None:
    # The version's row is also the lock that puts all writers in a row, on every database, before anything is read.
    savepoint = connection.begin_nested()
    raised = BOOK.update().values(version=BOOK.c.version + 1).returning(BOOK.c.version)
    version: int = connection.execute(raised).scalar_one()
    if write(event, connection):
        made = {"version": version, "at": at, "kind": codec.kind_of(event), "body": codec.text_of(event)}
        connection.execute(EVENTS.insert().values(made))
        if announce is not None:
            announce(connection, version)
        return version
    savepoint.rollback()
    return None


def _begin(connection: Connection, events: Sequence[Event], at: datetime, announce: Announce | None) -> int:
    locked = connection.execute(BOOK.update().values(version=BOOK.c.version).returning(BOOK.c.version)).scalar_one()
    if locked:
        raise BookUnavailable("something has happened in this book already: only a new one can become another")
    version = 0
    for number, event in enumerate(events):
        try:
            version = _record(connection, event, at, announce) or version
        except IntegrityError as error:
            fault = f"events.{number} contradicts what is before it ({cause_of(error)}): nothing was written"
            raise BookUnavailable(fault) from error
    return version
