"""Where processes spend their time, as Linux's perf sees it: a sample of the running function each so often."""

import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Final

from bench.shares import KERNEL, counted

# Samples a second of processor time, by the kernel's clock: machines without counters have it too. Not a round
# number, so as not to keep step with a timer.
_RATE: Final = 4999


class PerfUnusable(Exception):
    """There is no perf, or it may not look; the message says which, and what to do."""


def samples(pids: list[int], seconds: float, folder: Path) -> Counter[tuple[str, str]]:
    """Return samples of these processes by place and function. Raises PerfUnusable."""
    if shutil.which("perf") is None:
        raise PerfUnusable("perf is missing: apt-get install linux-perf")
    data = folder / "perf.data"
    record = ["perf", "record", "-q", "-e", "task-clock", "-F", str(_RATE), "-p", ",".join(map(str, pids))]
    _done([*record, "-o", str(data), "--", "sleep", str(seconds)])
    report = ["perf", "report", "-q", "--stdio", "-i", str(data), "-F", "sample,dso,sym", "--field-separator=;"]
    found = counted(_done(report).splitlines())
    if not any(where == KERNEL for where, _ in found):
        raise PerfUnusable("perf may not look into the kernel: sysctl kernel.perf_event_paranoid=1, or be root")
    return found


def _done(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        raise PerfUnusable(f"{' '.join(command[:2])} failed: {said[0]}")
    return done.stdout
