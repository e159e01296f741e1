"""Processes that the bench starts, waits for and ends by their ids; and the processors they may use."""

import os
import resource
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

# Seconds: to start, and to end after having been asked.
_START = 15.0
_END = 10.0
# Ports that were given out.
_GIVEN: set[int] = set()


class BenchFault(Exception):
    """The bench cannot give a figure that means something; the message says why."""


@contextmanager
def process(
    command: Sequence[str | Path], *, folder: Path, out: Path, cpus: set[int]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command for as long as the block lasts; then ask it to end, and see that it does.

    `out` gets its standard output; its standard error goes to a file beside it.
    """
    with out.open("wb") as stdout, out.with_suffix(".err").open("wb") as stderr:
        started = subprocess.Popen(
            command,
            cwd=folder,
            stdout=stdout,
            stderr=stderr,
            # Bytecode is kept, whatever the caller's shell says: no front is to compile itself at each start.
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
            # Set in the child before it runs, so that the processes and threads it makes inherit it.
            preexec_fn=partial(os.sched_setaffinity, 0, cpus),
        )
        try:
            yield started
        finally:
            _end(started)


def _end(started: subprocess.Popen[bytes]) -> None:
    started.terminate()
    try:
        started.wait(_END)
    except subprocess.TimeoutExpired:
        started.kill()
        started.wait()


def errors_of(out: Path) -> str:
    """Return what a process wrote to its standard error, for a message."""
    return out.with_suffix(".err").read_text(errors="replace").strip()[-2000:]


def wait_for_port(port: int, started: subprocess.Popen[bytes], out: Path) -> None:
    """Return once somebody listens on `port` of loopback. Raises BenchFault when the process ended or took too long."""
    give_up = time.monotonic() + _START
    while time.monotonic() < give_up:
        if started.poll() is not None:
            raise BenchFault(f"{started.args!r} ended at once: {errors_of(out)}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.002)
    raise BenchFault(f"{started.args!r} does not listen on port {port}: {errors_of(out)}")


def free_port() -> int:
    """Return a port of loopback that nobody listens on, for servers that cannot choose one themselves.

    None twice: many are asked for before the first is listened on, and two on one port would share its calls unseen.
    """
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in _GIVEN:
            _GIVEN.add(port)
            return port


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


def interrupt_nobody(pids: list[int]) -> None:
    """Have these processes wait until whoever is on their processor has nothing to do.

    Workers that share one would else interrupt each other at every packet, as those with a processor each never do.
    """
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setscheduler(int(task.name), os.SCHED_BATCH, os.sched_param(0))


def processors() -> tuple[set[int], set[int]]:
    """Return the processors for the front and those for everything else: apart where there are two or more."""
    here = sorted(os.sched_getaffinity(0))
    return ({here[-1]}, set(here[:-1])) if len(here) > 1 else (set(here), set(here))


def allow_many_files() -> None:
    """Allow this process, and all that it starts, as many open files as the machine lets it have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
