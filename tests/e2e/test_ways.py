"""Ways out: each call under the certificate of its route; one that is closed tells why, and hinders no other."""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import orjson
import pytest

from tests.kit import authority as kit
from tests.kit import upstream as upstream_kit
from tests.kit.door import until
from tests.kit.line import call
from tests.kit.relay import PASSWORD, PATH, Relay, relay
from tests.kit.served import served

pytestmark = pytest.mark.slow

IWLZ = "/acc/netwerkmodel/v3/pep"


def _changes(port: int) -> Mapping[str, object]:
    upstream = f"https://localhost:{port}"
    return {
        "tenants.linde.routes": [
            {"name": "cov", "prefix": "/acc/cov", "upstream": upstream},
            {"name": "iwlz", "prefix": "/acc/netwerkmodel", "upstream": upstream, "family": "iwlz"},
        ],
        "tenants.linde.certificates.iwlz.file": "iwlz.p12",
        "tenants.linde.certificates.iwlz.password_file": "password",
    }


def _relay(folder: Path, port: int) -> AbstractAsyncContextManager[Relay]:
    return relay(folder, port, changes=_changes(port))


async def test_each_call_goes_out_under_the_certificate_of_its_family(tmp_path: Path) -> None:
    (tmp_path / "iwlz.p12").write_bytes(kit.other_system().p12(PASSWORD))
    async with (
        upstream_kit.running() as upstream,
        relay(tmp_path, upstream.port, changes=_changes(upstream.port)) as here,
    ):
        assert [(await call(here, path)).status for path in (PATH, IWLZ, PATH)] == [200, 200, 200]
        own, iwlz = kit.system().certificate.serial_number, kit.other_system().certificate.serial_number
        assert [int(serial, 16) for serial in upstream.serials] == [own, iwlz, own]
        scraped = await here.scrape()
    for way in ("linde", "linde/iwlz"):
        assert f'relay_way_open{{tenant="linde",way="{way}"}} 1.0' in scraped
        assert f'relay_certificate_not_after_timestamp_seconds{{tenant="linde",way="{way}"}}' in scraped


async def test_a_call_with_a_key_of_its_own_goes_out_under_the_same_certificate(tmp_path: Path) -> None:
    (tmp_path / "iwlz.p12").write_bytes(kit.other_system().p12(PASSWORD))
    async with upstream_kit.running() as upstream, _relay(tmp_path, upstream.port) as here:
        for path in (PATH, IWLZ):
            assert (await call(here, path, ("Idempotency-Key", path))).status == 200
        own, iwlz = kit.system().certificate.serial_number, kit.other_system().certificate.serial_number
        assert [int(serial, 16) for serial in upstream.serials] == [own, iwlz]


async def test_a_closed_way_answers_503_with_its_cause_and_the_process_stays_ready(tmp_path: Path) -> None:
    async with (
        upstream_kit.running() as upstream,
        relay(tmp_path, upstream.port, changes=_changes(upstream.port)) as here,
    ):
        assert (await call(here, PATH)).status == 200
        refused = await call(here, IWLZ)
        ready, _ = await here.ask_operator("/readyz")
        scraped = await here.scrape()
        [exchange] = [each for each in here.exchanges if each["route"] == "iwlz"]
        [told] = [each for each in here.lines if each["event"] == "certificate_refused"]
        assert upstream.connections == 1
    assert (refused.status, refused.field("retry-after"), ready) == (503, "60", 200)
    problem = orjson.loads(refused.body)
    assert (problem["code"], problem["sent"]) == ("system_certificate_unusable", "false")
    assert "linde/iwlz" in problem["detail"]
    assert "does not exist" in problem["detail"]
    assert str(tmp_path) not in refused.body.decode()
    assert exchange["cause"] == "system_certificate_unusable"
    assert told["key"] == "tenants.linde.certificates.iwlz.file"
    assert 'relay_way_open{tenant="linde",way="linde/iwlz"} 0.0' in scraped
    assert 'relay_way_open{tenant="linde",way="linde"} 1.0' in scraped


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_closed_way_opens_when_its_file_comes_and_tells_meanwhile_what_is_wrong_now(
    tmp_path: Path, workers: int
) -> None:
    async with upstream_kit.running() as upstream:
        with served(tmp_path, upstream.port, changes={"workers": workers} | dict(_changes(upstream.port))) as here:
            (tmp_path / "iwlz.p12").write_bytes(kit.expired().p12(PASSWORD))
            await until(lambda: len(here.events("certificate_refused")) == 2)
            await asyncio.sleep(0.2)
            assert "expired" in orjson.loads((await call(here, IWLZ)).body)["detail"]
            (tmp_path / "iwlz.p12").write_bytes(kit.other_system().p12(PASSWORD))
            await until(lambda: here.events("certificate_taken"))
            await asyncio.sleep(0.2)
            assert [(await call(here, IWLZ)).status for _ in range(10)] == [200] * 10
            if workers > 1:  # and so does one that comes later
                os.kill(here.workers()[0], signal.SIGKILL)
                await until(lambda: len(here.events("worker_started")) == 3)
                with here.only(here.workers()[-1]):
                    assert (await call(here, IWLZ)).status == 200


@pytest.mark.parametrize("workers", [1, 2])
async def test_sighup_has_it_look_at_once_and_ends_nothing(tmp_path: Path, workers: int) -> None:
    """To the whole family, as a terminal that is closed tells it."""
    async with upstream_kit.running() as upstream:
        with served(tmp_path, upstream.port, changes={"workers": workers}) as here:
            family = here.family()
            assert len(family) == (1 if workers == 1 else 2 + workers)
            for pid in family:
                os.kill(pid, signal.SIGHUP)
            await until(lambda: here.events("looked"))
            renewed = kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT)
            (tmp_path / "system.p12").write_bytes(renewed.p12(PASSWORD))
            os.kill(here.pid, signal.SIGHUP)
            await until(lambda: len(here.events("looked")) == 2)
            assert here.family() == family
            await asyncio.sleep(0.1)
            assert (await call(here, PATH)).status == 200
            assert int(upstream.serials[-1], 16) == renewed.certificate.serial_number


async def test_what_is_in_force_in_another_environment_is_never_taken(tmp_path: Path) -> None:
    changes = {
        "tenants.berk.environment": "test",
        "tenants.berk.trust": "trust.pem",
        "tenants.berk.certificate.file": "berk.p12",
        "tenants.berk.certificate.password_file": "password",
        "tenants.berk.egress.source_address": "127.0.0.9",
        "tenants.berk.preset": "vecozo",
    }
    (tmp_path / "berk.p12").write_bytes(kit.other_system().p12(PASSWORD))
    async with upstream_kit.running() as upstream:
        with served(tmp_path, upstream.port, changes=changes) as here:
            (tmp_path / "system.p12").write_bytes(kit.other_system().p12(PASSWORD))
            await until(lambda: here.events("certificate_refused"))
            [told] = here.events("certificate_refused")
            assert "berk in test" in str(told["detail"])
            assert (await call(here, PATH)).status == 200
            assert int(upstream.serials[-1], 16) == kit.system().certificate.serial_number


async def test_a_revoked_upstream_is_called_no_more_once_the_list_says_so(tmp_path: Path) -> None:
    """Kept connections too; a bad list changes nothing, one that is overdue counts and is told."""
    file = tmp_path / "upstream.crl"
    file.write_bytes(kit.revocations())
    changes = {"tenants.linde.trust_revocations": "upstream.crl"}
    async with upstream_kit.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:

        def told(event: str) -> list[dict[str, object]]:
            return [line for line in here.lines if line["event"] == event]

        assert (await call(here, PATH)).status == 200
        file.write_bytes(b"half of")
        await until(lambda: told("certificate_refused"))
        assert told("certificate_refused")[0]["key"] == "tenants.linde.trust_revocations"
        assert (await call(here, PATH)).status == 200
        file.write_bytes(kit.revocations(kit.server(), due=kit.AT))
        await until(lambda: told("certificate_taken"))
        answer = await call(here, PATH)
        assert (answer.status, orjson.loads(answer.body)["code"]) == (503, "upstream_revoked")
        assert len(upstream.requests) == 2
        await until(lambda: told("upstream_revocations_doubtful"))
        [doubt] = told("upstream_revocations_doubtful")
        assert (doubt["level"], doubt["key"]) == ("warning", "tenants.linde.trust_revocations")
        file.write_bytes(kit.revocations(kit.system()))
        await until(lambda: len(told("certificate_taken")) == 2)
        assert (await call(here, PATH)).status == 200
