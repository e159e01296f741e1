"""What TLS is given: leaf and intermediates in order, never the root, and the key that belongs to them."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from relay.x509.pem import chain_pem, key_pem
from tests.kit import authority as kit


def test_the_intermediate_is_sent_and_the_root_is_not() -> None:
    sent = x509.load_pem_x509_certificates(chain_pem(kit.system().certificate, kit.system().chain))
    assert sent == [kit.system().certificate, kit.authority().intermediate.certificate]


def test_the_key_comes_back_as_it_was() -> None:
    key = load_pem_private_key(key_pem(kit.system().key), password=None)
    assert key.public_key() == kit.system().certificate.public_key()
