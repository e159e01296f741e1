"""A Redis server of Debian's on loopback, that can be stopped and started again with nothing in it."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from redis import Redis as Client
from redis.exceptions import ConnectionError as NotThere

from tests.kit import authority as kit
from tests.kit.may_skip import needed

PASSWORD = "samen-tellen"
_SECONDS = 10


class Redis:
    """A server with a password; with `tls` it shows a certificate for localhost."""

    def __init__(self, folder: Path, *, tls: bool) -> None:
        self._folder = folder
        self._tls = tls
        with socket.socket() as sock:  # it cannot be told to take any and say which
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        (folder / "redis.pem").write_bytes(kit.server().chain_pem())
        (folder / "redis.key").write_bytes(kit.server().key_pem())
        (folder / "redis.password").write_text(PASSWORD)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def changes(self) -> Mapping[str, object]:
        """What makes a relay's settings name it."""
        shared = {"shared.password_file": str(self._folder / "redis.password")}
        if not self._tls:
            return shared | {"shared.url": f"redis://127.0.0.1:{self.port}/1"}
        return shared | {"shared.url": f"rediss://localhost:{self.port}/1", "shared.trust": "trust.pem"}

    def start(self) -> None:
        """Start it, and wait until it answers."""
        tls = ["--tls-cert-file", "redis.pem", "--tls-key-file", "redis.key", "--tls-auth-clients", "no"]
        command = [
            "redis-server",
            "--bind",
            "127.0.0.1",
            "127.0.0.2",
            "--save",
            "",
            "--appendonly",
            "no",
            "--requirepass",
            PASSWORD,
        ]
        ports = ["--port", "0", "--tls-port", str(self.port), *tls] if self._tls else ["--port", str(self.port)]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen([*command, *ports], cwd=self._folder, stdout=log, stderr=log)
        until = time.monotonic() + _SECONDS
        while True:
            try:
                self.client().ping()
            except NotThere:
                assert time.monotonic() < until, (self._folder / "redis.log").read_text()
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """End it; what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_SECONDS)
            self._process = None

    def asked(self, *commands: str) -> int:
        """Return how often it was asked these, since it was started."""
        stats = self.client().info("commandstats")
        assert isinstance(stats, dict)
        return sum(stats.get(f"cmdstat_{each}", {"calls": 0})["calls"] for each in commands)

    def client(self) -> Client:
        """Return somebody else who asks it."""
        trust = str(self._folder / "trust.pem")
        return Client("localhost", self.port, db=1, password=PASSWORD, ssl=self._tls, ssl_ca_certs=trust)


@contextmanager
def redis(folder: Path, *, tls: bool = False) -> Iterator[Redis]:
    """Run one for as long as the block lasts."""
    needed("redis-server", found=shutil.which("redis-server") is not None, remedy="apt-get install redis-server")
    (folder / "trust.pem").write_bytes(kit.authority().trust_pem())
    here = Redis(folder, tls=tls)
    try:
        here.start()
        yield here
    finally:
        here.stop()
