"""Reading a settings tree: every fault at once with its key's full name, and never a secret in one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, SecretStr

from relay.errors import SettingsFault
from relay.settings.load import Branch, Settings, SettingsPath, load


class _Leaf(Branch):
    port: int
    file: SettingsPath = Path("default.pem")
    secret: SecretStr | None = None
    on: bool = False
    some: tuple[int, ...] = ()
    part: float = 0.5


class _Tree(Settings):
    name: str
    leaf: _Leaf
    leaves: dict[str, _Leaf] = Field(default={})
    named: dict[Annotated[str, Field(max_length=3)], int] = Field(default={})

    def disagreements(self) -> Iterator[tuple[str, str]]:
        if self.name == str(self.leaf.port):
            yield "name", "is the port as well"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tree.toml"


def _load(file: Path, text: str) -> _Tree:
    file.write_text(text)
    return load(_Tree, file, prefix="TREE_")


def _faults(file: Path, text: str) -> dict[str, str]:
    with pytest.raises(SettingsFault) as raised:
        _load(file, text)
    return dict(raised.value.faults)


def test_a_tree_is_read_and_frozen(file: Path) -> None:
    tree = _load(file, 'name = "x"\nleaf.port = 1')
    assert (tree.name, tree.leaf.port) == ("x", 1)
    with pytest.raises(ValueError, match="frozen"):
        tree.leaf.port = 2  # type: ignore[misc]  # that it cannot be set is the claim


def test_every_fault_is_told_at_once_with_its_keys_full_name(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREE_STRANGE", "1")
    monkeypatch.setenv("TREE_LEAF__ODD", "1")
    faults = _faults(file, 'nmae = "x"\nleaf = { port = "no number", prot = 1 }\nleaves.one = {}')
    assert set(faults) == {
        "TREE_STRANGE", "name", "nmae", "leaf.port", "leaf.prot", "leaf.odd", "leaves.one.port",
    }  # fmt: skip
    assert faults["name"] == "is required"
    assert "typing error" in faults["nmae"]
    assert "typing error" in faults["TREE_STRANGE"]


@pytest.mark.parametrize(
    ("text", "key", "what"),
    [
        ('name = "x"\nleaf = "y"', "leaf", "should be a table"),
        ('name = "x"\nleaf.port = 1\nleaves = 1', "leaves", "should be a table"),
        ("name = 1\nleaf.port = 1", "name", "should be a text, in quotes"),
        ('name = "x"\nleaf = { port = 1, file = 5 }', "leaf.file", "should be a text, in quotes"),
        ('name = "x"\nleaf.port = "no number"', "leaf.port", "should be a whole number"),
        ('name = "x"\nleaf.port = 1.5', "leaf.port", "should be a whole number"),
        ('name = "x"\nleaf.port = []', "leaf.port", "should be a whole number"),
        ('name = "x"\nleaf = { port = 1, on = "maybe" }', "leaf.on", "should be true or false"),
        ('name = "x"\nleaf = { port = 1, some = 5 }', "leaf.some", "should be a list"),
        ('name = "x"\nleaf = { port = 1, part = "x" }', "leaf.part", "should be a number"),
        ('name = "x"\nleaf.port = 1\nnamed.TOOLONG = 1', "named.TOOLONG", "should have at most 3 characters"),
    ],
)
def test_a_wrong_kind_is_told_in_words_of_the_file_and_never_of_the_program(
    file: Path, text: str, key: str, what: str
) -> None:
    [(at, told)] = _faults(file, text).items()
    assert at == key
    assert told.startswith(what)


def test_disagreements_of_two_parts_are_faults_beside_unknown_variables(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TREE_STRANGE", "1")
    assert set(_faults(file, 'name = "1"\nleaf.port = 1')) == {"TREE_STRANGE", "name"}


def test_the_environment_goes_before_the_file_leaf_by_leaf(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TREE_LEAF__PORT", "2")
    tree = _load(file, 'name = "x"\nleaf = { port = 1, file = "a.pem" }')
    assert tree.leaf.port == 2
    assert tree.leaf.file.name == "a.pem"


def test_variables_without_our_prefix_are_nobodys_business(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_STRANGE", "1")
    _load(file, 'name = "x"\nleaf.port = 1')


def test_without_a_prefix_the_file_is_all_that_counts(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAF__PORT", "2")
    monkeypatch.setenv("NAME", "another")
    file.write_text('name = "x"\nleaf.port = 1')
    tree = load(_Tree, file, prefix=None)
    assert (tree.name, tree.leaf.port) == ("x", 1)


@pytest.mark.parametrize("name", ["TREE_LEAF", "TREE_LEAVES", "TREE_LEAVES__ONE"])
def test_a_branch_that_a_variable_cannot_hold_is_a_fault_of_that_variable(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "geheim-no-json")
    [(key, what)] = _faults(file, 'name = "x"\nleaf.port = 1').items()
    assert name.lower().removeprefix("tree_").startswith(key.lower().removeprefix("tree_").partition(".")[0])
    assert "geheim" not in what


def test_paths_count_from_the_settings_files_folder_defaults_as_well(file: Path) -> None:
    tree = _load(file, 'name = "x"\nleaf.port = 1\nleaves.one = { port = 1, file = "sub/x.pem" }')
    assert tree.leaf.file == file.parent / "default.pem"
    assert tree.leaves["one"].file == file.parent / "sub/x.pem"


def test_an_absolute_path_stays_as_it_is(file: Path) -> None:
    assert _load(file, 'name = "x"\nleaf = { port = 1, file = "/etc/x.pem" }').leaf.file == Path("/etc/x.pem")


def test_a_secret_shows_neither_in_a_repr_nor_in_a_fault(file: Path) -> None:
    tree = _load(file, 'name = "x"\nleaf = { port = 1, secret = "geheim" }')
    assert "geheim" not in repr(tree)
    assert "geheim" not in str(tree)
    wrong = _faults(file, 'name = "x"\nleaf = { port = "geheim", secret = 12, "geheimpje" = 1 }')
    assert "geheim" not in "".join(wrong.values())


def test_a_file_that_is_not_there_says_how_to_name_it(file: Path) -> None:
    with pytest.raises(SettingsFault, match="--config"):
        load(_Tree, file, prefix="TREE_")


def test_a_file_that_is_no_toml_is_a_fault_with_its_place(file: Path) -> None:
    [fault] = _faults(file, 'name = "x"\nleaf = = 1').values()
    assert "not valid TOML" in fault
    assert "line 2" in fault


def test_a_file_that_is_no_text_or_no_file_is_a_fault(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsFault, match="is not text in UTF-8"):
        load(_Tree, file, prefix="TREE_")
    with pytest.raises(SettingsFault, match="cannot be read"):
        load(_Tree, file.parent, prefix="TREE_")
