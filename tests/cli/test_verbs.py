"""The verbs: each loads what it needs and no more, and says what is missing."""

import subprocess
import sys

import pytest

ALONE = "import sys; sys.modules |= {'sqlalchemy': None, 'alembic': None, 'lxml': None}; from relay.cli import main; "


def without_the_extra(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"{ALONE} main({list(arguments)!r})"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.parametrize("verb", ["reference", "demo"])
def test_a_verb_that_needs_more_says_how_to_get_it(verb: str) -> None:
    result = without_the_extra(verb, "--help")
    assert result.returncode == 1
    assert f"`relay {verb}` needs more" in result.stderr
    assert "requirements/reference.txt" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("verb", ["serve", "check", "doctor", "health", "certificate", "client"])
def test_the_relay_alone_needs_neither_database_nor_xml(verb: str) -> None:
    assert without_the_extra(verb, "--help").returncode == 0
