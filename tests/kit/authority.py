"""A demo authority made once per test run, and the certificates that tests ask of it most."""

from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from relay.authority.authority import Authority
from relay.authority.issued import Issued
from relay.authority.signing import Holder

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


@cache
def other_system() -> Issued:
    """A system certificate that is in order, of somebody else."""
    return authority().issue_system("20001000005555", "Praktijk De Berk", at=AT - timedelta(days=1))


def der(issued: Issued) -> bytes:
    return issued.certificate.public_bytes(Encoding.DER)


def fingerprint(issued: Issued) -> str:
    return issued.certificate.fingerprint(hashes.SHA256()).hex()


def revocations(
    *revoked: Issued | x509.Certificate,
    by: Holder | None = None,
    due: datetime = AT + timedelta(days=7),
    extension: x509.ExtensionType | None = None,
) -> bytes:
    """Return the revocation list of the intermediate, or of another holder, as PEM."""
    issuer = by or authority().intermediate
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(AT - timedelta(days=30))
        .next_update(due)
    )
    for each in revoked:
        certificate = each.certificate if isinstance(each, Issued) else each
        entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(AT - timedelta(days=1)).build())
    if extension is not None:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.PEM)
