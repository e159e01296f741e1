"""A PKCS#12 file is known by its first bytes, in DER and in BER, and nothing else passes for one."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from hypothesis import given
from hypothesis import strategies as st

from relay.x509.file_shape import lone_certificates, mistaken_shape
from relay.x509.mistake import Mistake
from tests.kit import authority as kit


def test_pkcs12_has_the_right_shape() -> None:
    assert mistaken_shape(kit.system().p12("geheim")) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x30\x03\x02\x01\x03", None),
        (b"\x30\x80\x02\x01\x03", None),
        (b"\x30\x04\x02\x01\x03", Mistake.DAMAGED),
        (b"\x30\x81\x04\x02\x01\x03", Mistake.DAMAGED),
        (b"\x30\x03\x02\x01\x02", Mistake.NOT_PKCS12),
        (b"\x31\x03\x02\x01\x03", Mistake.NOT_PKCS12),
        (b"MIAC AQM=\n", Mistake.BASE64),
        (b"aGVsbG8=", Mistake.NOT_PKCS12),
        (b"-----BEGIN PRIVATE KEY-----", Mistake.PEM),
        (b"Bag Attributes\n-----BEGIN CERTIFICATE-----", Mistake.CERTIFICATE_ONLY),
    ],
)
def test_the_first_bytes_decide(data: bytes, expected: Mistake | None) -> None:
    assert mistaken_shape(data) is expected


@given(st.binary(max_size=64))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    assert mistaken_shape(data) in {None, *Mistake}


def test_a_p7b_whose_certificates_stand_in_another_order_is_read_without_a_warning() -> None:
    low, high = kit.system().certificate, kit.authority().root.certificate
    data = pkcs7.serialize_certificates([low, high], Encoding.DER)
    one, other = sorted((each.public_bytes(Encoding.DER) for each in (low, high)), key=data.index)
    assert len(lone_certificates(data.replace(one + other, other + one))) == 2
