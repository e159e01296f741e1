"""The ways out that the doctor walks: each certificate with the routes that go out under it."""

from pathlib import Path

from relay.doctor.itinerary import Way, built_ways, ways_of
from tests.kit import authority as kit
from tests.kit.relay import PASSWORD, read_settings, write_settings


def _changes() -> dict[str, object]:
    upstream = "https://localhost:8443"
    return {
        "tenants.linde.routes": [
            {"name": "cov", "prefix": "/acc/cov", "upstream": upstream},
            {"name": "iwlz", "prefix": "/acc/netwerkmodel", "upstream": upstream, "family": "iwlz"},
        ],
        "tenants.linde.certificates.iwlz.file": "iwlz.p12",
        "tenants.linde.certificates.iwlz.password_file": "password",
    }


def _ways(folder: Path) -> list[Way]:
    settings = read_settings(folder)
    return list(ways_of(settings, built_ways(settings, kit.AT)))


def test_each_certificate_is_a_way_with_its_own_routes(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443, changes=_changes())
    (tmp_path / "iwlz.p12").write_bytes(kit.other_system().p12(PASSWORD))
    ways = {way.name: way for way in _ways(tmp_path)}
    assert {name: [route.name for route in way.routes] for name, way in ways.items()} == {
        "linde": ["cov"], "linde/iwlz": ["iwlz"],
    }  # fmt: skip
    passport = ways["linde/iwlz"].passport
    assert passport is not None
    assert passport.fingerprint == kit.fingerprint(kit.other_system())
    assert ways["linde/iwlz"].number == "20001000005555"


def test_a_way_that_is_closed_tells_its_own_key(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443, changes=_changes())
    [own, iwlz] = _ways(tmp_path)
    assert own.fault is None
    assert iwlz.fault is not None
    assert iwlz.fault[0] == "tenants.linde.certificates.iwlz.file"
