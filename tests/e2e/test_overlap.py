"""Two certificates side by side: cut over at a set time or after a probe, and rolled back, without a failed call."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from relay.authority.issued import Issued
from tests.kit import authority as kit
from tests.kit import upstream as upstream_kit
from tests.kit.door import until
from tests.kit.line import line, request
from tests.kit.relay import PASSWORD, PATH
from tests.kit.served import Served, served, served_again
from tests.kit.upstream import OK, Exchange

pytestmark = pytest.mark.slow

CALLERS, A_SECOND = 10, 300
NEXT = "tenants.linde.certificate.next"


def renewed() -> Issued:
    return kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT - timedelta(hours=1))


def _settings(port: int, new: Issued, folder: Path, more: Mapping[str, object]) -> Mapping[str, object]:
    (folder / "next.p12").write_bytes(new.p12(PASSWORD))
    upstream = f"https://localhost:{port}"
    return {
        "tenants.linde.routes": [
            {"name": "cov", "prefix": "/acc/cov", "upstream": upstream},
            {"name": "whoami", "prefix": "/whoami", "upstream": upstream},
        ],
        f"{NEXT}.file": "next.p12",
        f"{NEXT}.password_file": "password",
    } | {f"tenants.linde.certificate.{name}": value for name, value in more.items()}


async def command(folder: Path, *words: str) -> str:
    """Give a command as an operator does, and return what it says; it has to succeed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "certificate", *words, "--config", str(folder / "relay.toml"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()
    return told.decode()


class Load:
    """Callers that call all the time, 300 calls a second in all."""

    def __init__(self, here: Served) -> None:
        self._here = here
        self._on = True
        self.statuses: list[int] = []

    async def call(self) -> None:
        loop = asyncio.get_running_loop()
        async with line(self._here.port) as connection:
            next_at = loop.time()
            while self._on:
                await asyncio.sleep(max(0, next_at - loop.time()))
                next_at += CALLERS / A_SECOND
                await connection.send(request("POST", PATH, ("X-Api-Key", self._here.key), body=b"<question/>"))
                self.statuses.append((await connection.answer()).status)

    def stop(self) -> None:
        self._on = False


def _number(issued: Issued) -> int:
    return issued.certificate.serial_number


@pytest.mark.alone
@pytest.mark.parametrize("workers", [1, 2])
async def test_a_cut_over_at_a_set_time_a_roll_back_and_another_cut_over_fail_no_call_at_300_a_second(
    tmp_path: Path, workers: int
) -> None:
    old, new = kit.system(), renewed()
    async with upstream_kit.running() as upstream:
        changes = _settings(upstream.port, new, tmp_path, {"next.at": datetime.now(UTC) + timedelta(seconds=5)})
        with served(tmp_path, upstream.port, changes=dict(changes) | {"workers": workers}) as here:
            load, loop = Load(here), asyncio.get_running_loop()
            under: dict[str, int] = {}
            async with asyncio.TaskGroup() as group:
                start = loop.time()
                for _ in range(CALLERS):
                    group.create_task(load.call())
                await asyncio.sleep(1)
                assert {int(serial, 16) for serial in upstream.serials} == {_number(old)}
                await until(lambda: here.events("certificate_cut_over"), 10)
                under["cut over"] = await _settled(upstream)
                await command(tmp_path, "rollback", "linde")
                await until(lambda: here.events("certificate_rolled_back"))
                under["rolled back"] = await _settled(upstream)
                await command(tmp_path, "cutover", "linde")
                await until(lambda: len(here.events("certificate_cut_over")) == 2)
                under["again"] = await _settled(upstream)
                seconds = loop.time() - start
                load.stop()
            assert under == {"cut over": _number(new), "rolled back": _number(old), "again": _number(new)}
            assert set(load.statuses) == {200}
            assert len(load.statuses) / seconds >= A_SECOND * 0.95, f"{len(load.statuses) / seconds:.0f} calls a second"
            assert upstream.under[f"{_number(old):X}"] == 0  # the old generation's connections have drained
            whys = [event["because"] for event in here.events("certificate_cut_over")]
            assert whys == ["its time has come", "it was ordered, or proved before a restart"]


async def _settled(upstream: upstream_kit.Upstream) -> int:
    """Return the one certificate that all calls of a while carry, once those under the other have ended."""
    await asyncio.sleep(0.5)
    begin = len(upstream.serials)
    await asyncio.sleep(0.7)
    [serial] = set(upstream.serials[begin:])
    return int(serial, 16)


async def test_a_probe_that_succeeds_cuts_over_and_no_caller_goes_first(tmp_path: Path) -> None:
    new, accepted = renewed(), asyncio.Event()

    async def gate(exchange: Exchange) -> None:
        probing = exchange.head.startswith(b"GET /whoami ")
        refuse = probing and not accepted.is_set()
        await exchange.answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n" if refuse else OK)

    async with upstream_kit.running(gate) as upstream:
        changes = _settings(upstream.port, new, tmp_path, {"probe.get": "/whoami"})
        with served(tmp_path, upstream.port, changes=changes) as here:
            await until(lambda: here.events("certificate_probe_failed"))
            assert here.events("certificate_probe_failed")[0]["answer"] == "403 Forbidden"
            assert await _called(here, upstream) == _number(kit.system())
            accepted.set()
            os.kill(here.pid, signal.SIGHUP)
            await until(lambda: here.events("certificate_cut_over"))
            assert await _called(here, upstream) == _number(new)
        first = [int(serial, 16) for serial in upstream.serials].index(_number(new))
        assert upstream.requests[first].head.startswith(b"GET /whoami ")
        accepted.clear()  # whatever the gate says now: it was proved, and a restart remembers that
        with served_again(tmp_path, here.key) as here:
            assert await _called(here, upstream) == _number(new)


async def _called(here: Served, upstream: upstream_kit.Upstream) -> int:
    async with line(here.port) as caller:
        answer = await (await caller.send(request("POST", PATH, ("X-Api-Key", here.key), body=b"x"))).answer()
        assert answer.status == 200
    return int(upstream.serials[-1], 16)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


async def test_after_a_429_nothing_is_probed_until_somebody_says_so(tmp_path: Path) -> None:
    async def gate(exchange: Exchange) -> None:
        await exchange.answer(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n")

    async with upstream_kit.running(gate) as upstream:
        changes = _settings(upstream.port, renewed(), tmp_path, {"probe.get": "/whoami"})
        with served(tmp_path, upstream.port, changes=changes) as here:
            await until(lambda: here.events("certificate_probe_failed"))
            await asyncio.sleep(6)
            assert len(upstream.requests) == 1
            os.kill(here.pid, signal.SIGHUP)
            await until(lambda: len(upstream.requests) == 2)


async def test_a_roll_back_outlives_a_restart_and_ends_with_another_next_certificate(tmp_path: Path) -> None:
    new, newer = renewed(), renewed()
    async with upstream_kit.running() as upstream:
        changes = dict(_settings(upstream.port, new, tmp_path, {"next.at": datetime.now(UTC) - timedelta(hours=1)}))
        changes["operator.port"] = _free_port()
        with served(tmp_path, upstream.port, changes=changes) as here:
            assert await _called(here, upstream) == _number(new)
            told = await command(tmp_path, "rollback", "linde")
            assert "linde shows its current certificate" in told
            assert "The relay does." in told
            await until(lambda: here.events("certificate_rolled_back"))
            assert await _called(here, upstream) == _number(kit.system())
        with served_again(tmp_path, here.key) as here:
            assert await _called(here, upstream) == _number(kit.system())
            (tmp_path / "next.p12").write_bytes(newer.p12(PASSWORD))
            await until(lambda: here.events("certificate_cut_over"))
            assert await _called(here, upstream) == _number(newer)


async def test_a_next_certificate_that_is_bad_or_taken_away_changes_nothing(tmp_path: Path) -> None:
    async with upstream_kit.running() as upstream:
        changes = _settings(
            upstream.port, kit.personal(), tmp_path, {"next.at": (due := datetime.now(UTC) + timedelta(seconds=15))}
        )
        with served(tmp_path, upstream.port, changes=changes) as here:
            [refused] = here.events("certificate_refused")
            assert refused["key"] == "tenants.linde.certificate.next.file"
            (tmp_path / "next.p12").write_bytes(renewed().p12(PASSWORD))
            await until(lambda: here.events("certificate_next_taken"))
            (tmp_path / "next.p12").unlink()
            await until(lambda: here.events("certificate_next_withdrawn"))
            await asyncio.sleep((due - datetime.now(UTC)).total_seconds() + 1)
            assert await _called(here, upstream) == _number(kit.system())
            assert not here.events("certificate_cut_over")
            (tmp_path / "next.p12").write_bytes(renewed().p12(PASSWORD))  # its time has come meanwhile
            await until(lambda: here.events("certificate_cut_over"))
            (tmp_path / "next.p12").unlink()  # what is in force stays so
            await asyncio.sleep(1.5)
            assert await _called(here, upstream) != _number(kit.system())
