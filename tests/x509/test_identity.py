"""Whose certificate it is, read from names as VECOZO may write them."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from relay.authority import profile
from relay.authority.signing import KeyType, distinguished_name, new_key, sign
from relay.x509.identity import CertificateUnreadable, Kind, identify
from tests.kit import authority as kit

ORGANISATION = (NameOID.ORGANIZATION_NAME, kit.ORGANISATION)


def named(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Certificate:
    return sign(
        distinguished_name(*attributes),
        new_key(KeyType.P256),
        issuer=kit.authority().intermediate,
        not_before=kit.AT,
        days=1,
        extensions=profile.client(),
    )


def test_a_system_certificate_tells_its_number_organisation_and_dates() -> None:
    certificate = kit.system().certificate
    identity = identify(certificate)
    assert (identity.user_number, identity.kind, identity.organisation) == (
        kit.USER_NUMBER,
        Kind.SYSTEM,
        kit.ORGANISATION,
    )
    assert identity.subject == "CN=20001000001131,O=Praktijk De Linde,C=NL"
    assert identity.issuer == kit.authority().intermediate.certificate.subject.rfc4514_string()
    assert (identity.not_before, identity.not_after) == (
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )
    assert identity.not_after.utcoffset() is not None


def test_a_personal_certificate_is_known_by_the_name_in_it() -> None:
    identity = identify(kit.personal().certificate)
    assert (identity.user_number, identity.kind) == (kit.PERSONAL_NUMBER, Kind.PERSONAL)


@pytest.mark.parametrize(
    "common_name",
    [
        "20001000001131",
        "Praktijk De Linde",
        "PRAKTIJK DE LINDE 20001000001131",
        "Systeemcertificaat 20001000001131",
        "VECOZO systeem AGB-code 01012345",
    ],
)
def test_a_name_without_a_person_in_it_is_a_system_certificate(common_name: str) -> None:
    assert identify(named(ORGANISATION, (NameOID.COMMON_NAME, common_name))).kind is Kind.SYSTEM


@pytest.mark.parametrize("common_name", ["A. Voorbeeld", "Anna Voorbeeld 20001000009999", "Ânna", "De Linde, Anna"])
def test_letters_that_are_not_the_organisation_are_a_persons_name(common_name: str) -> None:
    assert identify(named(ORGANISATION, (NameOID.COMMON_NAME, common_name))).kind is Kind.PERSONAL


@pytest.mark.parametrize("part", [NameOID.GIVEN_NAME, NameOID.SURNAME])
def test_a_given_name_or_surname_alone_makes_it_personal(part: x509.ObjectIdentifier) -> None:
    certificate = named(ORGANISATION, (part, "Linde"), (NameOID.COMMON_NAME, "20001000001131"))
    assert identify(certificate).kind is Kind.PERSONAL


@pytest.mark.parametrize(
    ("oid", "value", "number"),
    [
        (NameOID.COMMON_NAME, "20001000001131", "20001000001131"),
        (NameOID.COMMON_NAME, "systeem 20001000001131 test", "20001000001131"),
        (NameOID.SERIAL_NUMBER, "20001000001131", "20001000001131"),
        (NameOID.USER_ID, "20001000001131", "20001000001131"),
        (NameOID.COMMON_NAME, "2000100000113", None),
        (NameOID.COMMON_NAME, "200010000011310", None),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "20001000001131", None),
    ],
)
def test_the_user_number_is_exactly_fourteen_digits(oid: x509.ObjectIdentifier, value: str, number: str | None) -> None:
    assert identify(named(ORGANISATION, (oid, value))).user_number == number


def test_serial_and_fingerprint_are_written_one_way_only() -> None:
    certificate = kit.system().certificate
    identity = identify(certificate)
    assert int(identity.serial, 16) == certificate.serial_number
    assert identity.serial == identity.serial.upper()
    assert len(identity.serial) % 2 == 0
    assert len(identity.fingerprint) == 64
    assert identity.fingerprint == identity.fingerprint.lower()


@pytest.mark.parametrize(
    ("found", "changed"),
    [
        (b"\x0c\x0e20001000001131", b"\x0c\x0e\xff0001000001131"),  # no longer UTF-8
        (b"\x0c\x0e20001000001131", b"\x03\x0e\x000001000001131"),  # a bit string, as few names may be
    ],
    ids=["not UTF-8", "bit string"],
)
def test_a_field_that_cannot_be_read_is_told_and_not_thrown(found: bytes, changed: bytes) -> None:
    der = kit.system().certificate.public_bytes(Encoding.DER)
    assert found in der
    with pytest.raises(CertificateUnreadable, match="cannot be read"):
        identify(x509.load_der_x509_certificate(der.replace(found, changed)))


def test_every_part_of_a_personal_name_is_called_by_a_word() -> None:
    subject = identify(kit.personal().certificate).subject
    assert "2.5.4." not in subject
    assert {part.partition("=")[0] for part in subject.split(",")} == {"CN", "serialNumber", "SN", "GN", "O", "C"}
