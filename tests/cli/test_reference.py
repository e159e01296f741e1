"""`relay reference new` makes what `relay reference` runs, and says what to do with it."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay.cli import main
from relay.compose.rehearsal import SYSTEM

PORTS = ("--gate-port", "0", "--registry-port", "0", "--operator-port", "0")


def told(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["reference", *arguments], catch_exceptions=False)


def test_new_says_how_to_run_it_and_how_to_register(tmp_path: Path) -> None:
    folder = tmp_path / "re hearsal"
    result = told("new", str(folder), "--registry-port", "9445")
    assert result.exit_code == 0
    assert f"relay reference --config '{folder}/reference.toml'" in result.output
    assert f"https://localhost:9445/v1/certificates/{SYSTEM}/addresses/127.0.0.1" in result.output
    assert "port = 9445" in (folder / "reference.toml").read_text()


def test_new_never_shows_a_password(tmp_path: Path) -> None:
    result = told("new", str(tmp_path))
    assert (tmp_path / "contact-person.password").read_text().strip() not in result.output


def test_new_leaves_a_folder_with_something_in_it_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    result = told("new", str(tmp_path))
    assert (result.exit_code, "is not empty" in result.output) == (1, True)


def test_new_wants_an_ipv4_address(tmp_path: Path) -> None:
    result = told("new", str(tmp_path), "--address", "::1")
    assert (result.exit_code, "an IPv4 address such as 127.0.0.1" in result.output) == (2, True)


def test_a_settings_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = told("--config", str(tmp_path / "reference.toml"))
    assert (result.exit_code, "there is no such file" in result.output) == (1, True)


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_it_runs_until_it_is_told_to_stop(tmp_path: Path, stop: signal.Signals) -> None:
    assert told("new", str(tmp_path), *PORTS).exit_code == 0
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "relay", "reference", "--config", str(tmp_path / "reference.toml")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    ready = json.loads(await process.stdout.readline())
    process.send_signal(stop)
    _, errors = await process.communicate()
    assert (ready["event"], ready["gate"] > 0, process.returncode) == ("ready", True, 0)
    assert errors.decode() == "REHEARSAL: addresses that are not public can be registered here.\n"


@pytest.mark.parametrize("name", ["bad name", "-gate", "gate/x", ""])
def test_new_wants_names_that_a_certificate_can_hold(tmp_path: Path, name: str) -> None:
    result = told("new", str(tmp_path), "--name", name)
    assert (result.exit_code, "is not a host name" in result.output) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_revoke_says_what_was_revoked_and_where(tmp_path: Path) -> None:
    told("new", str(tmp_path / "rehearsal"))
    before = (tmp_path / "rehearsal" / "revocations.pem").read_bytes()
    result = told("revoke", str(tmp_path / "rehearsal"), str(tmp_path / "rehearsal" / "system.p12"))
    assert (result.exit_code, "revocations.pem" in result.output) == (0, True)
    assert (tmp_path / "rehearsal" / "revocations.pem").read_bytes() != before
