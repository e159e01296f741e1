"""Every file that a browser or keychain writes opens, and every usual mistake has its own answer."""

import base64
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    pkcs7,
    pkcs12,
)

from relay.authority import profile
from relay.authority.issued import Encryption, Issued
from relay.authority.signing import sign
from relay.x509.bundle import Bundle, BundleFault, Why, open_bundle, read_bundle
from relay.x509.identity import Kind
from relay.x509.mistake import MISTAKES, Mistake
from tests.kit import authority as kit

PASSWORD = "geheim"
FILES = Path(__file__).parent / "files"
# The files were written by `openssl pkcs12 -export -legacy` (-certpbe, -keypbe, -nomac), keychain-ber.p12 by hand.
FILES_FROM = datetime(2026, 1, 1, tzinfo=UTC)


def mistake(data: bytes, password: str | None = PASSWORD, *, at: datetime = kit.AT) -> Mistake:
    with pytest.raises(BundleFault) as caught:
        open_bundle(data, password, at=at)
    assert MISTAKES[caught.value.mistake].remedy in caught.value.detail
    return caught.value.mistake


def without_key(*certificates: x509.Certificate) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        None, None, None, list(certificates), BestAvailableEncryption(PASSWORD.encode())
    )


@pytest.mark.parametrize("file", sorted(FILES.glob("*.p12")), ids=lambda file: file.stem)
def test_files_as_windows_and_keychains_write_them_open(file: Path) -> None:
    bundle = open_bundle(file.read_bytes(), PASSWORD, at=FILES_FROM + timedelta(days=9))
    assert bundle.identity.user_number == kit.USER_NUMBER
    assert len(bundle.chain) == 2


def test_the_five_kinds_of_file_are_there() -> None:
    assert len(list(FILES.glob("*.p12"))) == 5


@pytest.mark.parametrize("encryption", Encryption)
def test_key_certificate_and_chain_come_out_as_they_went_in(encryption: Encryption) -> None:
    issued = kit.system()
    bundle = open_bundle(issued.p12(PASSWORD, encryption=encryption), PASSWORD, at=kit.AT)
    assert bundle.certificate == issued.certificate
    assert bundle.key.public_key() == issued.key.public_key()
    assert bundle.chain == issued.chain


@pytest.mark.parametrize("password", [None, ""])
def test_a_file_without_password_opens_without_one(password: str | None) -> None:
    assert open_bundle(kit.system().p12(None), password, at=kit.AT).identity.kind is Kind.SYSTEM


def test_a_password_may_hold_any_letter() -> None:
    bundle = open_bundle(kit.system().p12("wachtwoord-é€"), "wachtwoord-é€", at=kit.AT)
    assert bundle.certificate == kit.system().certificate


def test_a_wrong_password_is_told() -> None:
    assert mistake(kit.system().p12(PASSWORD), "fout") is Mistake.WRONG_PASSWORD


@pytest.mark.parametrize("password", [None, "", "\ufeff"])
def test_a_password_that_was_not_given_is_told_as_such(password: str | None) -> None:
    assert mistake(kit.system().p12(PASSWORD), password) is Mistake.NO_PASSWORD


def test_the_mark_that_windows_puts_before_a_text_is_no_part_of_the_password() -> None:
    assert open_bundle(kit.system().p12(PASSWORD), f"\ufeff{PASSWORD}", at=kit.AT).identity.kind is Kind.SYSTEM


def test_the_password_is_in_no_message() -> None:
    with pytest.raises(BundleFault) as caught:
        open_bundle(kit.system().p12(PASSWORD), "verkeerd-geheim", at=kit.AT)
    assert "verkeerd-geheim" not in str(caught.value) + repr(caught.value)


def test_a_personal_certificate_is_refused() -> None:
    assert mistake(kit.personal().p12(PASSWORD)) is Mistake.PERSONAL


@pytest.mark.parametrize(
    ("issued", "expected"),
    [
        (kit.expired, Mistake.EXPIRED),
        (kit.not_yet_valid, Mistake.NOT_YET_VALID),
        (kit.server, Mistake.WRONG_PURPOSE),
    ],
)
def test_a_certificate_that_cannot_be_used_now_is_refused(issued: Callable[[], Issued], expected: Mistake) -> None:
    assert mistake(issued().p12(PASSWORD)) is expected


def test_an_export_without_its_key_is_told_and_still_tells_whose_it_is() -> None:
    with pytest.raises(BundleFault) as caught:
        read_bundle(without_key(*reversed(kit.system().chain), kit.system().certificate), PASSWORD)
    assert caught.value.mistake is Mistake.NO_KEY
    assert caught.value.identity is not None
    assert caught.value.identity.user_number == kit.USER_NUMBER


def test_a_chain_that_was_left_out_is_no_reason_to_refuse() -> None:
    assert open_bundle(kit.system().p12(PASSWORD, with_chain=False), PASSWORD, at=kit.AT).chain == ()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Mistake.EMPTY),
        (b" \r\n", Mistake.EMPTY),
        (b"hello, world", Mistake.NOT_PKCS12),
        (b"\x30", Mistake.NOT_PKCS12),
        (b"\x30\x82\x01", Mistake.NOT_PKCS12),
    ],
)
def test_what_is_no_certificate_file_is_told(data: bytes, expected: Mistake) -> None:
    assert mistake(data) is expected


def test_a_file_that_was_cut_short_is_told_from_a_wrong_password() -> None:
    whole = kit.system().p12(PASSWORD)
    assert mistake(whole[:-1]) is Mistake.DAMAGED
    assert mistake(whole[:50]) is Mistake.DAMAGED


def test_a_line_end_after_the_file_does_no_harm() -> None:
    bundle = open_bundle(kit.system().p12(PASSWORD) + b"\n", PASSWORD, at=kit.AT)
    assert bundle.certificate == kit.system().certificate


def test_a_file_in_base64_is_told() -> None:
    assert mistake(base64.encodebytes(kit.system().p12(PASSWORD))) is Mistake.BASE64


@pytest.mark.parametrize("form", ["cer", "text cer", "p7b", "text p7b"])
def test_a_certificate_alone_is_told_and_still_tells_whose_it_is(form: str) -> None:
    certificate = kit.system().certificate
    whole = [*kit.system().chain, certificate]
    data = {
        "cer": certificate.public_bytes(Encoding.DER),
        "text cer": certificate.public_bytes(Encoding.PEM),
        "p7b": pkcs7.serialize_certificates(whole, Encoding.DER),
        "text p7b": pkcs7.serialize_certificates(whole, Encoding.PEM),
    }[form]
    with pytest.raises(BundleFault) as caught:
        open_bundle(data, PASSWORD, at=kit.AT)
    assert caught.value.mistake is Mistake.CERTIFICATE_ONLY
    assert caught.value.identity is not None
    assert caught.value.identity.user_number == kit.USER_NUMBER


def test_pem_with_a_key_is_told_how_to_become_pkcs12() -> None:
    assert mistake(kit.system().chain_pem() + kit.system().key_pem()) is Mistake.PEM


def test_a_key_without_its_own_certificate_is_told() -> None:
    other = pkcs12.serialize_key_and_certificates(
        None, kit.foreign().key, None, list(kit.system().chain), NoEncryption()
    )
    assert mistake(other, None) is Mistake.NO_CERTIFICATE


def test_a_key_of_a_kind_that_tls_with_vecozo_never_uses_is_told() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    data = pkcs12.serialize_key_and_certificates(None, key, None, list(kit.system().chain), NoEncryption())
    assert mistake(data, None) is Mistake.UNSUPPORTED


def test_of_several_certificates_for_the_key_the_latest_expiry_counts() -> None:
    old = kit.expired()
    renewed = sign(
        old.certificate.subject, old.key, issuer=kit.authority().intermediate, not_before=kit.AT, days=730,
        extensions=profile.client(),
    )  # fmt: skip
    data = pkcs12.serialize_key_and_certificates(None, old.key, old.certificate, [renewed, *old.chain], NoEncryption())
    assert open_bundle(data, None, at=kit.AT).certificate == renewed


def test_strangers_in_the_file_stay_out_of_the_chain() -> None:
    issued = kit.system()
    crowd = [*reversed(kit.foreign().chain), *reversed(issued.chain), kit.personal().certificate]
    data = pkcs12.serialize_key_and_certificates(None, issued.key, issued.certificate, crowd, NoEncryption())
    assert open_bundle(data, None, at=kit.AT).chain == issued.chain


def test_a_bundle_tells_its_state_and_never_its_key() -> None:
    bundle = read_bundle(kit.system().p12(None), None)
    until = kit.system().certificate.not_valid_after_utc.date()
    assert repr(bundle) == f"<Bundle system 20001000001131 of Praktijk De Linde until {until}, chain of 2>"
    assert isinstance(bundle, Bundle)
    assert "PrivateKey" not in f"{bundle} {bundle!r}"


def _element(tag: int, value: bytes) -> bytes:
    size = len(value).to_bytes((len(value).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (size if len(value) < 0x80 else bytes([0x80 | len(size)]) + size) + value


def _inside(data: bytes) -> bytes:
    """Return the value of the first DER element."""
    if data[1] < 0x80:
        return data[2 : 2 + data[1]]
    begin = 2 + (data[1] & 0x7F)
    return data[begin : begin + int.from_bytes(data[2:begin], "big")]


def _safe(data: bytes) -> bytes:
    """Return the parts of a PKCS#12 file, each with its own encryption, as they stand one after another."""
    content = _inside(data)[3:]  # after the version
    object_identifier = 2 + content[_header(content) + 1]
    wrapped = _inside(content)[object_identifier:]
    return _inside(_inside(_inside(wrapped)))


def _header(data: bytes) -> int:
    return 2 if data[1] < 0x80 else 2 + (data[1] & 0x7F)


def backup_of_all(*files: bytes) -> bytes:
    """Join files with one password into one, as a browser's "backup all" does; without a MAC."""
    safe = _element(0x30, b"".join(map(_safe, files)))
    data = _element(0x06, bytes.fromhex("2a864886f70d010701"))
    content = _element(0x30, data + _element(0xA0, _element(0x04, safe)))
    return _element(0x30, _element(0x02, b"\x03") + content)


ENCRYPTIONS = [*Encryption, None]


@pytest.mark.parametrize("encryption", ENCRYPTIONS, ids=str)
@pytest.mark.parametrize("order", [1, -1])
def test_of_several_keys_in_one_file_that_of_the_system_certificate_is_found(
    encryption: Encryption | None, order: int
) -> None:
    """Whichever stands first: OpenSSL reads that one only."""
    password = PASSWORD if encryption else None
    files = [issued.p12(password, encryption=encryption or Encryption.AES) for issued in (kit.personal(), kit.system())]
    bundle = open_bundle(backup_of_all(*files[::order]), password, at=kit.AT)
    assert bundle.certificate == kit.system().certificate
    assert bundle.key.public_key() == kit.system().key.public_key()
    assert [(other.identity.user_number, other.why) for other in bundle.passed_over] == [
        (kit.PERSONAL_NUMBER, Why.PERSONAL)
    ]


def test_of_several_system_certificates_with_their_keys_the_latest_expiry_counts() -> None:
    files = [issued.p12(PASSWORD) for issued in (kit.expired(), kit.other_system())]
    for order in (1, -1):
        bundle = open_bundle(backup_of_all(*files[::order]), PASSWORD, at=kit.AT)
        assert bundle.certificate == kit.other_system().certificate
        [other] = bundle.passed_over
        assert other.why is Why.EARLIER
        assert str(other).endswith("it expires earlier")


def test_a_certificate_whose_key_is_not_there_is_passed_over_and_authorities_are_not_mentioned() -> None:
    issued = kit.expired()
    crowd = [kit.system().certificate, *kit.foreign().chain, *issued.chain]
    data = pkcs12.serialize_key_and_certificates(None, issued.key, issued.certificate, crowd, NoEncryption())
    bundle = read_bundle(data, None)
    assert bundle.certificate == issued.certificate
    assert [other.why for other in bundle.passed_over] == [Why.NO_KEY]
    assert int(bundle.passed_over[0].identity.serial, 16) == kit.system().certificate.serial_number


def test_a_file_with_one_holder_passes_over_nobody() -> None:
    assert read_bundle(kit.system().p12(None), None).passed_over == ()


@pytest.mark.parametrize("options", ["", "-legacy", "-nomac", "-certpbe NONE -keypbe NONE"])
@pytest.mark.parametrize("password", [None, ""])
def test_a_file_that_openssl_protected_with_an_empty_password_opens_without_one(
    tmp_path: Path, options: str, password: str | None
) -> None:
    (tmp_path / "key.pem").write_bytes(kit.system().key_pem())
    (tmp_path / "chain.pem").write_bytes(kit.system().chain_pem())
    command = f"openssl pkcs12 -export -inkey key.pem -in chain.pem -passout pass: -out system.p12 {options}"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    bundle = open_bundle((tmp_path / "system.p12").read_bytes(), password, at=kit.AT)
    assert bundle.certificate == kit.system().certificate


@pytest.mark.parametrize("file", sorted(FILES.glob("*.p12")), ids=lambda file: file.stem)
def test_a_wrong_password_is_told_for_every_kind_of_file(file: Path) -> None:
    assert mistake(file.read_bytes(), "anders", at=FILES_FROM + timedelta(days=9)) is Mistake.WRONG_PASSWORD
