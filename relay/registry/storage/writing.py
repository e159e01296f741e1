"""How each kind of event changes the tables. Everything here is one statement or two of somebody's transaction."""

from datetime import datetime
from functools import singledispatch

from sqlalchemy import Connection, Table, select

from relay.registry.domain import events
from relay.registry.domain.identifiers import Fingerprint
from relay.registry.storage import rows
from relay.registry.storage.tables import (
    AUTHORISATIONS,
    BLOCKS,
    CERTIFICATES,
    CONSENTS,
    CONTACT_PERSONS,
    DEFERRALS,
    ENTERPRISES,
    MAIN_CONTACTS,
    ORGANISATIONS,
    PARTY_ADDRESSES,
    REGISTRATIONS,
    SELECTIONS,
)


@singledispatch
def write(event: object, connection: Connection) -> bool:
    """Write one event; False when the book said so already."""
    raise TypeError(type(event))  # an event without a line below


@write.register
def _(event: events.EnterpriseAdded, connection: Connection) -> bool:
    return _insert(connection, ENTERPRISES, rows.enterprise_values(event.enterprise), by=("id",))


@write.register
def _(event: events.MainContactNamed, connection: Connection) -> bool:
    return _put(connection, MAIN_CONTACTS, rows.main_contact_values(event.person), by=("enterprise",))


@write.register
def _(event: events.OrganisationAdded, connection: Connection) -> bool:
    return _insert(connection, ORGANISATIONS, rows.organisation_values(event.organisation), by=("id",))


@write.register
def _(event: events.ContactPersonAdded, connection: Connection) -> bool:
    return _insert(connection, CONTACT_PERSONS, rows.contact_person_values(event.person), by=("user_number",))


@write.register
def _(event: events.CertificateAdded, connection: Connection) -> bool:
    return _insert(connection, CERTIFICATES, rows.certificate_values(event.certificate), by=("fingerprint",))


@write.register
def _(event: events.CertificateCollected, connection: Connection) -> bool:
    return _dated(connection, event.fingerprint, "collected_at", event.at)


@write.register
def _(event: events.CertificateRevoked, connection: Connection) -> bool:
    return _dated(connection, event.fingerprint, "revoked_at", event.at)


@write.register
def _(event: events.AddressRegistered, connection: Connection) -> bool:
    values = rows.registration_values(event.registration)
    return _put(connection, REGISTRATIONS, values, by=("user_number", "first", "last"), unless=("until",))


@write.register
def _(event: events.AddressRemoved, connection: Connection) -> bool:
    return _delete(connection, REGISTRATIONS, {"user_number": event.user_number, **rows.range_values(event.range)})


@write.register
def _(event: events.PartyAddressRegistered, connection: Connection) -> bool:
    values = rows.party_address_values(event.address)
    return _put(connection, PARTY_ADDRESSES, values, by=("party", "first", "last"), unless=("until",))


@write.register
def _(event: events.PartyAddressRemoved, connection: Connection) -> bool:
    return _delete(connection, PARTY_ADDRESSES, {"party": event.party, **rows.range_values(event.range)})


@write.register
def _(event: events.PartySelected, connection: Connection) -> bool:
    return _insert(connection, SELECTIONS, rows.selection_values(event.selection), by=("provider", "party"))


@write.register
def _(event: events.PartyDeselected, connection: Connection) -> bool:
    return _delete(connection, SELECTIONS, {"provider": event.provider, "party": event.party})


@write.register
def _(event: events.ConsentGiven, connection: Connection) -> bool:
    return _insert(connection, CONSENTS, rows.consent_values(event.consent), by=("provider", "party", "service"))


@write.register
def _(event: events.ConsentWithdrawn, connection: Connection) -> bool:
    key = {"provider": event.provider, "party": event.party, "service": event.service.value}
    return _delete(connection, CONSENTS, key)


@write.register
def _(event: events.ServiceAuthorised, connection: Connection) -> bool:
    values = rows.authorisation_values(event.authorisation)
    return _insert(connection, AUTHORISATIONS, values, by=("user_number", "service"))


@write.register
def _(event: events.AuthorisationWithdrawn, connection: Connection) -> bool:
    return _delete(connection, AUTHORISATIONS, {"user_number": event.user_number, "service": event.service.value})


@write.register
def _(event: events.Blocked, connection: Connection) -> bool:
    return _insert(connection, BLOCKS, rows.block_values(event.block), by=("user_number",))


@write.register
def _(event: events.BlockLifted, connection: Connection) -> bool:
    return _delete(connection, BLOCKS, {"user_number": event.user_number})


@write.register
def _(event: events.CheckDeferred, connection: Connection) -> bool:
    return _put(connection, DEFERRALS, rows.deferral_values(event.deferral), by=("user_number",), unless=("until",))


@write.register
def _(event: events.DeferralEnded, connection: Connection) -> bool:
    return _delete(connection, DEFERRALS, {"user_number": event.user_number})


def _dated(connection: Connection, fingerprint: Fingerprint, column: str, at: datetime) -> bool:
    """Say when something happened to a certificate, once."""
    undated = CERTIFICATES.c.fingerprint == fingerprint, CERTIFICATES.c[column].is_(None)
    return connection.execute(CERTIFICATES.update().where(*undated).values({column: at})).rowcount > 0


def _insert(connection: Connection, table: Table, values: rows.Values, *, by: tuple[str, ...]) -> bool:
    known = select(table).filter_by(**{name: values[name] for name in by})
    if connection.execute(known).first() is not None:
        return False
    connection.execute(table.insert().values(**values))
    return True


def _put(
    connection: Connection, table: Table, values: rows.Values, *, by: tuple[str, ...], unless: tuple[str, ...] = ()
) -> bool:
    """Insert a row, or write over the one that has the same key; not where it is the same in `unless`, or in all."""
    key = {name: values[name] for name in by}
    known = connection.execute(select(table).filter_by(**key)).mappings().first()
    if known is None:
        connection.execute(table.insert().values(**values))
        return True
    if all(known[name] == values[name] for name in unless or values):
        return False
    connection.execute(table.update().filter_by(**key).values(**values))
    return True


def _delete(connection: Connection, table: Table, key: rows.Values) -> bool:
    return connection.execute(table.delete().filter_by(**key)).rowcount > 0
