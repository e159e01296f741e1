"""What is handed out: a PEM chain as servers send it, and PKCS#12 in old and new encryption."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from relay.authority.issued import Encryption
from tests.kit import authority as kit

# The object identifiers that say how a file is encrypted, in DER.
MARKS = {Encryption.AES: "060960864801650304012a", Encryption.TRIPLE_DES: "060a2a864886f70d010c0103"}


@pytest.mark.parametrize("encryption", Encryption)
def test_a_file_is_encrypted_as_asked_and_holds_everything(encryption: Encryption) -> None:
    data = kit.system().p12("geheim", encryption=encryption)
    content = pkcs12.load_pkcs12(data, b"geheim")
    assert content.cert
    assert content.cert.certificate == kit.system().certificate
    assert tuple(entry.certificate for entry in content.additional_certs) == kit.system().chain
    assert {used for used, mark in MARKS.items() if bytes.fromhex(mark) in data} == {encryption}


def test_a_chain_can_be_left_out() -> None:
    assert pkcs12.load_pkcs12(kit.system().p12("geheim", with_chain=False), b"geheim").additional_certs == []


def test_a_server_sends_its_intermediate_and_not_the_root() -> None:
    sent = x509.load_pem_x509_certificates(kit.server().chain_pem())
    assert sent == [kit.server().certificate, kit.authority().intermediate.certificate]


def test_the_key_in_pem_is_the_certificates_own() -> None:
    key = load_pem_private_key(kit.server().key_pem(), password=None)
    assert key.public_key() == kit.server().certificate.public_key()


def test_what_is_issued_tells_whose_it_is_and_never_its_key() -> None:
    until = kit.system().certificate.not_valid_after_utc.date()
    assert repr(kit.system()) == f"<Issued CN=20001000001131,O=Praktijk De Linde,C=NL until {until}>"
