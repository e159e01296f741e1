"""The fronts that most would write in Python, each a short program of its own in bench/peers."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.fronts.front import Front, quoted_statuses
from bench.place import Place
from bench.process import BenchFault, free_port, process, wait_for_port

_BENCH: Final = Path(__file__).parent.parent
# FastAPI and its kin have an environment of their own: neither the relay nor a test can come to lean on them.
_PEERS_PYTHON: Final = _BENCH / ".venv" / "bin" / "python"


@contextmanager
def aiohttp_front(place: Place, upstream_port: int, cpus: set[int]) -> Iterator[Front]:
    """Run aiohttp's server with aiohttp's client behind it."""
    with _running("aiohttp", Path(sys.executable), place, upstream_port, cpus) as front:
        yield front


@contextmanager
def fastapi_front(place: Place, upstream_port: int, cpus: set[int]) -> Iterator[Front]:
    """Run FastAPI on uvicorn with httpx behind it."""
    if not _PEERS_PYTHON.exists():
        raise BenchFault(f"{_PEERS_PYTHON} is missing: `make bench` and `make bench-quick` make it")
    with _running("fastapi-httpx", _PEERS_PYTHON, place, upstream_port, cpus) as front:
        yield front


@contextmanager
def _running(name: str, python: Path, place: Place, upstream_port: int, cpus: set[int]) -> Iterator[Front]:
    port, log = free_port(), place.folder / f"{name}.log"
    program = _BENCH / "peers" / f"{name.replace('-', '_')}_front.py"
    command: list[str | Path] = [python, program, str(port), str(upstream_port), place.key.text]
    began = time.monotonic()
    with process(command, folder=place.folder, out=log, cpus=cpus) as started:
        wait_for_port(port, started, log)
        yield Front(name=name, port=port, pid=started.pid, began=began, statuses=lambda: quoted_statuses(log))
