"""What the kernel knows of processes: processor time spent, memory, wake-ups, connections open. Never wall time."""

import os
from pathlib import Path

_ESTABLISHED = "01"


def cpu_seconds(pids: list[int]) -> float:
    """Return the processor time that these processes have used, all threads together (schedstat, nanoseconds)."""
    return sum(_spent(task) for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def _spent(task: Path) -> int:
    return int((task / "schedstat").read_text().split()[0])


def stolen_seconds() -> float:
    """Return the time that the machine's processors were wanted here and others had them, in steps of 10 ms."""
    return int(Path("/proc/stat").read_text().split(maxsplit=9)[8]) / os.sysconf("SC_CLK_TCK")


def resident_kib(pids: list[int]) -> int:
    """Return the memory that these processes have in use: pages that they share count for each of them."""
    return sum(_status(Path(f"/proc/{pid}/status"), "VmRSS") for pid in pids)


def forget_peak(pids: list[int]) -> None:
    """Have `peak_kib` tell from now on."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_kib(pids: list[int]) -> int:
    """Return the most memory that each of these processes has had in use since `forget_peak`, together."""
    return sum(_status(Path(f"/proc/{pid}/status"), "VmHWM") for pid in pids)


def wakeups(pids: list[int]) -> int:
    """Return how often these processes have gone to sleep of themselves, all threads together."""
    tasks = (task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir())
    return sum(_status(task / "status", "voluntary_ctxt_switches") for task in tasks)


def _status(path: Path, key: str) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(f"{key}:"))


def connections_to(port: int) -> frozenset[str]:
    """Return the open connections that somebody made to `port`, each by the other end's address."""
    ours = f":{port:04X}"
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return frozenset(remote for _, local, remote, state, *_ in lines if local.endswith(ours) and state == _ESTABLISHED)
