"""Building the relay: every fault of every part at once, under the key that somebody can mend."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from relay.compose.relay.build import Built, build
from relay.errors import SettingsFault
from relay.x509 import any_client, openssl
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
    passport = built.ways["linde"].passport
    assert passport is not None
    assert int(passport.serial, 16) == kit.system().certificate.serial_number
    assert tenant.egresses[0].source == IPv4Address("127.0.0.9")
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
            "shared": {"url": "rediss://localhost", "password_file": "nowhere", "trust": "nowhere.pem"},
        },
    )
    (tmp_path / "password").unlink()
    (tmp_path / "server.pem").unlink()
    assert set(_told(tmp_path)) == {
        "shared.password_file",
        "shared.trust",
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
    assert str(built.tenants["linde"].egresses[0]) == "203.0.113.10"


def test_with_no_source_address_here_each_is_told_by_its_number(tmp_path: Path) -> None:
    egresses = [{"source_address": "192.0.2.1"}, {"source_address": "198.51.100.1"}]
    faults = _faults(tmp_path, {"tenants.linde.egress": egresses})
    assert list(faults) == [f"tenants.linde.egress.{number}.source_address" for number in (0, 1)]


def test_a_witness_is_made_with_its_trust_which_has_to_be_there(tmp_path: Path) -> None:
    witness = {"url": "https://a.example/ip", "trust": "trust.pem", "gate": True}
    [built] = _built(tmp_path, {"egress_proof.witnesses": [witness]}).witnesses
    assert (built.name, built.gate) == ("a.example:443", True)
    faults = _faults(tmp_path, {"egress_proof.witnesses": [witness, witness | {"trust": "nowhere.pem"}]})
    assert list(faults) == ["egress_proof.witnesses.1.trust"]


def test_the_names_of_the_settings_go_before_those_of_the_certificate(tmp_path: Path) -> None:
    hosts = _built(tmp_path, {"listen.names": ["relay.example"]}).hosts
    assert "relay.example" in hosts
    assert "localhost" not in hosts


def test_expiry_is_judged_at_the_moment_of_building(tmp_path: Path) -> None:
    with pytest.raises(SettingsFault, match="expired"):
        _built(tmp_path, at=AT + timedelta(days=800))


def _with_certificates(folder: Path, *subjects: str, **files: bytes) -> dict[str, object]:
    """Return changes by which one client for each subject has a certificate."""
    for name in ("authorities", "revocations"):
        (folder / name).write_bytes(files.get(name, kit.authority().trust_pem()))
    changes: dict[str, object] = {f"listen.client_{name}": name for name in ("authorities", *files)}
    for number, subject in enumerate(subjects):
        changes |= {f"clients.c{number}.tenants": ["linde"], f"clients.c{number}.certificates": [{"subject": subject}]}
    return changes


def test_without_client_certificates_nobody_is_asked_for_one(tmp_path: Path) -> None:
    built = _built(tmp_path)
    assert not built.callers.certified
    assert built.listener.certificate.context.verify_mode is ssl.CERT_NONE


def test_who_is_known_by_a_certificate_is_built(tmp_path: Path) -> None:
    pin = {"clients.dynamics.certificates": [{"fingerprint": kit.fingerprint(kit.system())}]}
    changes = _with_certificates(tmp_path, "CN=a,O=Us", revocations=kit.revocations(kit.system())) | pin
    built = _built(tmp_path, changes)
    assert built.callers.certified
    assert [caller.client for caller in built.callers.pinned.values()] == ["dynamics"]
    assert {subject: (caller.client, caller.way) for subject, caller in built.callers.subjects.items()} == {
        "CN=a,O=Us": ("c0", "client_certificate")
    }
    assert len(built.trust.trust.revocations.revoked) == 1


BAD_TRUST: dict[str, tuple[dict[str, bytes], str, str]] = {
    "no certificates": ({"authorities": b"half of"}, "listen.client_authorities", "no readable PEM"),
    "empty": ({"authorities": b""}, "listen.client_authorities", "empty"),
    "a caller's own": ({"authorities": kit.system().chain_pem()}, "listen.client_authorities", "is no authority"),
    "no list": ({"revocations": b"half of"}, "listen.client_revocations", "no readable"),
    "empty list": ({"revocations": b""}, "listen.client_revocations", "empty"),
    "list of a stranger": (
        {"revocations": kit.revocations(by=kit.foreign_authority().root)},
        "listen.client_revocations",
        "signed by none",
    ),
}


@pytest.mark.parametrize("case", BAD_TRUST)
def test_bad_files_of_client_certificates_are_told_under_their_key_with_all_else(tmp_path: Path, case: str) -> None:
    files, key, word = BAD_TRUST[case]
    changes = _with_certificates(tmp_path, "CN=a", "a", **files)
    faults = _faults(tmp_path, changes | {"tenants.linde.egress.source_address": "192.0.2.1"})
    assert set(faults) == {key, "clients.c1.certificates.0.subject", "tenants.linde.egress.source_address"}
    assert word in faults[key]
    assert "openssl x509" in faults["clients.c1.certificates.0.subject"]


def test_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    changes = _with_certificates(tmp_path, "CN=a") | {"listen.client_authorities": "nowhere.pem"}
    assert "nowhere.pem cannot be read" in _faults(tmp_path, changes)["listen.client_authorities"]


def test_a_subject_given_to_two_clients_is_a_fault_however_it_is_written(tmp_path: Path) -> None:
    faults = _faults(tmp_path, _with_certificates(tmp_path, "CN=a,O=Us", "CN=a,2.5.4.10=Us"))
    assert "also with client 'c0'" in faults["clients.c1.certificates.0.subject"]


def test_where_openssl_is_out_of_reach_certificates_cannot_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_reach() -> openssl.OpenSSL:
        raise openssl.OpenSSLOutOfReach("elsewhere")

    openssl._prove_the_place.cache_clear()
    monkeypatch.setattr(openssl, "openssl", out_of_reach)
    monkeypatch.setattr(any_client, "openssl", out_of_reach)
    assert list(_faults(tmp_path, _with_certificates(tmp_path, "CN=a"))) == ["clients"]
    assert not _built(tmp_path).callers.certified


IWLZ = {"name": "iwlz", "prefix": "/acc/netwerkmodel", "upstream": "https://localhost:8443", "family": "iwlz"}
COV = {"name": "cov", "prefix": "/acc/cov", "upstream": "https://localhost:8443"}


def _tenant(name: str, file: str, **more: object) -> dict[str, object]:
    return {
        f"tenants.{name}.environment": "acceptance",
        f"tenants.{name}.trust": "trust.pem",
        f"tenants.{name}.certificate.file": file,
        f"tenants.{name}.certificate.password_file": "password",
        f"tenants.{name}.egress.source_address": "127.0.0.9",
        f"tenants.{name}.routes": [COV],
    } | {f"tenants.{name}.{key}": value for key, value in more.items()}


def test_a_family_of_routes_has_a_certificate_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "iwlz.p12").write_bytes(kit.other_system().p12(PASSWORD))
    changes: dict[str, object] = {
        "tenants.linde.routes": [COV, IWLZ],
        "tenants.linde.certificates.iwlz.file": "iwlz.p12",
        "tenants.linde.certificates.iwlz.password_file": "password",
    }
    built = _built(tmp_path, changes)
    assert {route.name: route.way for route in built.tenants["linde"].tenant.routes} == {
        "cov": "linde", "iwlz": "linde/iwlz",
    }  # fmt: skip
    serials = {name: int(way.passport.serial, 16) for name, way in built.ways.items() if way.passport}
    assert serials == {
        "linde": kit.system().certificate.serial_number,
        "linde/iwlz": kit.other_system().certificate.serial_number,
    }


def test_a_certificate_that_cannot_be_used_closes_its_own_way_only(tmp_path: Path) -> None:
    built = _built(tmp_path, _tenant("berk", "nowhere.p12"))
    assert built.ways["linde"].passport is not None
    assert built.ways["berk"].passport is None
    assert [key for key, _ in built.closed] == ["tenants.berk.certificate.file"]


def test_the_fault_of_a_familys_certificate_is_told_under_its_own_key(tmp_path: Path) -> None:
    changes: dict[str, object] = {
        "tenants.linde.routes": [COV, IWLZ],
        "tenants.linde.certificates.iwlz.file": "nowhere.p12",
        "tenants.linde.certificates.iwlz.password_file": "password",
    }
    assert [key for key, _ in _built(tmp_path, changes).closed] == ["tenants.linde.certificates.iwlz.file"]


def test_a_certificate_for_a_family_that_no_route_has_is_a_fault(tmp_path: Path) -> None:
    """Else a route whose family was forgotten would go out under the wrong certificate, and nobody would know."""
    changes: dict[str, object] = {
        "tenants.linde.certificates.iwlz.file": "system.p12",
        "tenants.linde.certificates.iwlz.password_file": "password",
    }
    assert "no route" in _faults(tmp_path, changes)["tenants.linde.certificates.iwlz"]


def _test_certificate() -> bytes:
    return kit.authority().issue_system(kit.USER_NUMBER, "Praktijk (test)", at=kit.AT - timedelta(days=1)).p12(PASSWORD)


def test_a_test_certificate_is_refused_for_production_at_the_start(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443, changes={"tenants.linde.environment": "production"}, certificate=_test_certificate())
    faults = _told(tmp_path)
    assert list(faults) == ["tenants.linde.certificate.file"]
    assert "production" in faults["tenants.linde.certificate.file"]


def test_it_is_taken_once_its_fingerprint_is_listed_or_no_words_tell(tmp_path: Path) -> None:
    issued = kit.authority().issue_system(kit.USER_NUMBER, "Praktijk (test)", at=kit.AT - timedelta(days=1))
    production: dict[str, object] = {"tenants.linde.environment": "production"}
    either: list[dict[str, object]] = [
        {"tenants.linde.certificate.fingerprints": [kit.fingerprint(issued).upper()]},
        {"test_certificate_words": []},
    ]
    for more in either:
        write_settings(tmp_path, 8443, changes=production | more, certificate=issued.p12(PASSWORD))
        # Settings outside any table have to come first in the file.
        lines = sorted((tmp_path / "relay.toml").read_text().splitlines(), key=lambda line: "." in line.split("=")[0])
        (tmp_path / "relay.toml").write_text("\n".join(lines))
        assert build(read_settings(tmp_path), AT).closed == []


def test_the_same_certificate_in_two_environments_opens_neither(tmp_path: Path) -> None:
    faults = _faults(tmp_path, _tenant("berk", "system.p12", environment="test"))
    assert set(faults) == {"tenants.linde.certificate.file", "tenants.berk.certificate.file"}
    assert "berk in test" in faults["tenants.linde.certificate.file"]


def test_two_tenants_of_one_environment_may_have_the_same_certificate(tmp_path: Path) -> None:
    assert _built(tmp_path, _tenant("berk", "system.p12")).closed == []
