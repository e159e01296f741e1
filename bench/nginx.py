"""Start nginx by a configuration of bench/peers: as a front, or as the upstream."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.place import Place
from bench.process import process, wait_for_port

PEERS: Final = Path(__file__).parent / "peers"


@contextmanager
def nginx(name: str, place: Place, port: int, values: Mapping[str, object], cpus: set[int]) -> Iterator[int]:
    """Run nginx by the configuration `name` with its placeholders filled in; yield its master's process id."""
    configuration = filled(f"{name}.conf", place, values, name=name)
    out = place.folder / f"{name}.out"
    command: list[str | Path] = ["nginx", "-p", place.folder, "-c", configuration, "-e", "stderr"]
    with process(command, folder=place.folder, out=out, cpus=cpus) as started:
        wait_for_port(port, started, out)
        yield started.pid


def filled(template: str, place: Place, values: Mapping[str, object], *, name: str) -> Path:
    """Write a peer's configuration with its @PLACEHOLDERS@ filled in, and return where."""
    text = (PEERS / template).read_text()
    for placeholder, value in values.items():
        text = text.replace(f"@{placeholder}@", str(value))
    configuration = place.folder / f"{name}.conf"
    configuration.write_text(text)
    return configuration
