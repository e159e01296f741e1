"""Hosts of our own on one machine: network namespaces joined by virtual cables, with addresses as in the wild."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kit.may_skip import needed

_ROOT = Path(__file__).parents[2]


def private_network() -> list[str]:
    """Return the words to put before a command so that it gets a network, mounts and processes of its own, root or not.

    Whatever it started ends with it, also when it is killed.
    """
    unshare = shutil.which("unshare") or "unshare"
    own = ["-n", "-m", "-p", "--fork", "--kill-child", "--mount-proc"]
    return [unshare, *own] if os.geteuid() == 0 else [unshare, "-U", "-r", *own]


def played(module: str, *arguments: str) -> dict[str, Any]:
    """Have a module of this folder play its story in a private network; return what it saw."""
    reason = why_not_here()
    needed("network namespaces", found=reason is None, remedy=reason or "")
    command = [*private_network(), sys.executable, "-m", f"tests.e2e.{module}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=_ROOT, timeout=380)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def why_not_here() -> str | None:
    """Return why no namespaces can be had here, None when they can."""
    if shutil.which("ip") is None:
        return "`ip` is missing: install iproute2"
    tried = subprocess.run([*private_network(), "ip", "link", "add", "type", "veth"], capture_output=True, text=True)
    return None if tried.returncode == 0 else f"no network namespaces here: {tried.stderr.strip()}"


@dataclass
class Host:
    """One namespace; processes started in it end with it."""

    name: str
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def address(self, device: str, *addresses: str) -> None:
        for address in addresses:
            _ip("-n", self.name, "address", "add", address, "dev", device)
        _ip("-n", self.name, "link", "set", device, "up")

    def lose(self, device: str, address: str) -> None:
        _ip("-n", self.name, "address", "del", address, "dev", device)

    def start(self, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        with log.open("wb") as out, log.with_suffix(".err").open("wb") as err:
            process = subprocess.Popen(self.inside("-m", "relay", *arguments), stdout=out, stderr=err, cwd=_ROOT)
        self.running.append(process)
        return process

    def relay(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.inside("-m", "relay", *arguments), capture_output=True, text=True, cwd=_ROOT)

    def visit(self, method: str, url: str, *options: str) -> dict[str, Any]:
        command = self.inside("-m", "tests.e2e.visit", method, url, *options)
        done = subprocess.run(command, capture_output=True, text=True, cwd=_ROOT, timeout=120)
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def run(self, *command: str) -> str:
        """Run a program that is not ours, and return what it says."""
        inside = ["ip", "netns", "exec", self.name, *command]
        done = subprocess.run(inside, capture_output=True, text=True, cwd=_ROOT, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def inside(self, *arguments: str) -> list[str]:
        """Return the command that runs Python with these arguments here."""
        return ["ip", "netns", "exec", self.name, sys.executable, *arguments]


@contextmanager
def hosts(*names: str) -> Iterator[list[Host]]:
    """Yield hosts with nothing but loopback; to be called inside a private network."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    made = [Host(name) for name in names]
    for host in made:
        _ip("netns", "add", host.name)
        _ip("-n", host.name, "link", "set", "lo", "up")
    try:
        yield made
    finally:
        for process in [process for host in made for process in host.running]:
            end(process)


def cable(one: Host, device: str, other: Host, other_device: str) -> None:
    """Join two hosts."""
    peer = ["peer", "name", other_device, "netns", other.name]
    _ip("link", "add", device, "netns", one.name, "type", "veth", *peer)


def end(process: subprocess.Popen[bytes]) -> int:
    """Tell a process to stop, as a service manager does, and return its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    return process.wait(timeout=60)


def wait_for(log: Path, event: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process wrote `event` to its log."""
    until = time.monotonic() + 60
    while f'"{event}"' not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, f"no {event} in time: {log.read_text()}"
        time.sleep(0.05)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
