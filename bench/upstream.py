"""The stand-ins for VECOZO, both with mutual TLS and both counting calls: nginx, and one of our own that can wait."""

import http.client
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from bench.nginx import nginx
from bench.place import ANSWER_SIZE, Place, envelope
from bench.process import free_port, process, wait_for_port


class Upstream:
    """A running nginx that answers at once."""

    def __init__(self, port: int, count_port: int) -> None:
        self.port = port
        self._count = http.client.HTTPConnection("127.0.0.1", count_port)
        self._own = 0

    def __repr__(self) -> str:
        return f"<Upstream on port {self.port}>"

    def calls(self) -> int:
        """Return how many calls have come in so far."""
        self._count.request("GET", "/")
        text = self._count.getresponse().read().decode()
        self._own += 1
        # "server accepts handled requests", and the three numbers on the next line; our own questions count too.
        return int(text.splitlines()[2].split()[2]) - self._own

    def close(self) -> None:
        self._count.close()


class SlowUpstream:
    """A running `bench.slow_upstream`."""

    def __init__(self, port: int, count_port: int) -> None:
        self.port = port
        self._count = http.client.HTTPConnection("127.0.0.1", count_port)

    def __repr__(self) -> str:
        return f"<SlowUpstream on port {self.port}>"

    def in_progress(self) -> int:
        """Return how many calls it has, and has not yet answered."""
        self._count.request("GET", "/")
        return int(orjson.loads(self._count.getresponse().read())["in_progress"])

    def close(self) -> None:
        self._count.close()


@contextmanager
def upstream(place: Place, cpus: set[int]) -> Iterator[Upstream]:
    """Run the upstream for as long as the block lasts."""
    port, count_port = free_port(), free_port()
    values = {"PORT": port, "COUNT_PORT": count_port, "ANSWER": envelope(ANSWER_SIZE)}
    with nginx("upstream", place, port, values, cpus):
        running = Upstream(port, count_port)
        try:
            yield running
        finally:
            running.close()


@contextmanager
def slow_upstream(place: Place, cpus: set[int], *, seconds: float, calm: float = 0.0) -> Iterator[SlowUpstream]:
    """Run the upstream that takes so many seconds over an insurance check, and more until none came for `calm`."""
    port, count_port = free_port(), free_port()
    out = place.folder / "slow_upstream.out"
    program = Path(__file__).with_name("slow_upstream.py")
    ports_and_times = map(str, (port, count_port, seconds, calm))
    command: list[str | Path] = [sys.executable, program, *ports_and_times, place.claim]
    with process(command, folder=place.folder, out=out, cpus=cpus) as started:
        wait_for_port(count_port, started, out)
        running = SlowUpstream(port, count_port)
        try:
            yield running
        finally:
            running.close()
