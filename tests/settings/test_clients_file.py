"""Clients change in the settings file in place: all else in it stays, octet by octet, whichever way it is written."""

import os
import stat
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from relay.settings.clients_file import ClientsFault, ClientsFile

AT = datetime(2027, 2, 1, tzinfo=UTC)
KEY = {"id": "n" * 16, "digest": "sha256:new"}
OLD = 'id = "oooo", digest = "sha256:old"'
SHAPES = {
    "stanzas": (
        "# The relay.\nworkers = 2  # two\n\n[clients.dynamics]\ntenants = ['linde']  # whose\n\n"
        '[[clients.dynamics.api_keys]]\nid = "oooo"\ndigest = "sha256:old"  # of May\n\n[tenants.linde]\nx = 1 # last\n'
    ),
    "dotted": f"# The relay.\nclients.dynamics.tenants = ['linde']\nclients.dynamics.api_keys = [{{ {OLD} }}]\n"
    "[tenants.linde]\nx = 1 # last\n",
    "inline": f"clients = {{ dynamics = {{ tenants = ['linde'], api_keys = [{{ {OLD} }}] }} }} # last\n",
    "a list over lines": f"[clients.dynamics]\ntenants = ['linde']\napi_keys = [\n  # of May\n  {{ {OLD} }},\n]\n",
    "CRLF": f"# The relay.\r\n[clients.dynamics]\r\ntenants = ['linde'] # whose\r\napi_keys = [{{ {OLD} }}]\r\n",
}


@pytest.fixture(params=SHAPES)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> ClientsFile:
    path = tmp_path / "relay.toml"
    path.write_bytes(SHAPES[request.param].encode())
    return ClientsFile(path)


def _comments(text: bytes) -> list[bytes]:
    return [line.partition(b"#")[2].strip() for line in text.splitlines() if b"#" in line]


def test_a_second_key_comes_and_the_first_goes_and_comments_stay(file: ClientsFile) -> None:
    before = file.path.read_bytes()
    file.add_key("dynamics", KEY, AT)
    old = {"id": "oooo", "digest": "sha256:old", "expires": AT}
    assert file.client("dynamics") == {"tenants": ["linde"], "api_keys": [old, KEY]}
    assert _comments(file.path.read_bytes()) == _comments(before)
    file.remove_key("dynamics", "oooo")
    assert file.client("dynamics")["api_keys"] == [KEY]
    file.remove_key("dynamics", KEY["id"])
    assert file.client("dynamics") == {"tenants": ["linde"]}
    file.add_key("dynamics", KEY, None)
    assert file.client("dynamics")["api_keys"] == [KEY]
    file.remove("dynamics")
    assert "clients" not in file.read()
    assert (b"\r\n" in file.path.read_bytes()) is (b"\r\n" in before)


def test_a_client_is_added_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "relay.toml"
    path.write_text(SHAPES["stanzas"])
    ClientsFile(path).add("portal", {"tenants": ["linde", "berk"], "api_keys": [KEY | {"expires": AT}]})
    assert path.read_text().startswith(SHAPES["stanzas"])
    assert tomllib.loads(path.read_text())["clients"]["portal"]["api_keys"] == [KEY | {"expires": AT}]


def test_mode_and_owner_stay_and_a_link_stays_a_link(tmp_path: Path) -> None:
    real, path = tmp_path / "there" / "real.toml", tmp_path / "relay.toml"
    real.parent.mkdir()
    real.write_text(SHAPES["stanzas"])
    real.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(real, 65534, 65533)
    path.symlink_to(real)
    before = real.stat()
    ClientsFile(path).add_key("dynamics", KEY, None)
    after = real.stat()
    assert path.is_symlink()
    assert (stat.S_IMODE(after.st_mode), after.st_uid, after.st_gid) == (0o640, before.st_uid, before.st_gid)
    assert list(real.parent.iterdir()) == [real], "nothing half written is left"


def test_what_kubernetes_mounts_is_left_alone_with_a_word_about_it(tmp_path: Path) -> None:
    version = tmp_path / "..2026_12_01"
    version.mkdir()
    (version / "relay.toml").write_text(SHAPES["stanzas"])
    (tmp_path / "..data").symlink_to(version.name)
    (tmp_path / "relay.toml").symlink_to("..data/relay.toml")
    with pytest.raises(ClientsFault, match="Kubernetes mounts it"):
        ClientsFile(tmp_path / "relay.toml").add_key("dynamics", KEY, None)
    assert (version / "relay.toml").read_text() == SHAPES["stanzas"]


@pytest.mark.parametrize(
    "text", ["clients = 5", "[clients.dynamics]\napi_keys = 5", "[clients]\ndynamics = 5", "= 1", ""]
)
def test_what_is_no_client_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "relay.toml"
    path.write_text(text)
    with pytest.raises(ClientsFault):
        ClientsFile(path).client("dynamics")
