"""The relay as `relay serve` composes it, on loopback, with settings that a test may bend."""

import io
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from http.client import HTTPConnection
from pathlib import Path

import aiohttp
import orjson

from relay.auth.api_key import NewKey, new_key
from relay.compose.relay import build, running
from relay.compose.relay.reception import Reception
from relay.compose.relay.settings import SettingsFile
from relay.settings.load import load
from relay.settings.relay import RelaySettings
from tests.kit import authority as kit

PASSWORD = "geheim"
PATH = "/acc/cov/vz801802/v1/soap11"

# With TESTED_WORKERS=2 in the environment, what tests take for a relay in their own process is `relay serve` with two.
WORKERS = int(os.environ.get("TESTED_WORKERS", "1"))


class LogFile:
    """The log of processes, as if it were here; what was answered a moment ago is in it."""

    def __init__(self, path: Path, operator: int) -> None:
        self._path = path
        self._operator = operator

    def getvalue(self) -> bytes:
        # To be scraped, every worker is asked. It notes a call in the turn after its answer, and writes its lines in
        # the one after that: once it was asked twice, it has.
        asked = HTTPConnection("127.0.0.1", self._operator, timeout=10)
        with closing(asked), suppress(ConnectionError):  # it has ended, and all is written
            for _ in range(2):
                asked.request("GET", "/metrics")
                asked.getresponse().read()
        return self._path.read_bytes()


@dataclass
class Relay:
    port: int
    operator: int
    key: str
    folder: Path
    out: io.BytesIO | LogFile
    inside: Reception | None = None

    @property
    def reception(self) -> Reception:
        """How it receives its callers, where it runs in this process."""
        assert self.inside is not None
        return self.inside

    @property
    def lines(self) -> list[dict[str, object]]:
        """The lines of the log."""
        return [orjson.loads(line) for line in self.out.getvalue().splitlines()]

    @property
    def exchanges(self) -> list[dict[str, object]]:
        return [line for line in self.lines if line["event"] == "exchange"]

    async def ask_operator(self, path: str) -> tuple[int, str]:
        """Ask the operator's port."""
        url = f"http://127.0.0.1:{self.operator}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status, await answer.text()

    async def scrape(self) -> str:
        """Return the metrics as they are scraped."""
        return (await self.ask_operator("/metrics"))[1]

    @property
    def authorised(self) -> tuple[str, str]:
        return ("X-Api-Key", self.key)


@cache
def system_file() -> bytes:
    """The system certificate as exported; deriving its keys from the password is slow on purpose, so once."""
    return kit.system().p12(PASSWORD)


def write_settings(
    folder: Path, upstream_port: int, *, changes: Mapping[str, object] | None = None, certificate: bytes | None = None
) -> NewKey:
    """Write certificates and a `relay.toml` with one tenant and one client.

    `changes` replace whole dotted keys, and all below them.
    """
    (folder / "server.pem").write_bytes(kit.server().chain_pem())
    (folder / "server.key").write_bytes(kit.server().key_pem())
    (folder / "trust.pem").write_bytes(kit.authority().trust_pem())
    (folder / "system.p12").write_bytes(certificate or system_file())
    (folder / "password").write_text(PASSWORD + "\n")
    key = new_key()
    settings: dict[str, object] = {
        "listen.address": "127.0.0.1",
        "listen.port": 0,
        "listen.certificate": "server.pem",
        "listen.key": "server.key",
        "operator.port": 0,
        "deadlines.drain_notice": 0,
        "deadlines.drain": 2,
        "tenants.linde.environment": "acceptance",
        "tenants.linde.trust": "trust.pem",
        "tenants.linde.certificate.file": "system.p12",
        "tenants.linde.certificate.password_file": "password",
        "tenants.linde.egress.source_address": "127.0.0.9",
        "tenants.linde.routes": [
            {
                "name": "cov",
                "prefix": "/acc/cov",
                "upstream": f"https://localhost:{upstream_port}",
                "repeatable": True,
            },
            {"name": "claims", "prefix": "/acc/claims", "upstream": f"https://localhost:{upstream_port}"},
        ],
        "clients.dynamics.tenants": ["linde"],
        "clients.dynamics.api_keys": [{"id": key.id, "digest": key.digest}],
    }
    changed = dict(changes or {})
    kept = {
        name: value for name, value in settings.items() if not name.startswith(tuple(f"{each}." for each in changed))
    }
    settings = kept | changed
    (folder / "relay.toml").write_text("\n".join(f"{name} = {_toml(value)}" for name, value in settings.items()))
    return key


def read_settings(folder: Path) -> RelaySettings:
    return load(RelaySettings, folder / "relay.toml", prefix="RELAY_")


@asynccontextmanager
async def relay(
    folder: Path, upstream_port: int, *, changes: Mapping[str, object] | None = None, certificate: bytes | None = None
) -> AsyncIterator[Relay]:
    if WORKERS > 1:
        from tests.kit.served import served  # it knows this file

        workers = {"workers": WORKERS} | dict(changes or {})
        with served(folder, upstream_port, changes=workers, certificate=certificate, forked=True) as here:
            yield Relay(here.port, here.operator, here.key, folder, LogFile(here.log, here.operator))
        return
    key = write_settings(folder, upstream_port, changes=changes, certificate=certificate)
    out = io.BytesIO()
    async with running(
        build(read_settings(folder), datetime.now(UTC), SettingsFile(folder / "relay.toml")), out
    ) as place:
        yield Relay(place.port, place.operator.port, key.text, folder, out, place.reception)


def _toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return "[" + ", ".join(_toml(each) for each in value) + "]"
        case dict():
            return "{ " + ", ".join(f"{name} = {_toml(each)}" for name, each in value.items()) + " }"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        case _:
            return str(value)
