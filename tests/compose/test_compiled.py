"""What is tested is what was meant to be, in every process; and what is to be compiled is there."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.kit.tested import COMPILED, which

ROOT = Path(__file__).parents[2]
HOOK = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"][
    "mypyc"
]


@pytest.mark.parametrize("arguments", [["-c"], ["-P", "-c"]], ids=["as tests start it", "whatever the folder"])
def test_every_process_runs_the_same_relay(arguments: list[str]) -> None:
    told = subprocess.run(
        [sys.executable, *arguments, "import relay.gateway.journey as journey; print(journey.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert which().startswith("compiled" if COMPILED else "source")
    assert Path(told).parents[1] == Path(which().split(" in ", 1)[1])
    assert Path(told).suffix == (".so" if COMPILED else ".py")


@pytest.mark.parametrize("pattern", HOOK["include"])
def test_what_is_to_be_compiled_is_there(pattern: str) -> None:
    assert list(ROOT.glob(pattern))
