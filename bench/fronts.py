"""The fronts that are compared: each started as a real process, each doing the relay's job before the same upstream."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Final

import orjson

from bench.place import PASSWORD, PATH, Place
from bench.process import BenchFault, errors_of, free_port, process, wait_for_port
from bench.upstream import nginx

_REPOSITORY = Path(__file__).parent.parent
_START = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A running front: its first process, and all that descend from it.

    `statuses` reads its log: how often it says to have answered what.
    """

    name: str
    port: int
    pid: int
    statuses: Callable[[], Counter[str]]


Starter = Callable[[Place, int, set[int]], AbstractContextManager[Front]]


@contextmanager
def nginx_tuned(place: Place, upstream_port: int, cpus: set[int]) -> Iterator[Front]:
    """Run nginx as its experts would configure it."""
    port, log = free_port(), place.folder / "nginx-tuned.log"
    values = {"PORT": port, "UPSTREAM": upstream_port, "KEY": place.key.text, "LOG": log}

    def statuses() -> Counter[str]:
        time.sleep(1.5)  # its lines are flushed once a second
        return Counter(line.split(" ")[5] for line in log.read_text().splitlines())

    with nginx("nginx-tuned", place, port, values, cpus) as master:
        yield Front(name="nginx-tuned", port=port, pid=master, statuses=statuses)


@contextmanager
def relay(place: Place, upstream_port: int, cpus: set[int]) -> Iterator[Front]:
    """Run the relay by settings of its own, with its log in a file."""
    settings, log = place.folder / "relay.toml", place.folder / "relay.log"
    settings.write_text(_SETTINGS.format(upstream=upstream_port, password=PASSWORD, key=place.key, prefix=PATH))
    command: list[str | Path] = [sys.executable, "-m", "relay", "serve", "--config", settings]

    def statuses() -> Counter[str]:
        return Counter(str(line["status"]) for line in _lines(log) if line["event"] == "exchange")

    with process(command, folder=_REPOSITORY, out=log, cpus=cpus) as started:
        port = _port_told(log, started)
        wait_for_port(port, started, log)
        yield Front(name="relay", port=port, pid=started.pid, statuses=statuses)


FRONTS: Final[Mapping[str, Starter]] = {"relay": relay, "nginx-tuned": nginx_tuned}

_SETTINGS = """\
[listen]
address = "127.0.0.1"
port = 0
certificate = "certs/server.crt"
key = "certs/server.key"

[operator]
port = 0

[deadlines]
drain_notice = 0
drain = 2

[tenants.linde]
environment = "acceptance"
trust = "certs/ca.pem"
certificate = {{ file = "certs/system.p12", password_file = "certs/password" }}
egress = {{ source_address = "127.0.0.9" }}

[[tenants.linde.routes]]
name = "cov"
prefix = "{prefix}"
upstream = "https://localhost:{upstream}"
repeatable = true

[clients.dynamics]
tenants = ["linde"]
api_keys = [{{ id = "{key.id}", digest = "{key.digest}" }}]
"""


def _port_told(log: Path, started: Popen[bytes]) -> int:
    """Return the port that the relay's log says it listens on."""
    give_up = time.monotonic() + _START
    while time.monotonic() < give_up and started.poll() is None:
        for line in _lines(log):
            if line["event"] == "ready":
                return int(str(line["port"]))
        time.sleep(0.05)
    raise BenchFault(f"the relay does not get ready: {errors_of(log)}")


def _lines(log: Path) -> Iterator[dict[str, object]]:
    for line in log.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield orjson.loads(line)
