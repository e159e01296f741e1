"""The verbs: each loads what it needs and no more, and says what is missing."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from relay.cli import VERBS, main

ALONE = "import sys; sys.modules |= {'sqlalchemy': None, 'alembic': None, 'lxml': None}; from relay.cli import main; "


def without_the_extra(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"{ALONE} main({list(arguments)!r})"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.parametrize("arguments", [(), ("--help",), ("new", "folder"), ("--once",)])
@pytest.mark.parametrize("verb", ["reference", "demo"])
def test_a_verb_that_needs_more_says_how_to_get_it(verb: str, arguments: tuple[str, ...]) -> None:
    result = without_the_extra(verb, *arguments)
    assert result.returncode == 1
    assert f"`relay {verb}` needs more" in result.stderr
    assert "requirements/reference.txt" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_help_lists_every_verb_also_one_that_needs_more() -> None:
    result = without_the_extra("--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert all(f"  {verb} " in result.stdout for verb in VERBS)


@pytest.mark.parametrize("group", ["certificate", "client", "guard"])
def test_no_line_of_help_is_cut_off(group: str) -> None:
    told = CliRunner().invoke(main, [group, "--help"], terminal_width=80)
    assert told.exit_code == 0
    assert "..." not in told.output.partition("Commands:")[2]


@pytest.mark.parametrize("verb", ["serve", "check", "doctor", "health", "certificate", "client"])
def test_the_relay_alone_needs_neither_database_nor_xml(verb: str) -> None:
    assert without_the_extra(verb, "--help").returncode == 0
