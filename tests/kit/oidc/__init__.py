"""The real directory of OpenID Connect beside this file, as a process: npm's `oidc-provider`, pinned by its lock."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path

from tests.kit import authority as kit
from tests.kit.may_skip import needed

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class RealDirectory:
    """The directory that runs. Its applications are `portal` and `stranger`, with `-secret` behind it as secrets."""

    issuer: str
    _process: subprocess.Popen[str]

    def rotate(self) -> None:
        """Have it sign with a new key, and publish that alone."""
        self._tell("rotate")

    def asked(self) -> list[str]:
        """Return the paths that it was asked for since the last time."""
        return self._tell("asked")

    def _tell(self, word: str) -> list[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        told: list[str] = json.loads(self._process.stdout.readline())["asked"]
        return told


@contextmanager
def real_directory(folder: Path) -> Iterator[RealDirectory]:
    """Run the directory for as long as the block lasts; its certificate is of the tests' authority."""
    needed("npm", found=shutil.which("npm") is not None, remedy="install nodejs and npm")
    _install()
    key, certificates = folder / "directory.key", folder / "directory.pem"
    key.write_bytes(kit.server().key_pem())
    certificates.write_bytes(kit.server().chain_pem())
    command = ["node", str(_HERE / "server.mjs"), str(key), str(certificates)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port = json.loads(process.stdout.readline())["port"]
            yield RealDirectory(f"https://localhost:{port}/realm/v2.0", process)
        finally:
            process.kill()


def _install() -> None:
    """Install what the lock pins, once for all tests of this tree."""
    with (_HERE / ".installing").open("w") as file:
        flock(file, LOCK_EX)
        lock, there = _HERE / "package-lock.json", _HERE / "node_modules" / ".package-lock.json"
        if not there.exists() or there.stat().st_mtime < lock.stat().st_mtime:
            subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=_HERE, check=True, timeout=120)
