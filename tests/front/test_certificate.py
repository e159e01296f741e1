"""The server certificate's files: whatever is there at a start, and only what is fit to succeed later on."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from relay.authority.issued import Issued
from relay.front.certificate import ServerFiles
from relay.x509.context import TlsFileFault
from tests.kit import authority as kit


def write(folder: Path, issued: Issued) -> ServerFiles:
    (folder / "server.pem").write_bytes(issued.chain_pem())
    (folder / "server.key").write_bytes(issued.key_pem())
    return ServerFiles(certificate=folder / "server.pem", key=folder / "server.key")


def old() -> Issued:
    return kit.authority().issue_server(["localhost"], at=kit.AT - timedelta(days=40), days=30)


def early() -> Issued:
    return kit.authority().issue_server(["localhost"], at=kit.AT + timedelta(days=1))


def test_what_is_read_says_whose_it_is_and_until_when(tmp_path: Path) -> None:
    certificate = write(tmp_path, kit.server()).read()
    assert int(certificate.serial, 16) == kit.server().certificate.serial_number
    assert certificate.not_after == kit.server().certificate.not_valid_after_utc
    assert certificate.names == {"localhost", "127.0.0.1"}


@pytest.mark.parametrize("issued", [old, early], ids=["expired", "not yet valid"])
def test_one_out_of_its_dates_serves_at_a_start_and_never_succeeds_one_in_force(
    tmp_path: Path, issued: Callable[[], Issued]
) -> None:
    files = write(tmp_path, issued())
    assert files.read().names == {"localhost"}
    with pytest.raises(TlsFileFault, match="which is not now"):
        files.read_successor(kit.AT, named=True)


def test_one_without_names_succeeds_only_where_the_settings_give_names(tmp_path: Path) -> None:
    files = write(tmp_path, kit.system())
    assert files.read_successor(kit.AT, named=True).names == frozenset()
    with pytest.raises(TlsFileFault, match="no names"):
        files.read_successor(kit.AT, named=False)


def test_a_fault_names_the_files(tmp_path: Path) -> None:
    files = write(tmp_path, kit.server())
    files.key.write_bytes(kit.system().key_pem())
    with pytest.raises(TlsFileFault, match=r"server\.pem with .*server\.key: the private key does not belong"):
        files.read()
    files.key.unlink()
    with pytest.raises(TlsFileFault, match=r"server\.key cannot be read: No such file"):
        files.read()


def test_the_stamp_changes_with_either_file(tmp_path: Path) -> None:
    files = write(tmp_path, kit.server())
    stamps = [files.stamp()]
    files.certificate.write_bytes(b"a")
    stamps.append(files.stamp())
    files.key.write_bytes(b"b")
    stamps.append(files.stamp())
    assert len(set(stamps)) == 3
