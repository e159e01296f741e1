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

pytestmark = pytest.mark.slow


def _serve(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "relay", "serve", "--config", str(folder / "relay.toml"), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("workers", [[], ["--workers", "2"]])
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_it_ends_with_0_after_sigterm_and_says_what_it_does_in_json(
    tmp_path: Path, loop: str, workers: list[str]
) -> None:
    write_settings(tmp_path, 8443, changes={"loop": loop})
    with _serve(tmp_path, *workers) as process:
        assert process.stdout is not None
        told = [orjson.loads(process.stdout.readline()) for _ in range(3 if workers else 1)]
        ready = told.pop()
        assert [line["event"] for line in told] == ["worker_started"] * len(told)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (ready["event"], ready["tenants"]) == ("ready", ["linde"])
    assert [orjson.loads(line)["event"] for line in out.splitlines()] == ["draining", "drained"]
    assert process.returncode == 0
    assert (b"more processor time" in err) is (loop == "asyncio")


@pytest.mark.parametrize(("soft", "hard", "gets"), [(256, 4096, 2256), (256, 512, 512), (4096, 4096, 4096)])
def test_it_has_the_open_files_that_its_callers_take_or_says_that_it_has_not(
    tmp_path: Path, soft: int, hard: int, gets: int
) -> None:
    write_settings(tmp_path, 8443, changes={"listen.max_connections": 1000})
    command = ["prlimit", f"--nofile={soft}:{hard}", sys.executable, "-m", "relay", "serve", "--workers", "2"]
    with subprocess.Popen(
        [*command, "--config", str(tmp_path / "relay.toml")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        started = orjson.loads(process.stdout.readline())
        limits = Path(f"/proc/{started['worker']}/limits").read_text()
        process.terminate()
        _, err = process.communicate(timeout=60)
    (files,) = (line.split()[3] for line in limits.splitlines() if line.startswith("Max open files"))
    assert int(files) == gets
    assert (b"1000, and so many callers" in err) is (gets < 2256)


def _invoked(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["serve", "--config", str(folder / "relay.toml"), *options])


def test_faults_are_told_and_end_with_1_before_anything_listens(tmp_path: Path) -> None:
    write_settings(tmp_path, 8443, changes={"tenants.linde.egress.source_address": "192.0.2.1"})
    result = _invoked(tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "tenants.linde.egress.source_address: 192.0.2.1 is not an address of this machine" in result.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("key", ["listen", "operator"])
def test_a_port_that_is_taken_ends_with_1_and_its_remedy(tmp_path: Path, key: str, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        write_settings(tmp_path, 8443, changes={f"{key}.port": taken.getsockname()[1]})
        result = _invoked(tmp_path, "--workers", workers)
    assert result.exit_code == 1
    assert "choose another port" in result.stderr


@pytest.mark.parametrize("workers", ["0", "65", "two"])
def test_a_number_of_workers_that_cannot_be_is_refused(tmp_path: Path, workers: str) -> None:
    write_settings(tmp_path, 8443)
    assert _invoked(tmp_path, "--workers", workers).exit_code == 2
