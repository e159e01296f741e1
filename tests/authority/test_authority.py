"""A chain as VECOZO's, and certificates that OpenSSL itself accepts under its strictest rules."""

import stat
from collections.abc import Callable
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from relay.authority.authority import CERTIFICATE_DAYS, Authority, AuthorityUnreadable
from relay.authority.issued import Issued
from relay.authority.revocation import revoked_by
from relay.authority.signing import KeyType
from relay.x509.revocation import read_revocations
from tests.kit import authority as kit


def purposes(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


@pytest.mark.parametrize("issued", [kit.system, kit.personal, kit.server])
def test_every_certificate_hangs_under_the_intermediate_and_that_under_the_root(issued: Callable[[], Issued]) -> None:
    intermediate, root = issued().chain
    issued().certificate.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)


def test_no_name_of_the_authority_could_pass_for_a_real_one() -> None:
    for certificate in kit.authority().certificates:
        assert "Rehearsal only" in certificate.subject.rfc4514_string()


def test_the_intermediate_may_not_make_authorities() -> None:
    constraints = kit.authority().intermediate.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)


def test_callers_and_servers_have_one_purpose_each() -> None:
    assert purposes(kit.system().certificate) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert purposes(kit.personal().certificate) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert purposes(kit.server().certificate) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_a_certificate_lives_two_years_unless_told_otherwise() -> None:
    issued = kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT)
    assert issued.certificate.not_valid_before_utc == kit.AT
    assert issued.certificate.not_valid_after_utc == kit.AT + timedelta(days=CERTIFICATE_DAYS)


def test_the_authority_is_older_than_any_certificate_that_may_be_asked_of_it() -> None:
    assert kit.authority().root.certificate.not_valid_before_utc < kit.AT - timedelta(days=CERTIFICATE_DAYS)


def test_a_server_is_known_by_its_names_and_addresses() -> None:
    issued = kit.authority().issue_server(["gate.example"], [IPv4Address("192.0.2.1")], at=kit.AT)
    names = issued.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gate.example"]
    assert names.get_values_for_type(x509.IPAddress) == [IPv4Address("192.0.2.1")]


def test_a_server_may_be_known_by_an_address_alone() -> None:
    issued = kit.authority().issue_server([], [IPv4Address("192.0.2.1")], at=kit.AT)
    assert issued.certificate.subject.rfc4514_string() == "CN=192.0.2.1,C=NL"


def test_rsa_is_made_on_demand() -> None:
    issued = kit.authority().issue_system("0", "x", at=kit.AT, key_type=KeyType.RSA2048)
    assert isinstance(issued.key, rsa.RSAPrivateKey)
    assert issued.key.key_size == 2048


def test_an_authority_that_was_saved_issues_on(tmp_path: Path) -> None:
    kit.authority().save(tmp_path)
    again = Authority.load(tmp_path)
    assert again.certificates == kit.authority().certificates
    issued = again.issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT)
    issued.certificate.verify_directly_issued_by(kit.authority().intermediate.certificate)


def test_saved_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    kit.authority().save(tmp_path)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("*.key")}
    assert modes == {"root.key": 0o600, "intermediate.key": 0o600}


def test_a_saved_authority_is_never_overwritten(tmp_path: Path) -> None:
    kit.authority().save(tmp_path)
    with pytest.raises(FileExistsError):
        kit.foreign_authority().save(tmp_path)
    assert Authority.load(tmp_path).certificates == kit.authority().certificates


@pytest.mark.parametrize("missing", ["root.crt", "root.key", "intermediate.crt", "intermediate.key"])
def test_a_folder_without_a_whole_authority_is_told(tmp_path: Path, missing: str) -> None:
    kit.authority().save(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(AuthorityUnreadable, match=missing.partition(".")[0]):
        Authority.load(tmp_path)


def test_a_key_of_another_authority_is_told(tmp_path: Path) -> None:
    kit.authority().save(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    kit.foreign_authority().save(elsewhere)
    (tmp_path / "root.key").write_bytes((elsewhere / "root.key").read_bytes())
    with pytest.raises(AuthorityUnreadable, match="does not belong"):
        Authority.load(tmp_path)


def test_an_authority_tells_its_name_and_never_a_key() -> None:
    assert repr(kit.authority()) == r"<Authority CN=Rehearsal G4 Root CA,O=Rehearsal only\, worth nothing,C=NL>"


def test_its_revocation_lists_name_what_is_revoked_and_nothing_else() -> None:
    authority = kit.authority()
    serial = kit.system().certificate.serial_number
    lists = authority.revocation_lists({serial: kit.AT}, at=kit.AT, days=7)
    read = read_revocations(lists, authorities=authority.certificates)
    assert read.hold(kit.system().certificate)
    assert not read.hold(kit.other_system().certificate)
    assert {due for _, due in read.due} == {kit.AT + timedelta(days=7)}
    assert revoked_by(authority.intermediate, lists) == {serial: kit.AT}
    assert revoked_by(authority.root, lists) == {}
