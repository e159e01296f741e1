"""Words that settings, routes and certificates share."""

from enum import StrEnum
from typing import Final

# Words in the names of a certificate for test or acceptance. That VECOZO writes them there is a guess.
TEST_WORDS: Final = ("acceptatie", "acceptance", "test")


class Environment(StrEnum):
    """VECOZO's environments; a certificate of one is refused by the others."""

    PRODUCTION = "production"
    ACCEPTANCE = "acceptance"
    TEST = "test"


class Family(StrEnum):
    """Kinds of services. VECOZO gives iWlz a system certificate of its own: `certificates.iwlz` of a tenant."""

    SOAP = "soap"
    MESSAGES = "messages"
    IWLZ = "iwlz"


class Wording(StrEnum):
    """How an upstream words its refusals: `403 Forbidden` is the address at the gateway, a policy at iWlz' PEP."""

    GATEWAY = "gateway"
    PEP = "pep"


class Cause(StrEnum):
    """Why VECOZO refused a call."""

    ADDRESS_OR_BLOCKED = "address_or_blocked"
    BLOCKED = "blocked"
    CERTIFICATE_INVALID = "certificate_invalid"
    FUNCTIONAL = "functional"
    QUOTA = "quota"


class Registration(StrEnum):
    """How a tenant's egress address gets registered at VECOZO: by whom, and under whose certificate calls are made.

    `OWN`: the provider's own contact person registers it (FAQ Q23). `PARTY`: the provider's certificate runs at its
    software party, which registers addresses for customers and is ticked by the provider (Q26, Q30). `CONSENT`: the
    party calls under its own certificate, with a consent of the provider for each service (Q25, Q31).
    """

    OWN = "own"
    PARTY = "party"
    CONSENT = "consent"
