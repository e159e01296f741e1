"""`relay demo` as a person runs it: a process of its own, in an empty environment."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "relay", "demo"]


def test_once_tells_the_story_and_ends_with_0(tmp_path: Path) -> None:
    done = subprocess.run([*DEMO, "--once"], cwd=ROOT, env={"TMPDIR": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line for line in ("403 Forbidden", "201 Created", "200 OK") if line not in done.stdout] == []
    assert 'relay_upstream_refusals_total{cause="address_or_blocked"' in done.stdout
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == [], "something was left behind"


def test_it_stays_until_ctrl_c_and_prints_a_line_to_paste(tmp_path: Path) -> None:
    with subprocess.Popen(
        DEMO, cwd=ROOT, env={"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = ""
        while "Settings and logs" not in told:
            line = process.stdout.readline()
            assert line, told
            told += line
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert "curl -i --cacert" in told
    assert list(tmp_path.iterdir()) == [], "something was left behind"
