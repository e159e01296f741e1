"""`relay registry` takes a book out into a file, and a file into a new book, whole or not at all."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay.cli import main
from relay.registry.domain.events import OrganisationAdded
from relay.registry.storage.sqlite import opened
from tests.kit.registry import ELDERS, NOON, organisation


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rehearsal")
    assert CliRunner().invoke(main, ["reference", "new", str(folder / "it")]).exit_code == 0
    return folder / "it"


def told(rehearsal: Path, verb: str, file: Path, book: Path | None = None) -> Result:
    environment = {} if book is None else {"REFERENCE_BOOK": str(book)}
    command = ["registry", verb, str(file), "--config", str(rehearsal / "reference.toml")]
    return CliRunner().invoke(main, command, env=environment, catch_exceptions=False)


def test_a_book_comes_back_as_it_was(rehearsal: Path, tmp_path: Path) -> None:
    file, again, new = tmp_path / "book.json", tmp_path / "again.json", tmp_path / "new.sqlite"
    assert told(rehearsal, "export", file).exit_code == 0
    assert file.stat().st_mode & 0o077 == 0
    result = told(rehearsal, "import", file, new)
    assert (result.exit_code, "The book is at version" in result.output) == (0, True)
    assert told(rehearsal, "export", again, new).exit_code == 0
    assert again.read_bytes() == file.read_bytes()
    document = json.loads(file.read_bytes())
    assert (document["format"], document["version"]) == ("relay-registry", 1)
    kinds = {each["kind"] for each in document["events"]}
    assert kinds == {"OrganisationAdded", "ContactPersonAdded", "CertificateAdded", "ServiceAuthorised"}


def test_a_book_in_which_something_has_happened_stays_as_it_is(rehearsal: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "book.json", tmp_path / "other.sqlite"
    told(rehearsal, "export", file)
    with opened(other) as store:
        store.record(OrganisationAdded(organisation=organisation(ELDERS)), at=NOON)
        before = store.load()
    result = told(rehearsal, "import", file, other)
    assert (result.exit_code, "something has happened" in result.output) == (1, True)
    with opened(other) as store:
        assert store.load() == before


def test_what_contradicts_itself_is_told_with_its_place_and_changes_nothing(rehearsal: Path, tmp_path: Path) -> None:
    file, new = tmp_path / "book.json", tmp_path / "new.sqlite"
    told(rehearsal, "export", file)
    document = json.loads(file.read_bytes())
    selection = {"provider": "praktijk-voorbeeld", "party": "nergens", "by": "1" * 14, "at": NOON.isoformat()}
    document["events"].append({"kind": "PartySelected", "body": {"selection": selection}})
    file.write_text(json.dumps(document))
    result = told(rehearsal, "import", file, new)
    assert (result.exit_code, f"events.{len(document['events']) - 1} contradicts" in result.output) == (1, True)
    with opened(new) as store:
        assert store.load().version == 0
        assert store.organisations() == ()


def test_who_comes_in_by_a_file_comes_in_by_the_rules_of_every_day(rehearsal: Path, tmp_path: Path) -> None:
    file = tmp_path / "book.json"
    told(rehearsal, "export", file)
    document = json.loads(file.read_bytes())
    events = document["events"]
    [person] = [each for each in events if each["kind"] == "ContactPersonAdded"]
    system = next(each for each in events if each["body"].get("certificate", {}).get("environment"))
    others = [deepcopy(person) for _ in range(3)]
    for number, other in enumerate(others):
        other["body"]["person"]["user_number"] = f"{number:014}"
    others[2]["body"]["person"]["organisation"] = "nergens"
    stolen = deepcopy(system)
    stolen["body"]["certificate"] |= {"fingerprint": "0" * 64, "environment": "production"}
    document["events"] = [*events, *others, stolen]
    file.write_text(json.dumps(document))
    output = told(rehearsal, "import", file, tmp_path / "new.sqlite").output
    assert "has 2 contact persons already" in output
    assert "belongs to a certificate of another holder, kind or environment" in output
    assert "no organisation nergens before it" in output


def test_every_fault_of_a_file_is_told_with_its_place_and_no_value(rehearsal: Path, tmp_path: Path) -> None:
    file = tmp_path / "book.json"
    told(rehearsal, "export", file)
    document = json.loads(file.read_bytes())
    document["events"][0]["body"]["organisation"]["agb_code"] = "999979668"
    document["events"][1]["kind"] = "Weather"
    del document["events"][2]["body"]["certificate"]["not_after"]
    file.write_text(json.dumps(document))
    result = told(rehearsal, "import", file, tmp_path / "new.sqlite")
    assert result.exit_code == 1
    assert all(f"events.{number}" in result.output for number in (0, 1, 2))
    assert "999979668" not in result.output
    assert not (tmp_path / "new.sqlite").exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no JSON"),
        ('{"format": "relay-registry", "version": 1, "events": 5}', "events: is no list"),
        ("[]", "no file that `relay registry export` wrote"),
        ('{"format": "relay-registry", "version": 2, "events": []}', "a newer relay"),
    ],
)
def test_what_is_no_book_is_told(rehearsal: Path, tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "book.json"
    file.write_text(text)
    assert why in told(rehearsal, "import", file, tmp_path / "new.sqlite").output
    assert told(rehearsal, "import", tmp_path / "nothing.json").exit_code == 1
