"""The load for kept connections: wrk with one SOAP POST over and over, on one stated version of TLS."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.loads.caller import Tls
from bench.place import PATH, Place
from bench.process import BenchFault

# For each worker of a front.
CONNECTIONS = 32

# Seconds that it lasts when nobody ends it.
_MOST = 60
_SCRIPT = Path(__file__).parent / "soap_post.lua"
# wrk cannot be told a version, OpenSSL can: so wrk offers one version only and connects with that or not at all.
_OPENSSL = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMinProtocol = {0}\nMaxProtocol = {0}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What wrk says came of it."""

    calls: int
    octets: int
    errors: int


class Load:
    """A load under way, until `sent` ends it."""

    def __init__(self, started: subprocess.Popen[str]) -> None:
        self._started = started

    def sent(self) -> Sent:
        """End it, and return what came of it. Raises BenchFault when wrk failed."""
        self._started.send_signal(signal.SIGINT)  # it then stops, and tells, as at the end of its time
        out, errors = self._started.communicate(timeout=60)
        if self._started.returncode or not out.strip():
            raise BenchFault(f"wrk failed: {errors or out}")
        told = json.loads(out.splitlines()[-1])
        return Sent(
            calls=told["calls"],
            octets=told["bytes"],
            errors=sum(told[kind] for kind in ("connect", "read", "write", "status", "timeout")),
        )


def load(
    place: Place, port: int, *, connections: int, tls: Tls, cpus: set[int], tokened: bool = False
) -> AbstractContextManager[Load]:
    """Send calls to `port`, on connections that are kept, until told to end: by the key, or with a token."""
    openssl = place.folder / f"{tls}.cnf"
    openssl.write_text(_OPENSSL.format(tls.value))
    return _running(
        place, f"https://localhost:{port}{PATH}", connections, cpus, {"OPENSSL_CONF": str(openssl)}, tokened=tokened
    )


def plain_load(
    place: Place, port: int, *, connections: int, cpus: set[int], tokened: bool = False
) -> AbstractContextManager[Load]:
    """Send the same without TLS, to whoever calls on."""
    return _running(place, f"http://localhost:{port}{PATH}", connections, cpus, {}, tokened=tokened)


@contextmanager
def _running(
    place: Place, url: str, connections: int, cpus: set[int], env: Mapping[str, str], *, tokened: bool
) -> Iterator[Load]:
    started = subprocess.Popen(
        ["wrk", "-t1", f"-c{connections}", f"-d{_MOST}s", "-s", str(_SCRIPT), url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "BENCH_PROOF": place.proof(tokened=tokened), "BENCH_BODY": str(place.request), **env},
        preexec_fn=partial(os.sched_setaffinity, 0, cpus),
    )
    try:
        yield Load(started)
    finally:
        started.kill()
        started.wait()
