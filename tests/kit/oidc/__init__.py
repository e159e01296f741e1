"""Issuers of OpenID Connect beside this file, as processes, pinned by npm's lock.

The real directory is `oidc-provider`; `oauth2-mock-server` is the one whose tokens are spoiled.
"""

import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlencode

from tests.kit import authority as kit
from tests.kit.line import trusting_context
from tests.kit.may_skip import needed

_HERE = Path(__file__).parent
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


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


@dataclass(frozen=True)
class Spoiling:
    """The issuer that signs whatever it is told to, and spoils a token that it has signed."""

    port: int
    _trust: ssl.SSLContext

    def token(self, claims: Mapping[str, object], *, head: Mapping[str, object] | None = None, wreck: str = "") -> str:
        """Return a token that says this besides what it would; a claim that is None is left out."""
        form = {"grant_type": "client_credentials", "claims": json.dumps(claims), "head": json.dumps(dict(head or {}))}
        asked = HTTPSConnection("localhost", self.port, context=self._trust, timeout=10)
        with closing(asked):
            asked.request("POST", "/token", urlencode(form | {"wreck": wreck}), _FORM)
            return str(json.loads(asked.getresponse().read())["access_token"])


@contextmanager
def real_directory(folder: Path) -> Iterator[RealDirectory]:
    """Run the directory for as long as the block lasts; its certificate is of the tests' authority."""
    with _running("server.mjs", folder) as (port, process):
        yield RealDirectory(f"https://localhost:{port}/realm/v2.0", process)


@contextmanager
def spoiling_issuer(folder: Path) -> Iterator[Spoiling]:
    """Run the issuer for as long as the block lasts; its keys are at /jwks."""
    with _running("spoiling.mjs", folder) as (port, _):
        yield Spoiling(port, trusting_context())


@contextmanager
def _running(program: str, folder: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    needed("npm", found=shutil.which("npm") is not None, remedy="install nodejs and npm")
    _install()
    key, certificates = folder / "directory.key", folder / "directory.pem"
    key.write_bytes(kit.server().key_pem())
    certificates.write_bytes(kit.server().chain_pem())
    command = ["node", str(_HERE / program), str(key), str(certificates)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["port"], process
        finally:
            process.kill()


def _install() -> None:
    """Install what the lock pins, once for all tests of this tree."""
    with (_HERE / ".installing").open("w") as file:
        flock(file, LOCK_EX)
        lock, there = _HERE / "package-lock.json", _HERE / "node_modules" / ".package-lock.json"
        if not there.exists() or there.stat().st_mtime < lock.stat().st_mtime:
            subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=_HERE, check=True, timeout=120)
