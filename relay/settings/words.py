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
