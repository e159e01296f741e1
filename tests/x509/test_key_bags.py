"""Every key of a file is found, and no octets make the search fail."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.authority.issued import Encryption
from relay.x509.key_bags import keys_in
from tests.kit import authority as kit

FILES = Path(__file__).parent / "files"


@pytest.mark.parametrize("name", ["aes-without-mac", "all-rc2-40", "windows-3des", "windows-rc2-40"])
def test_the_key_is_found_in_files_as_tools_write_them(name: str) -> None:
    assert len(keys_in((FILES / f"{name}.p12").read_bytes(), "geheim")) == 1


@pytest.mark.parametrize("encryption", Encryption)
def test_it_is_the_key_that_was_put_in(encryption: Encryption) -> None:
    [key] = keys_in(kit.system().p12("geheim", encryption=encryption), "geheim")
    assert key.public_key() == kit.system().key.public_key()


def test_a_file_without_encryption_has_its_key_in_the_open() -> None:
    assert len(keys_in(kit.system().p12(None), "")) == 1


def test_a_file_in_another_shape_or_under_another_password_has_none() -> None:
    assert keys_in((FILES / "keychain-ber.p12").read_bytes(), "geheim") == []
    assert keys_in(kit.system().p12("geheim"), "anders") == []


@given(st.binary(max_size=64))
def test_any_octets_get_an_answer(data: bytes) -> None:
    keys_in(data, "geheim")


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_a_changed_octet_gets_an_answer(place: int, octet: int) -> None:
    data = bytearray(kit.system().p12(None))
    data[place % 200] = octet
    keys_in(bytes(data), "")
