"""HAProxy as a front: one thread, one line of log a call, connections kept to the upstream."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.fronts.front import Front
from bench.nginx import filled
from bench.place import Place
from bench.process import free_port, process, wait_for_port


@contextmanager
def haproxy(
    place: Place,
    upstream_port: int,
    cpus: set[int],
    *,
    name: str,
    proxied: bool = False,
    asking: bool = False,
    shown: bool = False,
) -> Iterator[Front]:
    """Run HAProxy; `proxied` has it expect a PROXY header before TLS, `asking` ask for client certificates.

    `shown`: its callers show one, besides their key.
    """
    port, log = free_port(), place.folder / f"{name}.log"
    accept = "accept-proxy" if proxied else ""
    # A bad one gets an answer in HTTP, as from the relay.
    verify = "ca-file certs/ca.pem verify optional ca-ignore-err all crt-ignore-err all" if asking else ""
    values = {"PORT": port, "UPSTREAM": upstream_port, "KEY": place.key.text, "ACCEPT": accept, "VERIFY": verify}
    configuration = filled("haproxy.cfg", place, values, name=name)
    began = time.monotonic()
    command: list[str | Path] = ["haproxy", "-db", "-f", configuration]
    with process(command, folder=place.folder, out=log, cpus=cpus) as started:
        wait_for_port(port, started, log)
        yield Front(
            name=name,
            port=port,
            pid=started.pid,
            began=began,
            statuses=lambda: _statuses(log),
            proxied=proxied,
            shown=shown,
        )


def _statuses(log: Path) -> Counter[str]:
    """Count by the sixth word of each call's line; who came and went without a call (a probe) has no status there."""
    with log.open() as lines:
        words = (line.split(" ") for line in lines)
        return Counter(line[5] for line in words if len(line) > 6 and line[5].isdigit() and "/" in line[4])
