"""What happened to the book, as values: the store writes them down, the snapshot follows them."""

from dataclasses import dataclass
from datetime import datetime

from relay.registry.domain.addresses import AddressRange
from relay.registry.domain.certificates import Certificate
from relay.registry.domain.identifiers import Fingerprint, OrganisationId, UserNumber
from relay.registry.domain.mandates import Authorisation, Block, Consent, Deferral, Service
from relay.registry.domain.parties import (
    ContactPerson,
    Enterprise,
    MainContact,
    Organisation,
    PartyAddress,
    Selection,
)
from relay.registry.domain.registrations import Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterpriseAdded:
    """An enterprise came into the book."""

    enterprise: Enterprise


@dataclass(frozen=True, slots=True, kw_only=True)
class MainContactNamed:
    """An enterprise has a main contact; who was that before is it no longer."""

    person: MainContact


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationAdded:
    """A care provider, a software party or Support came into the book."""

    organisation: Organisation


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPersonAdded:
    """Somebody may from now on change an organisation's registrations."""

    person: ContactPerson


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateAdded:
    """A certificate was issued."""

    certificate: Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateCollected:
    """Whom a certificate was issued for has it since `at`."""

    fingerprint: Fingerprint
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRevoked:
    """A certificate counts no longer from `at` on."""

    fingerprint: Fingerprint
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRegistered:
    """A contact person registered addresses for the system certificates under a user number, or gave another end."""

    registration: Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRemoved:
    """A contact person (`by`) took addresses back."""

    user_number: UserNumber
    range: AddressRange
    by: UserNumber
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyAddressRegistered:
    """A software party registered addresses for its customers, or gave another end."""

    address: PartyAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyAddressRemoved:
    """A software party's contact person (`by`) took addresses back."""

    party: OrganisationId
    range: AddressRange
    by: UserNumber
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PartySelected:
    """A care provider ticked a software party."""

    selection: Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyDeselected:
    """A care provider's contact person (`by`) took that back."""

    provider: OrganisationId
    party: OrganisationId
    by: UserNumber
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentGiven:
    """A care provider let a software party act for it on a service."""

    consent: Consent


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawn:
    """A care provider's contact person (`by`) took that back."""

    provider: OrganisationId
    party: OrganisationId
    service: Service
    by: UserNumber
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAuthorised:
    """The certificates under a user number may use a service."""

    authorisation: Authorisation


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisationWithdrawn:
    """They may no longer."""

    user_number: UserNumber
    service: Service
    at: datetime
    by: UserNumber | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """The certificates under a user number are let through nowhere."""

    block: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockLifted:
    """They are again, wherever they were."""

    user_number: UserNumber
    at: datetime
    by: UserNumber | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDeferred:
    """Support put off the check of a user number's addresses; in the place of what it put off before."""

    deferral: Deferral


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferralEnded:
    """Support (`by`) took that back."""

    user_number: UserNumber
    by: UserNumber
    at: datetime


Enrolled = EnterpriseAdded | MainContactNamed | OrganisationAdded | ContactPersonAdded
CertificateEvent = CertificateAdded | CertificateCollected | CertificateRevoked
AddressEvent = AddressRegistered | AddressRemoved | PartyAddressRegistered | PartyAddressRemoved
PartyEvent = PartySelected | PartyDeselected | ConsentGiven | ConsentWithdrawn
SupportEvent = ServiceAuthorised | AuthorisationWithdrawn | Blocked | BlockLifted | CheckDeferred | DeferralEnded
Event = Enrolled | CertificateEvent | AddressEvent | PartyEvent | SupportEvent
