"""The load: wrk with one SOAP POST over and over, on one stated version of TLS."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from bench.place import PATH, Place
from bench.process import BenchFault

CONNECTIONS = 32

_SCRIPT = Path(__file__).parent / "soap_post.lua"
# wrk cannot be told a version, OpenSSL can: so wrk offers one version only and connects with that or not at all.
_OPENSSL = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMinProtocol = {0}\nMaxProtocol = {0}\n"


class Tls(StrEnum):
    """A version of TLS, in OpenSSL's words."""

    V1_2 = "TLSv1.2"
    V1_3 = "TLSv1.3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What wrk says came of it."""

    calls: int
    errors: int


class Load:
    """A load under way; `sent` waits for its end."""

    def __init__(self, started: subprocess.Popen[str]) -> None:
        self._started = started

    def sent(self) -> Sent:
        """Return what came of it. Raises BenchFault when wrk failed."""
        out, errors = self._started.communicate(timeout=60)
        if self._started.returncode or not out.strip():
            raise BenchFault(f"wrk failed: {errors or out}")
        told = json.loads(out.splitlines()[-1])
        return Sent(
            calls=told["calls"], errors=sum(told[kind] for kind in ("connect", "read", "write", "status", "timeout"))
        )


@contextmanager
def load(place: Place, port: int, *, seconds: int, tls: Tls, cpus: set[int]) -> Iterator[Load]:
    """Send calls to `port` for so many seconds, on CONNECTIONS connections that are kept."""
    openssl = place.folder / f"{tls}.cnf"
    openssl.write_text(_OPENSSL.format(tls.value))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(_SCRIPT), f"https://localhost:{port}{PATH}"]
    started = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "BENCH_KEY": place.key.text,
            "BENCH_BODY": str(place.request),
            "OPENSSL_CONF": str(openssl),
        },
        preexec_fn=partial(os.sched_setaffinity, 0, cpus),
    )
    try:
        yield Load(started)
    finally:
        started.kill()
        started.wait()
