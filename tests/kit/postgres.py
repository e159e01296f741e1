"""A PostgreSQL cluster of Debian's on loopback, that can be stopped, killed and started again with all that it held."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from pwd import getpwnam

import psycopg
from psycopg import sql

from relay.registry.storage.postgres import Database
from tests.kit import authority as kit
from tests.kit.may_skip import needed

PASSWORD = "het-boek-ligt-open"
_USER = "relay"
_SECONDS = 30
_numbers = count()


class Postgres:
    """A cluster in a folder, run by the user `postgres` where the tests run as root: it refuses to be root's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "cluster"
        self._programs = _programs()
        with socket.socket() as sock:  # it cannot be told to take any and say which
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._folder.mkdir(mode=0o700)
        secret = folder / "password"
        secret.write_text(PASSWORD)
        user = _other_user()
        if user is not None:
            for path in (self._folder, secret):
                shutil.chown(path, user)
            for above in folder.parents:
                if above.stat().st_uid == 0 and not above.stat().st_mode & 0o001 and above != Path("/"):
                    above.chmod(above.stat().st_mode | 0o011)
            folder.chmod(folder.stat().st_mode | 0o011)
        for name, octets in {"server.crt": kit.server().chain_pem(), "server.key": kit.server().key_pem()}.items():
            file = folder / name
            file.write_bytes(octets)
            file.chmod(0o600)
            if user is not None:
                shutil.chown(file, user)
        # Not synced to the disk while it is made: it is written once.
        command = ["initdb", "-D", str(self._folder), "-U", _USER, "--pwfile", str(secret), "-A", "scram-sha-256", "-N"]
        subprocess.run(self._as_user(*command), check=True, capture_output=True, cwd="/")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        beside = self._folder.parent
        told = {
            "port": self.port,
            "listen_addresses": "127.0.0.1,127.0.0.2",
            "unix_socket_directories": "",
            "ssl": "on",
            "ssl_cert_file": beside / "server.crt",
            "ssl_key_file": beside / "server.key",
        }
        options = [part for name, value in told.items() for part in ("-c", f"{name}={value}")]
        with (self._folder.parent / "postgres.log").open("ab") as log:
            command = self._as_user("postgres", "-D", str(self._folder), *options)
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", start_new_session=True)
        until = time.monotonic() + _SECONDS
        while True:
            try:
                self.connect("postgres").close()
            except psycopg.OperationalError:
                assert time.monotonic() < until, (self._folder.parent / "postgres.log").read_text()
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End it at once, as a power cut does: whatever was acknowledged is on the disk."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGQUIT)
            self._process.wait(_SECONDS)
            self._process = None

    def connect(self, name: str) -> psycopg.Connection:
        """Return a connection to one of its databases, which commits each statement."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=_USER, password=PASSWORD, dbname=name, autocommit=True
        )

    def database(self) -> Database:
        """Make a new, empty database, and return where it is."""
        name = f"book_{os.getpid()}_{next(_numbers)}"
        with self.connect("postgres") as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return Database(host="127.0.0.1", port=self.port, name=name, user=_USER, password=PASSWORD, local=True)

    def _as_user(self, program: str, *arguments: str) -> list[str]:
        command = [str(self._programs / program), *arguments]
        user = _other_user()
        return (
            command if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]
        )


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """Run one for as long as the block lasts."""
    needed("postgres", found=_programs().exists(), remedy="apt-get install postgresql")
    here = Postgres(folder)
    try:
        here.start()
        yield here
    finally:
        here.stop()


def _programs() -> Path:
    """Return where Debian keeps the newest version's programs: not on the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return versions[-1] if versions else Path("/usr/lib/postgresql/none")


def _other_user() -> str | None:
    if os.geteuid() != 0:
        return None
    return getpwnam("postgres").pw_name
