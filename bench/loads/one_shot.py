"""The load for one call per connection: wrk, and behind it HAProxy, which makes a TLS connection for each call.

HAProxy is light enough to keep a front busy, can be told version and resumption, and tells of every connection what it
was. Callers written in Python took longer over a handshake than the fronts did.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.fronts.front import Front
from bench.loads.caller import Tls
from bench.nginx import PEERS
from bench.place import ANSWER_SIZE, Place
from bench.process import BenchFault, free_port, process, wait_for_port

# Seconds.
_LONG = 10.0

# Callers at once. One alone would leave the front asleep between calls, and measure how it wakes up.
CONNECTIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of connection: a version of TLS, in full or resumed from the last one."""

    tls: Tls
    resumed: bool

    def __str__(self) -> str:
        return f"one-shot-tls{self.tls.value[-3:].replace('.', '')}-{'resumed' if self.resumed else 'full'}"


KINDS = tuple(Kind(tls=tls, resumed=resumed) for tls in Tls for resumed in (False, True))


class Callers:
    """HAProxy as callers: `port` is where to send what is to go to a front in connections of a kind."""

    def __init__(self, ports: Mapping[tuple[str, Kind], int], log: Path) -> None:
        self._ports = ports
        self._log = log

    def port(self, front: Front, kind: Kind) -> int:
        return self._ports[front.name, kind]

    def logged(self) -> int:
        """Return how much it has logged: give it to `believe` later."""
        return self._log.stat().st_size

    def wait_for(self, calls: int, since: int) -> None:
        """Return once so many calls have been logged since then. Raises BenchFault when that takes too long."""
        give_up = time.monotonic() + _LONG
        while self._log.read_bytes().count(b"\n", since) < calls:
            if time.monotonic() > give_up:
                raise BenchFault(f"there were not {calls} calls within {_LONG:g} seconds")
            time.sleep(0.02)

    def believe(self, front: Front, kind: Kind, since: int) -> None:
        """Look at every call since: a whole 200, over a connection of this kind. Raises BenchFault."""
        with self._log.open("rb") as log:
            log.seek(since)
            # The first of them may have been half written, the last may still be.
            lines = Counter(log.read().decode().splitlines()[1:-1])
        wanted = ["200", kind.tls.value, "1" if kind.resumed else "0", "--"]
        # Calls that the load before this one left behind may come to an end only now.
        lines = Counter({line: number for line, number in lines.items() if line.startswith(f"{_name(front, kind)} ")})
        for line in lines:
            _, status, octets, version, resumed, state = line.split(" ")
            if [status, version, resumed, state] != wanted or int(octets) < ANSWER_SIZE:
                raise BenchFault(f"{front.name}: {kind}: calls were not all of that kind: {dict(lines)}")
        if not lines:
            raise BenchFault(f"{front.name}: {kind}: no call was logged")


@contextmanager
def callers(place: Place, fronts: Sequence[Front], cpus: set[int]) -> Iterator[Callers]:
    """Run HAProxy as callers of these fronts for as long as the block lasts."""
    ports = {(front.name, kind): free_port() for front in fronts for kind in KINDS}
    configuration, log = place.folder / "callers.cfg", place.folder / "callers.log"
    sections = (_section(front, kind, ports[front.name, kind]) for front in fronts for kind in KINDS)
    configuration.write_text("\n".join([(PEERS / "callers.cfg").read_text(), *sections, ""]))
    command: list[str | Path] = ["haproxy", "-db", "-f", configuration]
    with process(command, folder=place.folder, out=log, cpus=cpus) as started:
        for port in ports.values():
            wait_for_port(port, started, log)
        yield Callers(ports, log)


def _name(front: Front, kind: Kind) -> str:
    """Return what HAProxy calls this section of its configuration, and tells with each call."""
    return f"{front.name}-{kind}"


def _section(front: Front, kind: Kind, port: int) -> str:
    version = kind.tls.value[-3:].replace(".", "")
    options = [f"force-tlsv{version}", "sni str(localhost)", "verify none"]
    options += [] if kind.resumed else ["no-ssl-reuse"]
    options += ["send-proxy-v2"] if front.proxied else []
    options += ["crt certs/caller.pem"] if front.shown else []
    return (
        f"listen {_name(front, kind)}\n"
        f"  bind 127.0.0.1:{port}\n"
        f"  server front 127.0.0.1:{front.port} ssl {' '.join(options)}\n"
    )
