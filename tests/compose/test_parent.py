"""The parent with real workers, forked before its loop: what it looks at and makes reaches every one of them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
import uvloop

from relay.authority.issued import Issued
from relay.compose.relay import build, certificates, presiding, worker
from relay.crew.line import Line
from relay.crew.nursery import nursery
from relay.front.acceptor import listening_socket
from tests.kit import authority as kit
from tests.kit.caller import Caller
from tests.kit.door import until
from tests.kit.line import line, request
from tests.kit.relay import PATH, read_settings, write_settings

UNKNOWN = request("GET", PATH, ("X-Api-Key", "unknown"))


@dataclass
class Parent:
    """A parent that is ready."""

    port: int
    folder: Path

    def events(self) -> list[str]:
        return [str(orjson.loads(line)["event"]) for line in (self.folder / "parent.log").read_bytes().splitlines()]

    def caller(self) -> Caller:
        return Caller(None, trust=self.folder / "trust.pem", version=ssl.TLSVersion.TLSv1_2)

    async def resumed(self, caller: Caller) -> bool:
        [seen] = await caller.send(self.port, UNKNOWN)
        assert seen.status == 401
        return seen.resumed


Story = Callable[[Parent], Coroutine[None, None, None]]


def presided(folder: Path, story: Story) -> None:
    """Let the story happen to a parent of two workers. No loop may run yet: the nursery is forked here."""
    write_settings(folder, 1, changes={"workers": 2})
    built = build(read_settings(folder), datetime.now(UTC))
    with (
        listening_socket("127.0.0.1", 0) as listening,
        (folder / "workers.log").open("wb", buffering=0) as log,
        (folder / "parent.log").open("wb", buffering=0) as out,
        nursery(worker(built, listening, log, uvloop.new_event_loop)) as branch,
    ):

        @asynccontextmanager
        async def parent(branch: Line) -> AsyncIterator[Parent]:
            async with presiding(built, out, listening=listening, nursery=branch) as (running, _):
                here = Parent(running.port, folder)
                await until(lambda: "ready" in here.events())
                yield here

        async def happen() -> None:
            async with parent(branch) as here:
                await story(here)

        uvloop.run(happen())


def renewed() -> Issued:
    return kit.authority().issue_server(["localhost"], at=kit.AT - timedelta(hours=1))


async def shown(here: Parent) -> set[int]:
    """Return the serial numbers of the certificates that twenty callers are shown."""
    serials = set()
    for _ in range(20):
        async with line(here.port) as caller:
            certificate = caller.writer.get_extra_info("ssl_object").getpeercert()
            serials.add(int(certificate["serialNumber"], 16))
    return serials


def test_a_renewed_server_certificate_is_shown_by_every_worker_and_sessions_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "_LOOK_EVERY", 0.02)
    new = renewed()

    async def story(here: Parent) -> None:
        caller = here.caller()
        assert [await here.resumed(caller) for _ in range(2)] == [False, True]
        (tmp_path / "server.pem").write_bytes(b"# \xe9\n" + new.chain_pem())  # a remark in Latin-1, as some tools leave
        (tmp_path / "server.key").write_bytes(new.key_pem())
        await until(lambda: "server_certificate_taken" in here.events())
        await asyncio.sleep(0.1)
        assert await shown(here) == {new.certificate.serial_number}
        assert [await here.resumed(caller) for _ in range(10)] == [True] * 10

    presided(tmp_path, story)


def test_fresh_ticket_keys_reach_every_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "_ROTATE_EVERY", 4.0)

    async def story(here: Parent) -> None:
        caller = here.caller()
        assert [await here.resumed(caller) for _ in range(10)] == [False] + [True] * 9
        await asyncio.sleep(4.0)
        assert [await here.resumed(caller) for _ in range(10)] == [False] + [True] * 9

    presided(tmp_path, story)
