"""`relay serve` forked from a process that has read the relay's code already, for tests that start one each.

Reading the code takes longer than most of these tests do. What is forked has run nothing yet: it has a process, outputs
and signals of its own, and from there on it is `relay serve` as anybody starts it.
"""

import multiprocessing
import os
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

_REPOSITORY = Path(__file__).parents[2]


class Forked:
    """One `relay serve`, with what `served` needs of a `subprocess.Popen`."""

    def __init__(self, config: Path, log: Path, err: Path) -> None:
        log.write_bytes(b"")
        self._process = _forker().Process(target=_serve, args=(config, log, err))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return its status once it has ended."""
        return self._process.exitcode

    def terminate(self) -> None:
        """Tell it to stop."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until it has ended. Raises TimeoutError."""
        self._process.join(seconds)
        if self._process.exitcode is None:
            raise TimeoutError


@cache
def _forker() -> ForkServerContext:
    forker = multiprocessing.get_context("forkserver")
    forker.set_forkserver_preload(["relay.cli.serve", "tests.kit.forked", "uvloop"])
    return forker


def _serve(config: Path, log: Path, err: Path) -> None:
    from relay.cli import main  # in that process, not in the one of the tests

    os.chdir(_REPOSITORY)
    for path, number in ((log, 1), (err, 2)):
        with path.open("ab") as file:
            os.dup2(file.fileno(), number)
    main(["serve", "--config", str(config)], prog_name="relay")
