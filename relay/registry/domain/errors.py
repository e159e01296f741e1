"""What a contact person can be told, in the caller's words; `relay.registry.api.problems` turns it into answers."""

from enum import StrEnum


class RegistryError(Exception):
    """The root of everything that the registry can answer. `detail` is safe to show."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class LogIn(StrEnum):
    """Why somebody is not let in: the last rule that the certificate failed."""

    CERTIFICATE_MISSING = "certificate_missing"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    CERTIFICATE_UNKNOWN = "certificate_unknown"
    SYSTEM_CERTIFICATE = "system_certificate"
    CERTIFICATE_REVOKED = "certificate_revoked"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_UNCOLLECTED = "certificate_uncollected"
    NOT_A_CONTACT_PERSON = "not_a_contact_person"


class LogInRefused(RegistryError):
    """The certificate presented lets nobody in."""

    def __init__(self, reason: LogIn, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class CertificateNotFound(RegistryError):
    """There is no such system certificate, or it belongs to another organisation: which of the two is not told."""


class AddressNotFound(RegistryError):
    """This very address or range is not registered for the certificate."""


class BodyRefused(RegistryError):
    """What came with a request is not what belongs there."""


class ServiceUnknown(RegistryError):
    """There is no such service."""


class OrganisationNotFound(RegistryError):
    """There is no such organisation."""


class EndRefused(RegistryError):
    """The end date of a registration is none that can be."""


class RegistrationNotOpen(RegistryError):
    """The day from which addresses can be registered has not come (Q3)."""


class ConsentNotFound(RegistryError):
    """No such consent was given."""


class AuthorisationNotFound(RegistryError):
    """The certificates under this user number are not authorised for the service."""


class BlockNotFound(RegistryError):
    """The certificates under this user number are not blocked."""


class DeferralNotFound(RegistryError):
    """The check of this user number's addresses is not deferred."""


class DeferralRefused(RegistryError):
    """The check of a certificate's address cannot be deferred so: not now, or not for so long (Q20)."""


class CollectionRefused(RegistryError):
    """The certificate cannot be collected: it was revoked, or sixty days have passed."""


class PartyNotFound(RegistryError):
    """There is no such software party, or it has registered no address yet: which of the two is not told (Q27)."""


class RoleRefused(RegistryError):
    """Only another kind of organisation, care provider, software party or Support, can do this."""


class BookUnavailable(RegistryError):
    """The book cannot be read or written just now; nothing was changed."""


class Enrolment(StrEnum):
    """Why something cannot come into the book."""

    ORGANISATION_UNKNOWN = "organisation_unknown"
    TAKEN = "taken"
    TOO_MANY_CONTACT_PERSONS = "too_many_contact_persons"
    CERTIFICATE_UNKNOWN = "certificate_unknown"
    ENTERPRISE_UNKNOWN = "enterprise_unknown"


class EnrolmentRefused(Exception):
    """What was to be added contradicts the book. Told to whoever sets the registry up, never to a caller."""

    def __init__(self, reason: Enrolment, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
