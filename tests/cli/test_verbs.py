"""The verbs: each loads what it needs and no more, and says what is missing."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from relay.cli import VERBS, main

pytestmark = pytest.mark.slow

ALONE = "import sys; sys.modules |= {'sqlalchemy': None, 'alembic': None, 'lxml': None}; from relay.cli import main; "


def without_the_extra(*arguments: str) -> subprocess.CompletedProcess[str]:
    return done(f"main({list(arguments)!r})")


def done(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", ALONE + code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [("reference", ()), ("reference", ("--help",)), ("reference", ("new", "x")), ("demo", ("--once",))],
)
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


def test_the_relay_alone_needs_neither_database_nor_xml() -> None:
    verbs = [verb for verb, (_, extra, _) in VERBS.items() if extra is None]
    each = f"[main([verb, '--help'], standalone_mode=False) for verb in {verbs}]"
    result = subprocess.run(
        [sys.executable, "-c", ALONE + each], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stderr == ""
    assert result.stdout.count("Usage: ") == len(verbs) > 5
