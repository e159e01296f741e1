"""The certificate's files: opened whole or not at all, with the key of the culprit and never the password."""

from datetime import timedelta
from pathlib import Path

import pytest

from relay.upstream.certificate import CertificateFault, KeptCertificate
from relay.upstream.keeper import File
from tests.kit import authority as kit
from tests.kit.relay import PASSWORD, system_file


def _files(folder: Path, **other: Path | str | None) -> KeptCertificate:
    (folder / "system.p12").write_bytes(system_file())
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "trust.pem").write_bytes(kit.authority().trust_pem())
    named: dict[str, Path | str | None] = {
        "file": folder / "system.p12",
        "password_file": folder / "password",
        "password": None,
        "trust": folder / "trust.pem",
    }
    named |= other
    file = named.pop("file")
    assert isinstance(file, Path)
    return KeptCertificate(keeper=File(file), **named)  # type: ignore[arg-type]


def _fault(files: KeptCertificate) -> CertificateFault:
    with pytest.raises(CertificateFault) as raised:
        files.passport(kit.AT)
    assert PASSWORD not in raised.value.detail
    return raised.value


def test_a_passport_tells_whose_certificate_it_is(tmp_path: Path) -> None:
    passport = _files(tmp_path).passport(kit.AT)
    assert int(passport.serial, 16) == kit.system().certificate.serial_number
    assert passport.not_after == kit.system().certificate.not_valid_after_utc


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_password_file_may_end_its_line_in_any_way(tmp_path: Path, ending: str) -> None:
    files = _files(tmp_path)
    (tmp_path / "password").write_bytes(f"{PASSWORD}{ending}".encode())
    assert files.passport(kit.AT).serial


def test_a_password_may_be_given_itself(tmp_path: Path) -> None:
    assert _files(tmp_path, password_file=None, password=PASSWORD).passport(kit.AT).serial


@pytest.mark.parametrize(
    ("named", "key"),
    [("file", "certificate.file"), ("password_file", "certificate.password_file"), ("trust", "trust")],
)
def test_a_file_that_is_not_there_is_told_with_its_key(tmp_path: Path, named: str, key: str) -> None:
    fault = _fault(_files(tmp_path, **{named: tmp_path / "nowhere"}))
    assert fault.key == key
    assert "nowhere" in fault.detail


def test_a_folder_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    assert "cannot be read" in _fault(_files(tmp_path, file=tmp_path)).detail


def test_a_password_that_is_no_text_is_told(tmp_path: Path) -> None:
    files = _files(tmp_path)
    (tmp_path / "password").write_bytes(b"\xff\xfe")
    assert _fault(files).key == "certificate.password_file"


def test_a_wrong_password_is_told_with_the_file(tmp_path: Path) -> None:
    fault = _fault(_files(tmp_path, password_file=None, password="wrong"))
    assert fault.key == "certificate.file"
    assert "system.p12" in fault.detail
    assert "password" in fault.detail


@pytest.mark.parametrize(
    ("issued", "word"), [(kit.personal, "personal"), (kit.expired, "expired"), (kit.not_yet_valid, "valid")]
)
def test_a_certificate_that_cannot_be_used_is_refused(tmp_path: Path, issued: object, word: str) -> None:
    files = _files(tmp_path)
    assert callable(issued)
    (tmp_path / "system.p12").write_bytes(issued().p12(PASSWORD))
    fault = _fault(files)
    assert fault.key == "certificate.file"
    assert word in fault.detail.lower()


def test_its_end_is_judged_at_the_moment_that_is_given(tmp_path: Path) -> None:
    with pytest.raises(CertificateFault, match="expired"):
        _files(tmp_path).passport(kit.AT + timedelta(days=800))


def test_the_stamp_changes_with_each_file_and_through_links(tmp_path: Path) -> None:
    files = _files(tmp_path)
    stamps = [files.stamp()]
    for name in ("system.p12", "password", "trust.pem"):
        (tmp_path / name).write_bytes(b"other octets")
        stamps.append(files.stamp())
    target = tmp_path / "elsewhere.p12"
    target.write_bytes(b"x")
    (tmp_path / "system.p12").unlink()
    stamps.append(files.stamp())
    (tmp_path / "system.p12").symlink_to(target)
    stamps.append(files.stamp())
    assert len(set(stamps)) == len(stamps)
    assert files.stamp() == stamps[-1]
