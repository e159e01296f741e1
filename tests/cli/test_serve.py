"""`relay serve` as a process: ready, and gone with 0 after SIGTERM; or 1 with every fault."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from relay.cli import main
from tests.kit.relay import write_settings


def _serve(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "relay", "serve", "--config", str(folder / "relay.toml")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_it_ends_with_0_after_sigterm_and_says_what_it_does_in_json(tmp_path: Path, loop: str) -> None:
    write_settings(tmp_path, 8443, changes={"loop": loop})
    with _serve(tmp_path) as process:
        assert process.stdout is not None
        ready = orjson.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert (ready["event"], ready["tenants"]) == ("ready", ["linde"])
    assert [orjson.loads(line)["event"] for line in out.splitlines()] == ["draining", "drained"]
    assert process.returncode == 0
    assert (b"more processor time" in err) is (loop == "asyncio")


def _invoked(folder: Path) -> Result:
    return CliRunner().invoke(main, ["serve", "--config", str(folder / "relay.toml")])


def test_faults_are_told_and_end_with_1_before_anything_listens(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443, changes={"tenants.linde.egress.source_address": "192.0.2.1"})
    result = _invoked(tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "tenants.linde.egress.source_address: 192.0.2.1 is not an address of this machine" in result.stderr


def test_a_port_that_is_taken_ends_with_1_and_its_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        write_settings(tmp_path, 8443, changes={"listen.port": taken.getsockname()[1]})
        result = _invoked(tmp_path)
    assert result.exit_code == 1
    assert "choose another port" in result.stderr
