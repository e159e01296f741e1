"""The reference side's settings: what is wrong is told at once, each with its key."""

import typing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from relay.enforcer.places import Family
from relay.errors import SettingsFault
from relay.settings.load import load
from relay.settings.reference import ReferenceSettings, Routes

SETTINGS = """
book = "book.sqlite"
authorities = "authorities.pem"
{more}
[gate]
port = {gate_port}
certificate = "server.crt"
key = "server.key"
[registry]
port = 8445
certificate = "server.crt"
key = "server.key"
"""


def loaded(folder: Path, more: str = "", gate_port: int = 8444) -> ReferenceSettings:
    file = folder / "reference.toml"
    file.write_text(SETTINGS.format(more=more, gate_port=gate_port))
    return load(ReferenceSettings, file, prefix="REFERENCE_")


def faults(folder: Path, more: str, gate_port: int = 8444) -> dict[str, str]:
    with pytest.raises(SettingsFault) as caught:
        loaded(folder, more, gate_port)
    return dict(caught.value.faults)


def test_by_default_it_enforces_always_and_takes_public_addresses_only(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert (settings.enforced_from, settings.rehearsal, settings.refusal_body) == (None, False, "empty")
    assert (settings.audit, settings.public_url) == (None, None)
    assert str(settings.gate.address) == str(settings.operator.address) == "127.0.0.1"


def test_a_path_counts_from_the_settings_file(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert (settings.book, settings.gate.key) == (tmp_path / "book.sqlite", tmp_path / "server.key")


def test_the_date_of_enforcement_needs_its_time_zone(tmp_path: Path) -> None:
    assert loaded(tmp_path, "enforced_from = 2021-11-01T00:00:00Z").enforced_from == datetime(2021, 11, 1, tzinfo=UTC)
    assert list(faults(tmp_path, "enforced_from = 2021-11-01T00:00:00")) == ["enforced_from"]


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    more = 'refusal_body = "long"\npublic_url = "http://gate.example"\nrehersal = true'
    assert set(faults(tmp_path, more)) == {"refusal_body", "public_url", "rehersal"}


@pytest.mark.parametrize(
    "url", ["http://gate.example", "https://gate.example?x", "https://u@gate.example", 'https://a"b', "gate.example"]
)
def test_a_public_address_is_a_plain_https_url(tmp_path: Path, url: str) -> None:
    assert list(faults(tmp_path, f"public_url = '{url}'")) == ["public_url"]


def test_a_public_address_may_have_port_and_path(tmp_path: Path) -> None:
    url = "https://relay.example:8443/praktijk-a"
    assert loaded(tmp_path, f'public_url = "{url}"').public_url == url


@pytest.mark.parametrize("phrase", ["", "Two  spaces", "Not\\r\\nAllowed", "999979668", "x" * 81])
def test_a_reason_phrase_is_plain_words(tmp_path: Path, phrase: str) -> None:
    assert loaded(tmp_path, 'refusals.iwlz-pep.address = "Not Allowed"').refusals["iwlz-pep"].address == "Not Allowed"
    assert list(faults(tmp_path, f'refusals.cov.address = "{phrase}"')) == ["refusals.cov.address"]


def test_a_family_of_routes_is_one_that_the_gate_has(tmp_path: Path) -> None:
    assert set(typing.get_args(Routes)) == set(Family)
    assert list(faults(tmp_path, "refusals.elsewhere = {}")) == ["refusals.elsewhere"]


def test_a_backend_has_a_prefix_of_its_own_and_speaks_tls(tmp_path: Path) -> None:
    twice = 'backends = [{prefix = "/a", url = "https://x.example"}, {prefix = "/a", url = "https://y.example"}]'
    assert list(faults(tmp_path, twice)) == ["backends.1.prefix"]
    assert list(faults(tmp_path, 'backends = [{prefix = "/a", url = "http://x.example"}]')) == ["backends.0.url"]


def test_two_faces_cannot_have_one_port_but_both_may_take_any(tmp_path: Path) -> None:
    assert list(faults(tmp_path, "", gate_port=8445)) == ["registry.port"]
    settings = loaded(tmp_path, "operator = { port = 0 }", gate_port=0)
    assert settings.gate.port == settings.operator.port == 0
