"""A demo authority made once per test run, and the certificates that tests ask of it most."""

from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import IPv4Address

from relay.authority.authority import Authority
from relay.authority.issued import Issued

# Real sockets judge dates by the machine's clock, so the test run's moment is the machine's, taken once.
AT = datetime.now(UTC).replace(microsecond=0)
USER_NUMBER = "20001000001131"
PERSONAL_NUMBER = "20001000009999"
ORGANISATION = "Praktijk De Linde"


@cache
def authority() -> Authority:
    """The authority that the gates under test trust."""
    return Authority.create(at=AT)


@cache
def foreign_authority() -> Authority:
    """An authority that nobody under test trusts."""
    return Authority.create(at=AT, name="Elsewhere")


@cache
def system() -> Issued:
    """A system certificate that is in order."""
    return authority().issue_system(USER_NUMBER, ORGANISATION, at=AT - timedelta(days=1))


@cache
def personal() -> Issued:
    """A contact person's certificate that is in order."""
    return authority().issue_personal(PERSONAL_NUMBER, "Anna", "Voorbeeld", ORGANISATION, at=AT - timedelta(days=1))


@cache
def expired() -> Issued:
    """A system certificate that ended yesterday."""
    return authority().issue_system(USER_NUMBER, ORGANISATION, at=AT - timedelta(days=31), days=30)


@cache
def not_yet_valid() -> Issued:
    """A system certificate that begins tomorrow."""
    return authority().issue_system(USER_NUMBER, ORGANISATION, at=AT + timedelta(days=1))


@cache
def foreign() -> Issued:
    """A system certificate in the right shape from an authority that nobody trusts."""
    return foreign_authority().issue_system(USER_NUMBER, ORGANISATION, at=AT - timedelta(days=1))


@cache
def server() -> Issued:
    """A server's certificate for localhost and 127.0.0.1; as a client's it has the wrong purpose."""
    return authority().issue_server(["localhost"], [IPv4Address("127.0.0.1")], at=AT - timedelta(days=1))
