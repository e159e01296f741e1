"""A relay's life: it starts or says why not, drains, and takes a new certificate without dropping a call."""

import asyncio
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from relay.compose.relay import certificates
from relay.errors import SettingsFault
from tests.kit import authority
from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import Answer, CutOff, Line, line, request
from tests.kit.relay import PASSWORD, PATH, Relay, relay


@pytest.fixture(autouse=True)
def looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "_LOOK_EVERY", 0.05)


@pytest.mark.one_process
@pytest.mark.parametrize("key", ["listen", "operator"])
async def test_a_port_that_is_taken_is_told_with_its_remedy(tmp_path: Path, key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsFault) as fault:
            async with relay(tmp_path, 1, changes={f"{key}.port": port}):
                pass
    [(told, what)] = fault.value.faults
    assert told == key
    assert f"port {port} on 127.0.0.1 is taken" in what
    assert "choose another port" in what


class _Life:
    """A relay that is told to stop while the test goes on."""

    def __init__(self) -> None:
        self.here: Relay | None = None
        self._started = asyncio.Event()
        self._stop = asyncio.Event()

    async def begin(self, folder: Path, port: int, changes: dict[str, object]) -> Relay:
        self.living = asyncio.create_task(self._live(folder, port, changes))
        await self._started.wait()
        assert self.here is not None
        return self.here

    async def _live(self, folder: Path, port: int, changes: dict[str, object]) -> None:
        async with relay(folder, port, changes=changes) as self.here:
            self._started.set()
            await self._stop.wait()

    def stop(self) -> None:
        self._stop.set()


async def _asked(caller: Line, here: Relay, path: str = PATH) -> Answer:
    return await (await caller.send(request("POST", path, here.authorised, body=b"x"))).answer()


@pytest.mark.one_process
async def test_a_drain_turns_readiness_off_first_and_lets_the_call_in_progress_end(tmp_path: Path) -> None:
    going_on = asyncio.Event()

    async def script(exchange: kit.Exchange) -> None:
        if b"/slow" in exchange.head:
            await going_on.wait()
        await exchange.answer(kit.OK)

    life = _Life()
    async with kit.running(script) as upstream:
        here = await life.begin(tmp_path, upstream.port, {"deadlines.drain_notice": 0.3})
        async with line(here.port) as slow, line(here.port) as idle, line(here.port) as unused:
            assert (await here.ask_operator("/readyz"))[0] == 200
            in_progress = asyncio.create_task(_asked(slow, here, f"{PATH}/slow"))
            await until(lambda: upstream.requests)
            await _asked(idle, here)
            life.stop()
            await asyncio.sleep(0.05)
            assert await here.ask_operator("/readyz") == (503, "not ready: draining\n")
            assert (await here.ask_operator("/healthz"))[0] == 200
            # Those who do not look at readiness yet are still served while the notice lasts.
            assert (await _asked(idle, here)).status == 200
            # Then nobody else is let in, and a kept connection is closed rather than left without an answer.
            async with asyncio.timeout(1):
                assert await idle.ended()
                assert await unused.ended()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", here.port)
            assert not life.living.done()
            going_on.set()
            answer = await in_progress
            assert (answer.status, answer.body, answer.field("connection")) == (200, b"<a/>", "close")
            assert await slow.ended()
        await life.living
        assert [entry["event"] for entry in here.lines if entry["event"] != "exchange"] == [
            "ready",
            "draining",
            "drained",
        ]
        assert here.lines[-1]["all_ended"] is True
        await until(lambda: upstream.open == 0)


async def test_a_drain_does_not_wait_for_ever(tmp_path: Path) -> None:
    async def script(exchange: kit.Exchange) -> None:
        await exchange.reader.read()

    life = _Life()
    async with kit.running(script) as upstream:
        here = await life.begin(tmp_path, upstream.port, {"deadlines.drain": 0.1})
        async with line(here.port) as caller:
            in_progress = asyncio.create_task(_asked(caller, here))
            await until(lambda: upstream.requests)
            life.stop()
            with pytest.raises(CutOff):
                await in_progress
            await life.living
        assert here.lines[-1]["all_ended"] is False
        assert [entry["status"] for entry in here.exchanges] == [499]
        assert here.exchanges[0]["sent"] == "unknown"
        await until(lambda: upstream.open == 0)


async def test_a_new_certificate_is_used_on_a_kept_callers_line_and_the_old_connections_close(tmp_path: Path) -> None:
    renewed = authority.authority().issue_system(
        authority.USER_NUMBER, authority.ORGANISATION, at=authority.AT - timedelta(hours=1)
    )
    statuses = []
    async with (
        kit.running() as upstream,
        relay(tmp_path, upstream.port) as here,
        line(here.port) as caller,
    ):

        async def call() -> None:
            statuses.append(
                (await (await caller.send(request("POST", PATH, here.authorised, body=b"x"))).answer()).status
            )

        await call()
        (tmp_path / "system.p12").write_bytes(renewed.p12(PASSWORD))
        while len(set(upstream.serials)) < 2 and len(statuses) < 500:
            await call()
            await asyncio.sleep(0.01)
        await until(lambda: upstream.open == 1)
        scraped = await here.scrape()
        [taken] = [entry for entry in here.lines if entry["event"] == "certificate_taken"]
    assert set(statuses) == {200}
    assert int(upstream.serials[-1], 16) == renewed.certificate.serial_number == int(str(taken["certificate"]), 16)
    assert 'relay_certificate_reloads_total{result="taken",tenant="linde",way="linde"} 1.0' in scraped
    expiry = renewed.certificate.not_valid_after_utc.timestamp()
    [told] = [row for row in scraped.splitlines() if row.startswith("relay_certificate_not_after_timestamp_seconds{")]
    assert float(told.split()[-1]) == expiry


async def test_a_bad_new_file_changes_nothing_and_says_so(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        (tmp_path / "system.p12").write_bytes(authority.personal().p12(PASSWORD))
        await until(lambda: any(entry["event"] == "certificate_refused" for entry in here.lines))
        answer = await (await caller.send(request("POST", PATH, here.authorised, body=b"x"))).answer()
        scraped = await here.scrape()
        [told] = [entry for entry in here.lines if entry["event"] == "certificate_refused"]
    assert answer.status == 200
    assert int(upstream.serials[0], 16) == authority.system().certificate.serial_number
    assert (told["level"], told["key"]) == ("error", "tenants.linde.certificate.file")
    assert "personal" in str(told["detail"])
    assert PASSWORD not in here.out.getvalue().decode()
    assert 'relay_certificate_reloads_total{result="refused",tenant="linde",way="linde"} 1.0' in scraped
