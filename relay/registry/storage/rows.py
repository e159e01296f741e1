"""Rows to domain values and back: pure, and the only file that knows both."""

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any

from sqlalchemy import Row

from relay.registry.domain.addresses import AddressRange
from relay.registry.domain.certificates import (
    Certificate,
    Environment,
    PersonalCertificate,
    SystemCertificate,
)
from relay.registry.domain.parties import ContactPerson, Organisation, PartyAddress, Role, Selection
from relay.registry.domain.registrations import Registration

_SYSTEM, _PERSONAL = "system", "personal"

Values = Mapping[str, object]


def organisation_values(organisation: Organisation) -> Values:
    """Return the columns of an organisation."""
    return {
        "id": organisation.id,
        "name": organisation.name,
        "agb_code": organisation.agb_code,
        "role": organisation.role.value,
    }


def organisation_of(row: Row[Any]) -> Organisation:
    """Return the organisation in a row."""
    return Organisation(id=row.id, name=row.name, agb_code=row.agb_code, role=Role(row.role))


def contact_person_values(person: ContactPerson) -> Values:
    """Return the columns of a contact person."""
    return {"user_number": person.user_number, "name": person.name, "organisation": person.organisation}


def contact_person_of(row: Row[Any]) -> ContactPerson:
    """Return the contact person in a row."""
    return ContactPerson(user_number=row.user_number, name=row.name, organisation=row.organisation)


def certificate_values(certificate: Certificate) -> Values:
    """Return the columns of a certificate of either kind."""
    system = isinstance(certificate, SystemCertificate)
    return {
        "fingerprint": certificate.fingerprint,
        "user_number": certificate.user_number,
        "organisation": certificate.organisation,
        "kind": _SYSTEM if system else _PERSONAL,
        "environment": certificate.environment.value if isinstance(certificate, SystemCertificate) else None,
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "revoked_at": certificate.revoked_at,
    }


def certificate_of(row: Row[Any]) -> Certificate:
    """Return the certificate in a row."""
    if row.kind == _PERSONAL:
        return PersonalCertificate(
            user_number=row.user_number,
            fingerprint=row.fingerprint,
            organisation=row.organisation,
            not_before=row.not_before,
            not_after=row.not_after,
            revoked_at=row.revoked_at,
        )
    return SystemCertificate(
        user_number=row.user_number,
        fingerprint=row.fingerprint,
        organisation=row.organisation,
        environment=Environment(row.environment),
        not_before=row.not_before,
        not_after=row.not_after,
        revoked_at=row.revoked_at,
    )


def range_values(addresses: AddressRange) -> Values:
    """Return a range's two columns."""
    return {"first": int(addresses.first), "last": int(addresses.last)}


def range_of(row: Row[Any]) -> AddressRange:
    """Return the range in a row's two columns."""
    return AddressRange(IPv4Address(row.first), IPv4Address(row.last))


def registration_values(registration: Registration) -> Values:
    """Return the columns of a registration."""
    return {
        "user_number": registration.user_number,
        **range_values(registration.range),
        "registered_by": registration.by,
        "registered_at": registration.at,
    }


def registration_of(row: Row[Any]) -> Registration:
    """Return the registration in a row."""
    return Registration(
        user_number=row.user_number,
        range=range_of(row),
        by=row.registered_by,
        at=row.registered_at,
    )


def party_address_values(address: PartyAddress) -> Values:
    """Return the columns of a software party's address."""
    return {
        "party": address.party,
        **range_values(address.range),
        "registered_by": address.by,
        "registered_at": address.at,
    }


def party_address_of(row: Row[Any]) -> PartyAddress:
    """Return the software party's address in a row."""
    return PartyAddress(
        party=row.party,
        range=range_of(row),
        by=row.registered_by,
        at=row.registered_at,
    )


def selection_values(selection: Selection) -> Values:
    """Return the columns of a selection."""
    return {
        "provider": selection.provider,
        "party": selection.party,
        "selected_by": selection.by,
        "selected_at": selection.at,
    }


def selection_of(row: Row[Any]) -> Selection:
    """Return the selection in a row."""
    return Selection(provider=row.provider, party=row.party, by=row.selected_by, at=row.selected_at)
