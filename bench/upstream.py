"""The stand-in for VECOZO: nginx with mutual TLS, which also counts the calls that reach it."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.place import ANSWER_SIZE, Place, envelope
from bench.process import free_port, process, wait_for_port

PEERS = Path(__file__).parent / "peers"


class Upstream:
    """A running upstream."""

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
def nginx(name: str, place: Place, port: int, values: dict[str, object], cpus: set[int]) -> Iterator[int]:
    """Run nginx by the configuration `name` with its @PLACEHOLDERS@ filled in; yield its master's process id."""
    text = (PEERS / f"{name}.conf").read_text()
    for placeholder, value in values.items():
        text = text.replace(f"@{placeholder}@", str(value))
    configuration = place.folder / f"{name}.conf"
    configuration.write_text(text)
    out = place.folder / f"{name}.out"
    command: list[str | Path] = ["nginx", "-p", place.folder, "-c", configuration, "-e", "stderr"]
    with process(command, folder=place.folder, out=out, cpus=cpus) as started:
        wait_for_port(port, started, out)
        yield started.pid
