"""What a certificate says it is for: yes, no, or nothing."""

from cryptography import x509

from relay.authority import profile
from relay.authority.signing import KeyType, distinguished_name, new_key, sign
from relay.x509.purpose import proves_a_client
from tests.kit import authority as kit


def test_client_authentication_is_read_from_the_certificate() -> None:
    assert proves_a_client(kit.system().certificate) is True
    assert proves_a_client(kit.server().certificate) is False


def test_a_certificate_that_names_no_purpose_says_nothing() -> None:
    assert proves_a_client(kit.authority().root.certificate) is None


def test_an_extension_that_cannot_be_read_is_a_no() -> None:
    broken = x509.UnrecognizedExtension(x509.ExtendedKeyUsage.oid, b"\x04\x01\x00")
    leaf = sign(
        distinguished_name(), new_key(KeyType.P256), issuer=None, not_before=kit.AT, days=1,
        extensions=[*profile.authority(path_length=0), (broken, False)],
    )  # fmt: skip
    assert proves_a_client(leaf) is False
