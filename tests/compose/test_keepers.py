"""Certificates in vaults, as the relay is built: what closes a way, what keeps from starting, who waits how long."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from relay.compose.relay import Built, build, ways
from relay.errors import SettingsFault
from tests.kit import authority as kit
from tests.kit.relay import PASSWORD, read_settings, system_file, write_settings
from tests.kit.vaults import Kept, aws, azure

KEY = "tenants.linde.certificate.azure_secret"
NEXT = "tenants.linde.certificate.next"


def _built(folder: Path, vault: Kept, **more: object) -> Built:
    certificate: dict[str, object] = {vault.setting: vault.place, "password": PASSWORD}
    changes = {"tenants.linde.certificate": certificate | more}
    write_settings(folder, 8443, changes=changes)
    return build(read_settings(folder), datetime.now(UTC))


def test_the_only_way_may_wait_for_its_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with azure(tmp_path, monkeypatch) as vault:
        vault.status = 503
        built = _built(tmp_path, vault)
    assert built.ways["linde"].passport is None
    [(key, detail)] = built.closed
    assert key == KEY
    assert "gives no answer now (503)" in detail


@pytest.mark.parametrize("status", [403, 404])
def test_a_vault_that_refuses_the_only_certificate_is_a_fault_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Nothing would come of waiting: somebody has to mend something, and then start the relay."""
    with azure(tmp_path, monkeypatch) as vault:
        vault.status = status
        with pytest.raises(SettingsFault) as told:
            _built(tmp_path, vault)
    assert [key for key, _ in told.value.faults] == [KEY]


def test_what_key_vault_makes_of_a_certificate_has_no_password_and_needs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with azure(tmp_path, monkeypatch) as vault:
        vault.put(kit.system().p12(None))
        write_settings(tmp_path, 8443, changes={"tenants.linde.certificate": {vault.setting: vault.place}})
        assert build(read_settings(tmp_path), datetime.now(UTC)).closed == []


def test_a_next_certificate_need_not_be_in_its_vault_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with azure(tmp_path, monkeypatch) as vault, aws(tmp_path, monkeypatch) as other:
        vault.put(system_file())
        following = {other.setting: other.place, "password": PASSWORD, "at": "2030-01-01T00:00:00Z"}
        built = _built(tmp_path, vault, next=following)
        assert built.closed == []
        assert built.ways["linde"].next is not None
        assert built.ways["linde"].next.passport is None


def test_one_certificate_in_two_environments_is_told_under_the_vaults_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with azure(tmp_path, monkeypatch) as vault:
        vault.put(system_file())
        changes = {
            "tenants.linde.certificate": {vault.setting: vault.place, "password": PASSWORD},
            "tenants.berk.environment": "test",
            "tenants.berk.certificate": {"file": "system.p12", "password_file": "password"},
            "tenants.berk.egress.source_address": "127.0.0.9",
            "tenants.berk.routes": [{"name": "cov", "prefix": "/acc/cov", "upstream": "https://localhost:8443"}],
        }
        write_settings(tmp_path, 8443, changes=changes)
        with pytest.raises(SettingsFault) as told:
            build(read_settings(tmp_path), datetime.now(UTC))
    assert {key for key, _ in told.value.faults} == {KEY, "tenants.berk.certificate.file"}


def test_silent_vaults_are_waited_for_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits until both have been asked: one after the other, that would never be."""
    both = threading.Barrier(2, timeout=10)

    def fetch(_place: str) -> bytes:
        both.wait()
        return system_file()

    monkeypatch.setattr(ways, "fetch_from_key_vault", fetch)
    iwlz = {"name": "iwlz", "prefix": "/acc/netwerkmodel", "upstream": "https://localhost:8443", "family": "iwlz"}
    secret = {"azure_secret": "https://a.example/secrets/x", "password": PASSWORD}
    changes = {
        "tenants.linde.routes": [iwlz],
        "tenants.linde.certificate": secret,
        "tenants.linde.certificates.iwlz": secret,
    }
    write_settings(tmp_path, 8443, changes=changes)
    assert build(read_settings(tmp_path), datetime.now(UTC)).closed == []
