"""The relay as a real process: `relay serve` with a settings file, ended by its process id."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson

from tests.kit.forked import Forked
from tests.kit.relay import write_settings

_REPOSITORY = Path(__file__).parents[2]
_START = 60.0
_END = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A relay that listens in a process of its own."""

    pid: int
    port: int
    log: Path
    key: str = field(repr=False)
    operator: int = 0

    def lines(self) -> Iterator[dict[str, object]]:
        """The whole lines that its log has so far."""
        for line in self.log.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield orjson.loads(line)

    def events(self, name: str) -> list[dict[str, object]]:
        """The lines of its log so far that tell of this."""
        return [line for line in self.lines() if line["event"] == name]

    def workers(self) -> list[int]:
        """The processes that carry calls now, the eldest first."""
        gone = {line["worker"] for line in self.events("worker_lost")}
        return [int(str(line["worker"])) for line in self.events("worker_started") if line["worker"] not in gone]

    def replaced(self, dead: int) -> bool:
        """Whether two carry calls, and neither is the one that died: told by one look, as each sees more of the log."""
        workers = self.workers()
        return len(workers) == 2 and dead not in workers

    @contextmanager
    def only(self, worker: int) -> Iterator[None]:
        """Have one worker alone run while the block lasts, so that every caller comes to that one."""
        others = [pid for pid in self.workers() if pid != worker]
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            for pid in others:
                _wait_until_stopped(pid)
            yield
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)

    async def ask_operator(self, path: str) -> tuple[int, str]:
        """Ask the operator's port."""
        url = f"http://127.0.0.1:{self.operator}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status, await answer.text()

    async def calls(self) -> float:
        """How many calls it says to have answered, in all."""
        _, page = await self.ask_operator("/metrics")
        return sum(float(row.split()[-1]) for row in page.splitlines() if row.startswith("relay_calls_total{"))

    def resident_peak(self) -> int:
        """Octets of memory that all its processes had resident at most, since the start or the last `forget_peak`."""
        return sum(_peak(pid) for pid in self.family())

    def forget_peak(self) -> None:
        """Let the peak be what is resident now (proc(5), clear_refs)."""
        for pid in self.family():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def family(self) -> list[int]:
        """All its processes now, the first one first."""
        found = [self.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        return found


def parent_of(pid: int) -> int:
    """The process that forked this one."""
    return int(status_of(pid)["PPid"])


def _peak(pid: int) -> int:
    return int(status_of(pid)["VmHWM"].removesuffix("kB")) * 1024


def status_of(pid: int) -> dict[str, str]:
    """What the kernel says of a process (proc(5), status)."""
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (row.partition(":") for row in rows)}


@contextmanager
def served(
    folder: Path,
    upstream_port: int,
    *,
    changes: Mapping[str, object] | None = None,
    certificate: bytes | None = None,
    module: str = "relay",
    forked: bool = False,
) -> Iterator[Served]:
    """Run `relay serve` for as long as the block lasts; `module` is what stands for `relay`.

    Forked it is there sooner (see tests.kit.forked), but has memory that it never asked for.
    """
    key = write_settings(folder, upstream_port, changes=changes, certificate=certificate)
    with served_again(folder, key.text, module=module, forked=forked) as here:
        yield here


@contextmanager
def served_again(folder: Path, key: str, *, module: str = "relay", forked: bool = False) -> Iterator[Served]:
    """Run `relay serve` once more with the settings that are there."""
    log, config, err = folder / "relay.log", folder / "relay.toml", folder / "relay.err"
    with nullcontext() if forked else _piped(log) as out:
        process = Forked(config, log, err) if out is None else _begun(module, config, out, err)
        try:
            here = Served(pid=process.pid, port=0, key=key, log=log)
            ready = _ready(here, process)
            operator = int(str(ready["operator"]))
            yield Served(pid=process.pid, port=int(str(ready["port"])), key=key, log=log, operator=operator)
        finally:
            process.terminate()
            try:
                process.wait(_END)
            except (subprocess.TimeoutExpired, TimeoutError):
                process.kill()
                process.wait()


def _begun(module: str, config: Path, out: int, err: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", module, "serve", "--config", str(config)]
    with err.open("wb") as told:
        return subprocess.Popen(command, cwd=_REPOSITORY, stdout=out, stderr=told)


@contextmanager
def _piped(log: Path) -> Iterator[int]:
    """Yield a pipe that leads to the file, as a container's log does."""
    with log.open("wb") as file, subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file) as cat:
        assert cat.stdin is not None
        fcntl.fcntl(cat.stdin, fcntl.F_SETPIPE_SZ, 4096)  # as small as can be: what is longer is sure to be torn
        yield cat.stdin.fileno()


def _ready(here: Served, process: subprocess.Popen[bytes] | Forked) -> dict[str, object]:
    give_up = time.monotonic() + _START
    while time.monotonic() < give_up and process.poll() is None:
        for line in here.events("ready"):
            return line
        time.sleep(0.02)
    raise AssertionError(f"the relay did not get ready: {here.log.with_suffix('.err').read_text()}")


def _wait_until_stopped(pid: int) -> None:
    """A signal takes a moment to arrive, and until then its process may still take a caller (proc(5), stat)."""
    give_up = time.monotonic() + _START
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < give_up, f"process {pid} does not stop"
        time.sleep(0.001)
