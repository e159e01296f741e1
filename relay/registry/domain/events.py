"""What happened to the book, as values: the store writes them down, the snapshot follows them."""

from dataclasses import dataclass
from datetime import datetime

from relay.registry.domain.addresses import AddressRange
from relay.registry.domain.certificates import Certificate
from relay.registry.domain.identifiers import Fingerprint, OrganisationId, UserNumber
from relay.registry.domain.parties import ContactPerson, Organisation, PartyAddress, Selection
from relay.registry.domain.registrations import Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationAdded:
    """A care provider or a software party came into the book."""

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
class CertificateRevoked:
    """A certificate counts no longer from `at` on."""

    fingerprint: Fingerprint
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRegistered:
    """A contact person registered addresses for the system certificates under a user number."""

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
    """A software party registered addresses for its customers."""

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


PartyEvent = PartyAddressRegistered | PartyAddressRemoved | PartySelected | PartyDeselected
Event = (
    OrganisationAdded
    | ContactPersonAdded
    | CertificateAdded
    | CertificateRevoked
    | AddressRegistered
    | AddressRemoved
    | PartyEvent
)
