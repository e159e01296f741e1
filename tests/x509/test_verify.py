"""What a caller's certificate is worth: the nearest miss, and nothing that is unclear."""

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from relay.authority import profile
from relay.authority.issued import Issued
from relay.authority.signing import Holder, KeyType, distinguished_name, new_key, sign
from relay.x509.identity import Identity, identify
from relay.x509.verify import Reason, Unfit, verify_client
from tests.kit import authority as kit

NUMBER = (NameOID.COMMON_NAME, kit.USER_NUMBER)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def verify(leaf_der: bytes | None, **changed: object) -> Identity | Unfit:
    arguments = {"authorities": kit.authority().certificates, "at": kit.AT} | changed
    return verify_client(leaf_der, **arguments)  # type: ignore[arg-type]  # a test may give anything


def reason(verdict: Identity | Unfit) -> Reason | None:
    return verdict.reason if isinstance(verdict, Unfit) else None


def signed_by(issuer: Holder, extensions: profile.Extensions) -> x509.Certificate:
    return sign(
        distinguished_name(NUMBER),
        new_key(KeyType.P256),
        issuer=issuer,
        not_before=kit.AT - timedelta(days=1),
        days=2,
        extensions=extensions,
    )


@pytest.mark.parametrize("issued", [kit.system, kit.personal])
def test_a_certificate_in_order_tells_whose_it_is(issued: Callable[[], Issued]) -> None:
    certificate = issued().certificate
    assert verify(der(certificate)) == identify(certificate)


@pytest.mark.parametrize(
    ("issued", "expected"),
    [
        (kit.foreign, Reason.FOREIGN),
        (kit.expired, Reason.EXPIRED),
        (kit.not_yet_valid, Reason.NOT_YET_VALID),
        (kit.server, Reason.WRONG_PURPOSE),
    ],
)
def test_a_bad_certificate_is_unfit_for_its_own_reason(issued: Callable[[], Issued], expected: Reason) -> None:
    assert reason(verify(der(issued().certificate))) is expected


def test_no_certificate_is_missing() -> None:
    assert reason(verify(None)) is Reason.MISSING


@pytest.mark.parametrize("leaf", [b"", b"hello", b"\x30\x03\x02\x01\x03"])
def test_bytes_that_are_no_certificate_are_unreadable(leaf: bytes) -> None:
    assert reason(verify(leaf)) is Reason.UNREADABLE


def test_a_foreign_certificate_is_foreign_even_when_it_has_expired() -> None:
    old = kit.foreign_authority().issue_system(
        kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT - timedelta(days=31), days=30
    )
    assert reason(verify(der(old.certificate))) is Reason.FOREIGN


def test_a_certificate_counts_up_to_its_last_second_and_not_beyond() -> None:
    leaf = kit.system().certificate
    last = leaf.not_valid_after_utc
    assert isinstance(verify(der(leaf), at=last), Identity)
    assert reason(verify(der(leaf), at=last + timedelta(seconds=1))) is Reason.EXPIRED
    assert reason(verify(der(leaf), at=leaf.not_valid_before_utc - timedelta(seconds=1))) is Reason.NOT_YET_VALID


def test_a_copy_with_a_changed_number_is_foreign() -> None:
    forged = der(kit.system().certificate).replace(b"20001000001131", b"20001000001132")
    assert reason(verify(forged)) is Reason.FOREIGN


def test_nothing_that_a_certificate_says_can_be_changed_unnoticed() -> None:
    whole, said = der(kit.system().certificate), kit.system().certificate.tbs_certificate_bytes
    start = whole.index(said)
    for place in range(start, start + len(said)):
        changed = whole[:place] + bytes([whole[place] ^ 0x01]) + whole[place + 1 :]
        assert isinstance(verify(changed), Unfit), place


def test_an_issuer_of_the_same_name_with_another_key_proves_nothing() -> None:
    real = kit.authority().intermediate.certificate
    key = new_key(KeyType.P256)
    twin = sign(
        real.subject, key, issuer=None, not_before=kit.AT - timedelta(days=9), days=99,
        extensions=profile.authority(path_length=0),
    )  # fmt: skip
    leaf = signed_by(Holder(certificate=twin, key=key), profile.client())
    assert reason(verify(der(leaf))) is Reason.FOREIGN


def test_a_system_certificate_cannot_issue_another() -> None:
    holder = Holder(certificate=kit.system().certificate, key=kit.system().key)
    leaf = signed_by(holder, profile.client())
    assert reason(verify(der(leaf), authorities=(*kit.authority().certificates, holder.certificate))) is Reason.FOREIGN


def test_an_authority_is_no_caller() -> None:
    assert isinstance(verify(der(kit.authority().intermediate.certificate)), Unfit)


def test_an_empty_trust_trusts_nobody() -> None:
    assert reason(verify(der(kit.system().certificate), authorities=())) is Reason.FOREIGN


def test_the_root_alone_does_not_reach_a_leaf_below_an_intermediate() -> None:
    root = kit.authority().root.certificate
    assert reason(verify(der(kit.system().certificate), authorities=[root])) is Reason.FOREIGN


def test_an_intermediate_counts_no_longer_than_its_root() -> None:
    real, key = kit.authority().root.certificate, kit.authority().root.key
    ended = sign(
        real.subject, key, issuer=None, not_before=real.not_valid_before_utc, days=30,
        extensions=profile.authority(path_length=1),
    )  # fmt: skip
    trusted = [kit.authority().intermediate.certificate, ended]
    assert reason(verify(der(kit.system().certificate), authorities=trusted)) is Reason.FOREIGN


def test_an_intermediate_without_its_root_is_trusted_itself() -> None:
    intermediate = kit.authority().intermediate.certificate
    assert isinstance(verify(der(kit.system().certificate), authorities=[intermediate]), Identity)


@pytest.mark.parametrize(
    "purposes",
    [(), ([ExtendedKeyUsageOID.SERVER_AUTH],), ([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE],)],
    ids=["none named", "servers", "any"],
)
def test_only_a_certificate_that_names_client_authentication_proves_a_client(
    purposes: tuple[list[x509.ObjectIdentifier], ...],
) -> None:
    usages = [(x509.ExtendedKeyUsage(named), False) for named in purposes]
    leaf = signed_by(kit.authority().intermediate, [profile.client()[0], *usages])
    assert reason(verify(der(leaf))) is Reason.WRONG_PURPOSE


def test_a_certificate_with_an_alternative_name_and_client_purpose_is_fit_too() -> None:
    name = (x509.SubjectAlternativeName([x509.DNSName("praktijk.example")]), False)
    leaf = signed_by(kit.authority().intermediate, [*profile.client(), name])
    assert isinstance(verify(der(leaf)), Identity)


def test_an_unknown_critical_extension_is_not_overlooked() -> None:
    odd = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00"), True)
    leaf = signed_by(kit.authority().intermediate, [*profile.client(), odd])
    assert isinstance(verify(der(leaf)), Unfit)


def test_an_unfit_certificate_still_tells_whose_it_claims_to_be() -> None:
    verdict = verify(der(kit.expired().certificate))
    assert isinstance(verdict, Unfit)
    assert verdict.identity == identify(kit.expired().certificate)


def test_an_authority_and_a_certificate_as_openssl_makes_them_are_in_order(tmp_path: Path) -> None:
    """Neither usage nor key identifiers, for want of a configuration: what people make for themselves."""
    (tmp_path / "extensions").write_text("extendedKeyUsage = clientAuth\n")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=Ours",
        "req -newkey rsa:2048 -nodes -keyout caller.key -out caller.csr -subj /O=Us/CN=caller",
        "x509 -req -in caller.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -out caller.pem -extfile extensions",
    ):
        subprocess.run(["openssl", *command.split()], cwd=tmp_path, check=True, capture_output=True)
    authorities = x509.load_pem_x509_certificates((tmp_path / "ca.pem").read_bytes())
    leaf = x509.load_pem_x509_certificate((tmp_path / "caller.pem").read_bytes())
    verdict = verify(der(leaf), authorities=authorities, at=leaf.not_valid_before_utc)
    assert isinstance(verdict, Identity)
    assert verdict.subject == "CN=caller,O=Us"


def test_an_authority_whose_usage_is_another_issues_nothing() -> None:
    """RFC 5280 section 4.2.1.3: where the usage is told, it has to be that of signing certificates."""
    real, key = kit.authority().intermediate.certificate, new_key(KeyType.P256)
    for extensions, expected in (
        (profile.authority(path_length=0), None),
        ([profile.authority(path_length=0)[0]], None),
        ([profile.authority(path_length=0)[0], profile.client()[1]], Reason.FOREIGN),
    ):
        authority = sign(
            real.subject, key, issuer=None, not_before=kit.AT - timedelta(days=9), days=99, extensions=extensions
        )
        leaf = signed_by(Holder(certificate=authority, key=key), profile.client())
        assert reason(verify(der(leaf), authorities=[authority])) is expected
