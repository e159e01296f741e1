"""What everybody keeps to who keeps a system certificate. A new kind comes in as one more entry in `KEEPERS`."""

import base64
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from relay.upstream.aws import SecretsManager
from relay.upstream.azure import fetch_from_key_vault
from relay.upstream.keeper import File, Keeper, KeeperFault, Lack, Vault
from tests.kit.vaults import Kept, aws, azure

SECRET = b"\x00\xff the private key \r\n"


class _Disk:
    """A file, as vaults are in the hands of a test."""

    setting = "file"

    def __init__(self, path: Path) -> None:
        self._path = path
        self.place = str(path)

    def put(self, octets: bytes) -> None:
        self._path.write_bytes(octets)

    def put_text(self, text: str) -> None:
        self._path.write_text(text)

    def take_away(self) -> None:
        self._path.unlink(missing_ok=True)

    def withhold(self) -> None:
        self.take_away()
        self._path.mkdir()

    def close(self) -> None: ...

    def open(self) -> None: ...


@contextmanager
def _disk(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> Iterator[_Disk]:
    yield _Disk(folder / "system.p12")


Made = tuple[Kept, Keeper]


@dataclass
class Kind:
    """How to have one: the place where it keeps things, and the keeper."""

    running: Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[Kept]]
    keeper: Callable[[str], Keeper]


VAULTS = {
    "azure": Kind(azure, lambda place: Vault("azure_secret", place, fetch_from_key_vault)),
    "aws": Kind(aws, lambda place: Vault("aws_secret", place, SecretsManager().fetch)),
}
KEEPERS = {"file": Kind(_disk, lambda place: File(Path(place)))} | VAULTS


@pytest.fixture(params=KEEPERS)
def made(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    kind = KEEPERS[request.param]
    with kind.running(tmp_path, monkeypatch) as kept:
        yield kept, kind.keeper(kept.place)


@pytest.fixture(params=VAULTS)
def vault(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    kind = VAULTS[request.param]
    with kind.running(tmp_path, monkeypatch) as kept:
        yield kept, kind.keeper(kept.place)


def _fault(keeper: Keeper) -> KeeperFault:
    with pytest.raises(KeeperFault) as told:
        keeper.octets()
    fault = told.value
    assert str(keeper) in fault.detail
    assert str(keeper) not in fault.cause
    assert fault.cause.endswith(".")
    assert fault.__cause__ is None
    assert fault.__suppress_context__  # whatever the SDK said stays with it
    return fault


def test_what_was_put_comes_back_octet_for_octet(made: Made) -> None:
    kept, keeper = made
    for octets in (SECRET, b"\x30" * 4000):
        kept.put(octets)
        assert keeper.octets() == octets


def test_it_tells_where_it_keeps_it_and_which_setting_says_so(made: Made) -> None:
    kept, keeper = made
    assert (str(keeper), keeper.setting) == (kept.place, kept.setting)
    assert kept.place in repr(keeper)


def test_a_look_after_a_hurry_finds_what_is_new(made: Made) -> None:
    kept, keeper = made
    kept.put(SECRET)
    before = keeper.stamp()
    assert keeper.stamp() == before
    kept.put(b"another")
    keeper.hurry()
    assert keeper.stamp() != before


def test_nothing_there_is_told_as_such(made: Made) -> None:
    kept, keeper = made
    kept.take_away()
    assert _fault(keeper).lack is Lack.ABSENT


def test_what_is_not_given_is_told_with_a_remedy_that_is_not_waiting(made: Made) -> None:
    kept, keeper = made
    kept.put(SECRET)
    kept.withhold()
    assert _fault(keeper).lack is Lack.UNREADABLE


def test_a_vault_that_is_not_reached_may_be_later_and_then_is(vault: Made) -> None:
    kept, keeper = vault
    kept.put(SECRET)
    kept.close()
    fault = _fault(keeper)
    assert (fault.lack, "does not answer" in fault.detail) == (Lack.UNREACHED, True)
    kept.open()
    assert keeper.octets() == SECRET


def test_a_vault_may_keep_it_as_text_in_base64_with_line_ends(vault: Made) -> None:
    kept, keeper = vault
    kept.put_text(base64.encodebytes(SECRET * 9).decode())
    assert keeper.octets() == SECRET * 9


@pytest.mark.parametrize(
    ("text", "word"),
    [("-----BEGIN PRIVATE KEY-----\nMIIgeheim\n-----END PRIVATE KEY-----\n", "PEM"), ('{"p12": "geheim"}', "base64")],
    ids=["pem", "json"],
)
def test_what_is_no_file_in_base64_is_told_and_never_quoted(vault: Made, text: str, word: str) -> None:
    kept, keeper = vault
    kept.put_text(text)
    fault = _fault(keeper)
    assert fault.lack is Lack.UNFIT
    assert word in fault.detail
    assert "geheim" not in f"{fault.detail} {fault.cause}"


def test_without_the_vendors_software_it_is_told_what_to_install(vault: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    _, keeper = vault
    for name in ("boto3", "azure.identity"):
        monkeypatch.setitem(sys.modules, name, None)
    fault = _fault(keeper)
    assert fault.lack is Lack.UNREADABLE
    assert f"pip install '.[{keeper.setting.removesuffix('_secret')}]'" in fault.detail
