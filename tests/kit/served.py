"""The relay as a real process: `relay serve` with a settings file, ended by its process id."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from tests.kit.relay import write_settings

_REPOSITORY = Path(__file__).parents[2]
_START = 20.0
_END = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A relay that listens in a process of its own."""

    pid: int
    port: int
    log: Path
    key: str = field(repr=False)

    def lines(self) -> Iterator[dict[str, object]]:
        """The whole lines that its log has so far."""
        for line in self.log.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield orjson.loads(line)

    def resident_peak(self) -> int:
        """Octets of memory that it had resident at most, since the start or the last `forget_peak`."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024

    def forget_peak(self) -> None:
        """Let the peak be what is resident now (proc(5), clear_refs)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@contextmanager
def served(folder: Path, upstream_port: int, *, changes: Mapping[str, object] | None = None) -> Iterator[Served]:
    """Run `relay serve` for as long as the block lasts."""
    key = write_settings(folder, upstream_port, changes=changes)
    log = folder / "relay.log"
    command = [sys.executable, "-m", "relay", "serve", "--config", str(folder / "relay.toml")]
    with log.open("wb") as out, (folder / "relay.err").open("wb") as err:
        process = subprocess.Popen(command, cwd=_REPOSITORY, stdout=out, stderr=err)
        try:
            here = Served(pid=process.pid, port=0, key=key.text, log=log)
            port = _port_told(here, process)
            yield Served(pid=process.pid, port=port, key=key.text, log=log)
        finally:
            process.terminate()
            try:
                process.wait(_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _port_told(here: Served, process: subprocess.Popen[bytes]) -> int:
    give_up = time.monotonic() + _START
    while time.monotonic() < give_up and process.poll() is None:
        for line in here.lines():
            if line["event"] == "ready":
                return int(str(line["port"]))
        time.sleep(0.02)
    raise AssertionError(f"the relay did not get ready: {here.log.with_suffix('.err').read_text()}")
