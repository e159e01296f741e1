"""Words that settings, routes and certificates share."""

from enum import StrEnum


class Environment(StrEnum):
    """VECOZO's environments; a certificate of one is refused by the others."""

    PRODUCTION = "production"
    ACCEPTANCE = "acceptance"
    TEST = "test"


class Family(StrEnum):
    """Families of routes: they read refusals differently, and iWlz has a certificate of its own."""

    SOAP = "soap"
    MESSAGES = "messages"
    IWLZ = "iwlz"


class Wording(StrEnum):
    """How an upstream words its refusals: `403 Forbidden` is the address at the gateway, a policy at iWlz' PEP."""

    GATEWAY = "gateway"
    PEP = "pep"
