"""Building the relay: every fault of every part at once, under the key that somebody can mend."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from relay.compose.relay.build import Built, build
from relay.errors import SettingsFault
from tests.kit import authority as kit
from tests.kit.relay import PASSWORD, read_settings, write_settings

AT = datetime.now(UTC)


def _built(folder: Path, changes: dict[str, object] | None = None, *, at: datetime = AT) -> Built:
    write_settings(folder, 8443, changes=changes)
    return build(read_settings(folder), at)


def _faults(folder: Path, changes: dict[str, object] | None = None) -> dict[str, str]:
    write_settings(folder, 8443, changes=changes)
    return _told(folder)


def _told(folder: Path) -> dict[str, str]:
    with pytest.raises(SettingsFault) as raised:
        build(read_settings(folder), AT)
    return dict(raised.value.faults)


def test_what_is_built_has_the_certificate_the_address_and_the_routes(tmp_path: Path) -> None:
    built = _built(tmp_path)
    tenant = built.tenants["linde"]
    assert int(tenant.passport.serial, 16) == kit.system().certificate.serial_number
    assert tenant.egress.source == IPv4Address("127.0.0.9")
    assert [route.name for route in tenant.tenant.routes] == ["cov", "claims"]
    assert "localhost" in built.hosts


def test_a_source_address_of_another_machine_is_told_with_its_remedy(tmp_path: Path) -> None:
    [(key, what)] = _faults(tmp_path, {"tenants.linde.egress.source_address": "192.0.2.1"}).items()
    assert key == "tenants.linde.egress.source_address"
    assert "192.0.2.1 is not an address of this machine" in what
    assert "`ip -4 address`" in what
    assert "public_address" in what


def _write(name: str, octets: Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(octets())


CERTIFICATE, LISTEN = "tenants.linde.certificate", "listen.certificate"
BAD_FILES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "wrong password": (_write("password", lambda: b"anders"), f"{CERTIFICATE}.file", "password"),
    "no certificate file": (lambda folder: (folder / "system.p12").unlink(), f"{CERTIFICATE}.file", "exist"),
    "no password file": (lambda folder: (folder / "password").unlink(), f"{CERTIFICATE}.password_file", "exist"),
    "without key": (_write("system.p12", lambda: kit.system().chain_pem()), f"{CERTIFICATE}.file", "key"),
    "personal": (_write("system.p12", lambda: kit.personal().p12(PASSWORD)), f"{CERTIFICATE}.file", "personal"),
    "expired": (_write("system.p12", lambda: kit.expired().p12(PASSWORD)), f"{CERTIFICATE}.file", "expired"),
    "not yet valid": (_write("system.p12", lambda: kit.not_yet_valid().p12(PASSWORD)), f"{CERTIFICATE}.file", "valid"),
    "no trust file": (lambda folder: (folder / "trust.pem").unlink(), "tenants.linde.trust", "trust.pem"),
    "empty trust file": (_write("trust.pem", lambda: b""), "tenants.linde.trust", "trust.pem"),
    "no server certificate": (lambda folder: (folder / "server.pem").unlink(), LISTEN, "server.pem"),
    "key of another": (_write("server.key", lambda: kit.system().key_pem()), LISTEN, "key"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_told_under_its_key_and_never_its_secret(tmp_path: Path, case: str) -> None:
    spoil, key, word = BAD_FILES[case]
    write_settings(tmp_path, 8443)
    spoil(tmp_path)
    faults = _told(tmp_path)
    assert list(faults) == [key]
    assert word in faults[key].lower()
    assert PASSWORD not in faults[key]


def test_every_fault_of_every_part_is_told_at_once(tmp_path: Path) -> None:
    write_settings(
        tmp_path,
        8443,
        changes={
            "tenants.linde.egress.source_address": "192.0.2.1",
            "tenants.berk.environment": "test",
            "tenants.berk.preset": "vecozo",
            "tenants.berk.certificate.file": "nowhere.p12",
            "tenants.berk.certificate.password_file": "password",
            "tenants.berk.egress.source_address": "127.0.0.9",
        },
    )
    (tmp_path / "password").unlink()
    (tmp_path / "server.pem").unlink()
    assert set(_told(tmp_path)) == {
        "tenants.linde.egress.source_address",
        "tenants.linde.certificate.password_file",
        "tenants.berk.certificate.file",
        "listen.certificate",
    }


def test_two_routes_with_one_prefix_are_a_fault_also_with_the_presets(tmp_path: Path) -> None:
    route = {"name": "mine", "prefix": "/acc/cov/vz801802", "upstream": "https://a.example"}
    faults = _faults(tmp_path, {"tenants.linde.preset": "vecozo", "tenants.linde.routes": [route]})
    assert list(faults) == ["tenants.linde.routes"]
    assert "/acc/cov/vz801802" in faults["tenants.linde.routes"]


def test_a_route_with_the_name_of_one_of_the_presets_is_a_fault(tmp_path: Path) -> None:
    """Metrics and log tell routes apart by name."""
    route = {"name": "cov", "prefix": "/mine", "upstream": "https://a.example"}
    faults = _faults(tmp_path, {"tenants.linde.preset": "vecozo", "tenants.linde.routes": [route]})
    assert list(faults) == ["tenants.linde.routes"]


def test_a_nat_gateways_address_is_the_one_that_is_told(tmp_path: Path) -> None:
    built = _built(tmp_path, {"tenants.linde.egress.public_address": "203.0.113.10"})
    assert str(built.tenants["linde"].egress) == "203.0.113.10"


def test_the_names_of_the_settings_go_before_those_of_the_certificate(tmp_path: Path) -> None:
    hosts = _built(tmp_path, {"listen.names": ["relay.example"]}).hosts
    assert "relay.example" in hosts
    assert "localhost" not in hosts


def test_expiry_is_judged_at_the_moment_of_building(tmp_path: Path) -> None:
    with pytest.raises(SettingsFault, match="expired"):
        _built(tmp_path, at=AT + timedelta(days=800))
