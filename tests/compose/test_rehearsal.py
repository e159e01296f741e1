"""A rehearsal is ready to run, keeps its secrets to its owner, and is never written over something else."""

from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from relay.authority.authority import CERTIFICATE_DAYS
from relay.compose.reference import build
from relay.compose.rehearsal import REVOCATIONS, SYSTEM, Place, new_rehearsal, revoke
from relay.errors import SettingsFault
from relay.settings.load import load
from relay.settings.reference import ReferenceSettings
from relay.x509.bundle import open_bundle, read_bundle
from relay.x509.context import load_trust
from relay.x509.identity import Kind
from relay.x509.revocation import read_revocations
from tests.kit import authority as kit

PLACE = Place(address=IPv4Address("127.0.0.1"), names=["localhost"], gate_port=0, registry_port=0, operator_port=0)


def password_of(file: Path) -> str:
    return file.with_suffix(".password").read_text().rstrip("\n")


def test_everything_that_its_settings_name_is_there(tmp_path: Path) -> None:
    made = new_rehearsal(tmp_path / "new" / "folder", PLACE, at=kit.AT)
    built = build(load(ReferenceSettings, made.settings, prefix="REFERENCE_"))
    assert built.settings.rehearsal
    assert built.settings.book is not None
    assert built.settings.book.is_file()
    assert len(built.trust.authorities) == 2
    assert [due for _, due in built.trust.revocations.due] == [kit.AT + timedelta(days=CERTIFICATE_DAYS)] * 2


def test_its_certificate_files_open_with_the_passwords_beside_them(tmp_path: Path) -> None:
    made = new_rehearsal(tmp_path, PLACE, at=kit.AT)
    system = open_bundle(made.system.read_bytes(), password_of(made.system), at=kit.AT + timedelta(seconds=1))
    assert (system.identity.kind, system.identity.user_number) == (Kind.SYSTEM, SYSTEM)
    person = read_bundle(made.contact_person.read_bytes(), password_of(made.contact_person))
    assert person.identity.kind is Kind.PERSONAL
    assert password_of(made.system) != password_of(made.contact_person)


def test_keys_and_passwords_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "rehearsal"
    new_rehearsal(folder, PLACE, at=kit.AT)
    private = [
        file for file in folder.rglob("*") if file.is_dir() or file.suffix in {".key", ".p12", ".password", ".sqlite"}
    ]
    assert len(private) == 9
    assert not any(file.stat().st_mode & 0o077 for file in [folder, *private])


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(SettingsFault, match="is not empty"):
        new_rehearsal(tmp_path, PLACE, at=kit.AT)
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsFault, match="cannot be made: Not a directory"):
        new_rehearsal(tmp_path / "file" / "below", PLACE, at=kit.AT)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    # Of a length at which the folder can be there and nothing in it: this stops root as well, as no mode would.
    folder = tmp_path
    while len(str(folder)) < 3800:
        folder /= "x" * 200
    folder /= "x" * (4090 - len(str(folder)) - 1)
    with pytest.raises(SettingsFault, match="cannot be written: File name too long"):
        new_rehearsal(folder, PLACE, at=kit.AT)


def test_what_is_revoked_stays_so_and_nothing_else_is(tmp_path: Path) -> None:
    made = new_rehearsal(tmp_path, PLACE, at=kit.AT)
    revoke(tmp_path, made.system, at=kit.AT)
    revoke(tmp_path, made.contact_person, at=kit.AT + timedelta(hours=1))
    lists = read_revocations((tmp_path / REVOCATIONS).read_bytes(), authorities=load_trust(made.authorities))
    files = [read_bundle(file.read_bytes(), password_of(file)) for file in (made.system, made.contact_person)]
    assert [lists.hold(file.certificate) for file in files] == [True, True]
    assert not lists.hold(kit.system().certificate)


@pytest.mark.parametrize("octets", [b"nothing", kit.system().chain_pem()], ids=["none", "another authority's"])
def test_what_the_rehearsal_did_not_issue_it_does_not_revoke(tmp_path: Path, octets: bytes) -> None:
    new_rehearsal(tmp_path / "rehearsal", PLACE, at=kit.AT)
    other = tmp_path / "other.pem"
    other.write_bytes(octets)
    with pytest.raises(SettingsFault, match="no certificate of this rehearsal"):
        revoke(tmp_path / "rehearsal", other, at=kit.AT)
