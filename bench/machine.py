"""What the figures were measured on and with: the machine, the versions, the commands."""

import os
import platform
import ssl
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

# Of `make bench`.
ROUNDS: Final = 9

_REPOSITORY: Final = Path(__file__).parent.parent
_PROGRAMS: Final = {"nginx": ("nginx", "-v"), "HAProxy": ("haproxy", "-v"), "wrk": ("wrk", "-v")}
_PACKAGES: Final = ("aiohttp", "uvloop", "orjson", "cryptography")
_PEERS_PACKAGES: Final = ("fastapi", "uvicorn", "httpx", "uvloop", "httptools")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Of one run."""

    at: datetime
    command: str
    minutes: float
    rounds: int
    relay: str
    machine: Sequence[tuple[str, str]]
    versions: Sequence[tuple[str, str]]


def facts(*, rounds: int, minutes: float) -> Facts:
    """Return the facts of a run that has just ended."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return Facts(
        at=datetime.now(UTC),
        command="make bench" if rounds == ROUNDS else f"python -m bench --rounds {rounds}",
        minutes=minutes,
        rounds=rounds,
        relay=_commit(),
        machine=[
            ("processor", f"{_model()}, {os.cpu_count()} cores"),
            ("memory", f"{memory:.0f} GiB"),
            ("kernel", f"{platform.system()} {platform.release()}, {platform.machine()}"),
            ("system", platform.freedesktop_os_release()["PRETTY_NAME"]),
        ],
        versions=[
            ("Python", f"{platform.python_version()} ({' '.join(platform.python_build())})"),
            ("OpenSSL", ssl.OPENSSL_VERSION),
            *((name, _first_line(command)) for name, command in _PROGRAMS.items()),
            *((package, version(package)) for package in _PACKAGES),
            ("of fastapi-httpx", ", ".join(_peers_versions())),
        ],
    )


def _model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def _commit() -> str:
    done = subprocess.run(
        ("git", "describe", "--always", "--dirty", "--exclude=*"), cwd=_REPOSITORY, capture_output=True, text=True
    )
    return f"{version('relay')}, commit {done.stdout.strip() or 'unknown'}"


def _first_line(command: tuple[str, ...]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def _peers_versions() -> list[str]:
    python = _REPOSITORY / "bench" / ".venv" / "bin" / "python"
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    done = subprocess.run((python, "-c", code, *_PEERS_PACKAGES), capture_output=True, text=True, check=True)
    return [f"{name} {number}" for name, number in zip(_PEERS_PACKAGES, done.stdout.split(), strict=True)]
