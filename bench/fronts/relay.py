"""The relay as a front, by settings of its own, with its log in a file."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final

import orjson

from bench.directory import APPLICATION, AUDIENCE, ROLE, TENANT
from bench.fronts.front import Front
from bench.nginx import nginx
from bench.place import CALLER, CLAIMS, PASSWORD, PATH, Place
from bench.process import BenchFault, free_port, process, wait_for_port

_REPOSITORY: Final = Path(__file__).parents[2]
# Of `make setup`: the bench itself runs in the environment of `make compiled`.
SOURCE: Final = _REPOSITORY / ".venv/bin/python"


@contextmanager
def relay(
    place: Place,
    upstream_port: int,
    cpus: set[int],
    *,
    name: str,
    python: str | Path = sys.executable,
    workers: int = 1,
    proxied: bool = False,
    asking: bool = False,
    shown: bool = False,
    tokened: bool = False,
) -> Iterator[Front]:
    """Run the relay that `python` has.

    `proxied` has it expect a PROXY v2 header before TLS, `asking` ask for client certificates; with `shown` its callers
    show one, besides their key. With `tokened` they show tokens of a directory, whose keys it fetches.
    """
    folder = place.folder / name  # of its own, for the state that it keeps beside its settings
    folder.mkdir(exist_ok=True)
    port, settings, log = free_port(), folder / "relay.toml", place.folder / f"{name}.log"
    keys_port = free_port() if tokened else 0
    settings.write_text(_settings(place, port, upstream_port, proxied=proxied, asking=asking))
    if tokened:
        with settings.open("a") as more:
            more.write(
                _TOKENS.format(tenant=TENANT, application=APPLICATION, audience=AUDIENCE, role=ROLE, port=keys_port)
            )
    command: list[str | Path] = [python, "-m", "relay", "serve", "--config", settings]
    if workers > 1:
        command += ["--workers", str(workers)]
    began = time.monotonic()
    keys = {"PORT": keys_port, "KEYS": place.directory.keys().decode()}
    with (
        nginx("directory", place, keys_port, keys, cpus) if tokened else nullcontext(),
        process(command, folder=_REPOSITORY, out=log, cpus=cpus) as started,
    ):
        wait_for_port(port, started, log)
        yield Front(
            name=name,
            port=port,
            pid=started.pid,
            began=began,
            statuses=lambda: _statuses(log),
            proxied=proxied,
            shown=shown,
            tokened=tokened,
            workers=workers,
        )


def _statuses(log: Path) -> Counter[str]:
    with log.open("rb") as lines:
        told = (_told(line) for line in lines if line.endswith(b"\n"))
        return Counter(str(line["status"]) for line in told if line["event"] == "exchange")


def _told(line: bytes) -> dict[str, object]:
    try:
        told: dict[str, object] = orjson.loads(line)
    except orjson.JSONDecodeError as fault:
        raise BenchFault(f"a line of the relay's log is no JSON ({fault}): {line[:1000]!r}") from None
    return told


def _settings(place: Place, port: int, upstream_port: int, *, proxied: bool, asking: bool) -> str:
    proxies = 'proxy_protocol_from = ["127.0.0.0/8"]' if proxied else ""
    return _SETTINGS.format(
        port=port,
        proxies=proxies,
        authorities='client_authorities = "../certs/ca.pem"' if asking else "",
        certificates=f'certificates = [{{ subject = "{CALLER}" }}]' if asking else "",
        upstream=upstream_port,
        password=PASSWORD,
        key=place.key.id,
        digest=place.key.digest,
        cov=PATH,
        claims=CLAIMS,
    )


_SETTINGS = """\
[listen]
address = "127.0.0.1"
port = {port}
certificate = "../certs/server.crt"
key = "../certs/server.key"
{proxies}
{authorities}

# All of the load comes from one address.
max_connections_per_address = 5000

[operator]
port = 0

[deadlines]
drain_notice = 0
drain = 2

[tenants.linde]
environment = "acceptance"
trust = "../certs/ca.pem"
certificate = {{ file = "../certs/system.p12", password_file = "../certs/password" }}
egress = {{ source_address = "127.0.0.9" }}

[[tenants.linde.routes]]
name = "cov"
prefix = "{cov}"
upstream = "https://localhost:{upstream}"
repeatable = true

[[tenants.linde.routes]]
name = "claims"
prefix = "{claims}"
upstream = "https://localhost:{upstream}"

[clients.dynamics]
tenants = ["linde"]
api_keys = [{{ id = "{key}", digest = "{digest}" }}]
{certificates}
"""

# They go on with the client that the settings end with.
_TOKENS = """
[[clients.dynamics.tokens]]
directory = "entra"
application = "{application}"
role = "{role}"

[directories.entra]
tenant_id = "{tenant}"
audiences = ["{audience}"]
keys_url = "https://localhost:{port}/keys"
trust = "../certs/ca.pem"
"""
