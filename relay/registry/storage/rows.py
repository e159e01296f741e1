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
from relay.registry.domain.mandates import Authorisation, Block, Consent, Deferral, Service
from relay.registry.domain.parties import (
    ContactPerson,
    Enterprise,
    Language,
    MainContact,
    Organisation,
    PartyAddress,
    Role,
    Selection,
)
from relay.registry.domain.registrations import Registration

_SYSTEM, _PERSONAL = "system", "personal"

Values = Mapping[str, object]


def enterprise_values(enterprise: Enterprise) -> Values:
    """Return the columns of an enterprise."""
    return {"id": enterprise.id, "name": enterprise.name}


def enterprise_of(row: Row[Any]) -> Enterprise:
    """Return the enterprise in a row."""
    return Enterprise(id=row.id, name=row.name)


def main_contact_values(person: MainContact) -> Values:
    """Return the columns of a main contact."""
    return {
        "enterprise": person.enterprise,
        "user_number": person.user_number,
        "name": person.name,
        "mail": person.mail,
        "language": person.language.value,
    }


def main_contact_of(row: Row[Any]) -> MainContact:
    """Return the main contact in a row."""
    return MainContact(
        user_number=row.user_number,
        name=row.name,
        enterprise=row.enterprise,
        mail=row.mail,
        language=Language(row.language),
    )


def organisation_values(organisation: Organisation) -> Values:
    """Return the columns of an organisation."""
    return {
        "id": organisation.id,
        "name": organisation.name,
        "agb_code": organisation.agb_code,
        "role": organisation.role.value,
        "enterprise": organisation.enterprise,
    }


def organisation_of(row: Row[Any]) -> Organisation:
    """Return the organisation in a row."""
    return Organisation(id=row.id, name=row.name, agb_code=row.agb_code, role=Role(row.role), enterprise=row.enterprise)


def contact_person_values(person: ContactPerson) -> Values:
    """Return the columns of a contact person."""
    return {
        "user_number": person.user_number,
        "name": person.name,
        "organisation": person.organisation,
        "mail": person.mail,
        "language": person.language.value,
    }


def contact_person_of(row: Row[Any]) -> ContactPerson:
    """Return the contact person in a row."""
    return ContactPerson(
        user_number=row.user_number,
        name=row.name,
        organisation=row.organisation,
        mail=row.mail,
        language=Language(row.language),
    )


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
        "collected_at": certificate.collected_at,
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
            collected_at=row.collected_at,
            revoked_at=row.revoked_at,
        )
    return SystemCertificate(
        user_number=row.user_number,
        fingerprint=row.fingerprint,
        organisation=row.organisation,
        environment=Environment(row.environment),
        not_before=row.not_before,
        not_after=row.not_after,
        collected_at=row.collected_at,
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
        "until": registration.until,
    }


def registration_of(row: Row[Any]) -> Registration:
    """Return the registration in a row."""
    return Registration(
        user_number=row.user_number,
        range=range_of(row),
        by=row.registered_by,
        at=row.registered_at,
        until=row.until,
    )


def party_address_values(address: PartyAddress) -> Values:
    """Return the columns of a software party's address."""
    return {
        "party": address.party,
        **range_values(address.range),
        "registered_by": address.by,
        "registered_at": address.at,
        "until": address.until,
    }


def party_address_of(row: Row[Any]) -> PartyAddress:
    """Return the software party's address in a row."""
    return PartyAddress(
        party=row.party,
        range=range_of(row),
        by=row.registered_by,
        at=row.registered_at,
        until=row.until,
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


def consent_values(consent: Consent) -> Values:
    """Return the columns of a consent."""
    return {
        "provider": consent.provider,
        "party": consent.party,
        "service": consent.service.value,
        "given_by": consent.by,
        "given_at": consent.at,
    }


def consent_of(row: Row[Any]) -> Consent:
    """Return the consent in a row."""
    return Consent(
        provider=row.provider, party=row.party, service=Service(row.service), by=row.given_by, at=row.given_at
    )


def authorisation_values(authorisation: Authorisation) -> Values:
    """Return the columns of an authorisation."""
    return {
        "user_number": authorisation.user_number,
        "service": authorisation.service.value,
        "authorised_by": authorisation.by,
        "authorised_at": authorisation.at,
    }


def authorisation_of(row: Row[Any]) -> Authorisation:
    """Return the authorisation in a row."""
    return Authorisation(
        user_number=row.user_number, service=Service(row.service), by=row.authorised_by, at=row.authorised_at
    )


def block_values(block: Block) -> Values:
    """Return the columns of a block."""
    return {"user_number": block.user_number, "blocked_by": block.by, "blocked_at": block.at}


def block_of(row: Row[Any]) -> Block:
    """Return the block in a row."""
    return Block(user_number=row.user_number, by=row.blocked_by, at=row.blocked_at)


def deferral_values(deferral: Deferral) -> Values:
    """Return the columns of a deferral."""
    return {
        "user_number": deferral.user_number,
        "until": deferral.until,
        "deferred_by": deferral.by,
        "deferred_at": deferral.at,
    }


def deferral_of(row: Row[Any]) -> Deferral:
    """Return the deferral in a row."""
    return Deferral(user_number=row.user_number, until=row.until, by=row.deferred_by, at=row.deferred_at)
