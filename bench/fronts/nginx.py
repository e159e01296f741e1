"""nginx as a front, twice: as its experts would configure it, and as how-tos show it."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.fronts.front import Front, quoted_statuses
from bench.nginx import nginx
from bench.place import Place
from bench.process import free_port


@contextmanager
def nginx_tuned(place: Place, upstream_port: int, cpus: set[int]) -> Iterator[Front]:
    """Run nginx with connections and sessions kept on both sides."""

    def statuses(log: Path) -> Counter[str]:
        time.sleep(1.5)  # its lines are flushed once a second
        with log.open() as lines:
            return Counter(line.split(" ")[5] for line in lines)

    with _running("nginx-tuned", place, upstream_port, cpus) as (port, pid, began, log):
        yield Front(name="nginx-tuned", port=port, pid=pid, began=began, statuses=lambda: statuses(log))


@contextmanager
def nginx_howto(place: Place, upstream_port: int, cpus: set[int]) -> Iterator[Front]:
    """Run nginx without connections kept to the upstream, defaults elsewhere."""
    with _running("nginx-howto", place, upstream_port, cpus) as (port, pid, began, log):
        yield Front(
            name="nginx-howto", port=port, pid=pid, began=began, statuses=lambda: quoted_statuses(log), keeps=False
        )


@contextmanager
def _running(name: str, place: Place, upstream_port: int, cpus: set[int]) -> Iterator[tuple[int, int, float, Path]]:
    port, log = free_port(), place.folder / f"{name}.log"
    log.unlink(missing_ok=True)
    values = {"PORT": port, "UPSTREAM": upstream_port, "KEY": place.key.text, "LOG": log}
    began = time.monotonic()
    with nginx(name, place, port, values, cpus) as master:
        yield port, master, began, log
