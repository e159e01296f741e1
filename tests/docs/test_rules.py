"""The table of the registry's rules names tests that there are, and leaves none of their questions out."""

import re
from pathlib import Path

from tests.kit.tables import DOCS

TESTS = Path(__file__).parents[1]
_QUESTION = re.compile(r"def test_(q[0-9]+|inc)(?:_and_(q[0-9]+))?_\w+")


def _table() -> list[list[str]]:
    text = (DOCS / "registry.md").read_text()
    lines = text.partition("| rule | source | where | test |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def _source() -> str:
    return "".join(path.read_text() for path in (TESTS / "registry").rglob("test_*.py"))


def test_each_rule_names_a_test_and_where_the_rule_is() -> None:
    source, registry = _source(), DOCS.parent / "relay" / "registry"
    for rule, questions, where, test in _table():
        assert f"def {test.strip('`')}(" in source, rule
        assert test.strip("`").split("_")[1].upper() in questions, rule
        for room in where.replace("`", "").split(", "):
            assert any((folder / f"{room}.py").is_file() for folder in (registry, registry / "domain")), (rule, room)


def test_every_question_that_a_test_names_is_in_the_table() -> None:
    named = {each.upper() for found in _QUESTION.findall(_source()) for each in found if each}
    told = {question for _, questions, _, _ in _table() for question in questions.split(", ")}
    assert told == named
