"""The system certificate from a vault, by the vendors' own software: used, renewed, and kept when the vault fails."""

import asyncio
import base64
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import orjson
import pytest

from relay.authority.issued import Issued
from tests.kit import authority as kit
from tests.kit import upstream as upstream_kit
from tests.kit.door import until
from tests.kit.line import call
from tests.kit.relay import PASSWORD, PATH, system_file
from tests.kit.served import Served, served
from tests.kit.vaults import VAULTS, Kept

pytestmark = pytest.mark.slow


@pytest.fixture(params=VAULTS)
def vault(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """A vault; files that anybody puts aside for a moment would be in `aside`."""
    (tmp_path / "aside").mkdir()
    tempfile.gettempdir()  # or this process would keep the one of this test
    monkeypatch.setenv("TMPDIR", str(tmp_path / "aside"))
    with VAULTS[request.param](tmp_path, monkeypatch) as kept:
        yield kept


def _changes(kept: Kept, workers: int) -> dict[str, object]:
    certificate = {kept.setting: kept.place, "password": PASSWORD}
    return {"tenants.linde.certificate": certificate, "workers": workers}


async def _called_under(here: Served, issued: Issued, upstream: upstream_kit.Upstream) -> bool:
    assert (await call(here, PATH)).status == 200
    return int(upstream.serials[-1], 16) == issued.certificate.serial_number


def _refused(here: Served, times: int) -> bool:
    return len(here.events("certificate_refused")) == times


def _look(here: Served) -> None:
    os.kill(here.pid, signal.SIGHUP)


# The kit's, of things that are not in the vault; and the settings, with the password.
WRITTEN_BY_TESTS = ("server.key", "password", "relay.toml")


def _traces(folder: Path, *kept: bytes) -> list[Path]:
    """The files in which there is anything that was to stay in memory."""
    secrets = [b"PRIVATE KEY", PASSWORD.encode(), *kept, *map(base64.b64encode, kept)]
    files = [file for file in folder.rglob("*") if file.is_file() and file.name not in WRITTEN_BY_TESTS]
    return [file for file in files if any(secret in file.read_bytes() for secret in secrets)]


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_certificate_in_a_vault_is_used_and_renewed_without_a_restart(
    tmp_path: Path, vault: Kept, workers: int
) -> None:
    renewed = kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT - timedelta(hours=1))
    octets = renewed.p12(PASSWORD)
    vault.put(system_file())
    async with upstream_kit.running() as upstream:
        with served(tmp_path, upstream.port, changes=_changes(vault, workers)) as here:
            (tmp_path / "system.p12").unlink()
            assert await _called_under(here, kit.system(), upstream)
            vault.put(octets)
            _look(here)
            await until(lambda: here.events("certificate_taken"))
            await asyncio.sleep(0.2)  # until each worker has it
            assert await _called_under(here, renewed, upstream)
            worse: list[Callable[[], None]] = [
                lambda: vault.put(kit.personal().p12(PASSWORD)),
                vault.take_away,
                vault.close,
            ]
            for number, worsen in enumerate(worse, start=1):
                worsen()
                _look(here)
                await until(partial(_refused, here, number), 10)
                assert await _called_under(here, renewed, upstream)
            faults = here.events("certificate_refused")
            assert {fault["key"] for fault in faults} == {f"tenants.linde.certificate.{vault.setting}"}
            assert all(vault.place in str(fault["detail"]) for fault in faults)
            _, scraped = await here.ask_operator("/metrics")
            counted = 'relay_certificate_reloads_total{result="refused",tenant="linde",way="linde"} 3.0'
            assert counted in scraped
            vault.open()
    assert here.log in set(tmp_path.iterdir())
    assert _traces(tmp_path, system_file(), octets) == []
    assert list((tmp_path / "aside").iterdir()) == []


async def test_a_relay_starts_without_its_vault_and_opens_the_way_once_that_is_there(
    tmp_path: Path, vault: Kept
) -> None:
    """The one tenant that it has cannot be served, and still it listens, is ready and says why."""
    vault.put(system_file())
    vault.close()
    async with upstream_kit.running() as upstream:
        with served(tmp_path, upstream.port, changes=_changes(vault, 2)) as here:
            answer = await call(here, PATH)
            problem = orjson.loads(answer.body)
            assert (answer.status, problem["code"]) == (503, "system_certificate_unusable")
            assert "The vault that keeps it cannot be reached." in problem["detail"]
            assert vault.place not in answer.body.decode()
            assert (await here.ask_operator("/readyz"))[0] == 200
            [told] = here.events("certificate_refused")
            assert told["key"] == f"tenants.linde.certificate.{vault.setting}"
            vault.open()
            _look(here)
            await until(lambda: here.events("certificate_taken"), 10)
            await asyncio.sleep(0.2)  # until each worker has it
            assert await _called_under(here, kit.system(), upstream)
