"""Where a client may call from, through the whole relay: told by the socket, or by balancers that are known."""

from pathlib import Path

import orjson
import pytest

from tests.auth.test_sources import file_of
from tests.kit import upstream as up
from tests.kit.door import until
from tests.kit.line import Answer, line, request
from tests.kit.proxied import proxied_line, told
from tests.kit.relay import PATH, Relay, relay

SOURCES: dict[str, object] = {"clients.dynamics.sources": ["203.0.113.0/24"]}
PROXIED = SOURCES | {"listen.proxy_protocol_from": ["127.0.0.1"]}
FORWARDED = SOURCES | {"listen.forwarded_from": ["127.0.0.1", "10.0.0.0/24"]}


async def _from(here: Relay, source: str) -> Answer:
    async with proxied_line(here.port, told(source)) as caller:
        return await (await caller.send(request("GET", PATH, here.authorised))).answer()


async def _call(here: Relay, *fields: tuple[str, str]) -> Answer:
    async with line(here.port) as caller:
        return await (await caller.send(request("GET", PATH, *fields))).answer()


async def test_a_client_from_elsewhere_is_told_so_and_no_byte_goes_on(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=PROXIED) as here:
        for source in ("198.51.100.7", "2001:db8::7"):
            answer = await _from(here, source)
            problem = orjson.loads(answer.body)
            assert (answer.status, problem["code"], problem["sent"]) == (403, "source_refused", "false")
            assert source in problem["detail"]
            assert "203.0.113" not in str(problem)
        assert not upstream.connections
        assert [each["cause"] for each in here.exchanges] == ["source_refused"] * 2
        assert (await _from(here, "203.0.113.7")).status == 200
        assert len(upstream.requests) == 1


async def test_who_proves_nothing_hears_nothing_of_sources(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=PROXIED) as here:
        async with proxied_line(here.port, told("198.51.100.7")) as caller:
            answer = await (await caller.send(request("GET", PATH, ("X-Api-Key", here.key + "x")))).answer()
        assert answer.status == 401
        assert not upstream.connections


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (["203.0.113.7"], 200),
        (["203.0.113.7:4711"], 200),
        (["198.51.100.7, 203.0.113.7, 10.0.0.9"], 200),
        (["203.0.113.7, 198.51.100.7"], 403),
        (["203.0.113.7", "198.51.100.7"], 403),
        (["203.0.113.7, 198.51.100.7, 10.0.0.9"], 403),
        ([], 403),
        (["203.0.113.7, nobody"], 400),
    ],
)
async def test_a_known_balancer_tells_who_calls_and_what_the_caller_made_up_is_not_believed(
    tmp_path: Path, told: list[str], status: int
) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=FORWARDED) as here:
        fields = [("X-Forwarded-For", each) for each in told]
        assert (await _call(here, here.authorised, *fields)).status == status
        assert len(upstream.requests) == (status == 200)
        assert (await _call(here, here.authorised, ("X-Forwarded-For", "203.0.113.9"))).status == 200
        assert b"forwarded" not in upstream.octets.lower()
        assert here.exchanges[-1]["peer"] == "203.0.113.9"


@pytest.mark.parametrize("field", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP", "X-Client-IP"])
async def test_what_a_caller_itself_says_of_its_address_counts_for_nothing(tmp_path: Path, field: str) -> None:
    forged = (field, "for=203.0.113.7" if field == "Forwarded" else "203.0.113.7")
    async with up.running() as upstream:
        # From no balancer; and from one, where only its own field counts.
        changes = [SOURCES, {**SOURCES, "listen.forwarded_from": ["127.0.0.2"]}]
        if field != "X-Forwarded-For":
            changes.append(FORWARDED)
        for number, each in enumerate(changes):
            folder = tmp_path / str(number)
            folder.mkdir()
            async with relay(folder, upstream.port, changes=each) as here:
                assert (await _call(here, here.authorised, forged)).status == 403
                assert {exchange["peer"] for exchange in here.exchanges} == {"127.0.0.1"}
        assert not upstream.connections
        folder = tmp_path / "healthy"
        folder.mkdir()
        async with relay(folder, upstream.port, changes={"clients.dynamics.sources": ["127.0.0.1"]}) as here:
            assert (await _call(here, here.authorised, forged)).status == 200
            assert b"203.0.113.7" not in upstream.octets


async def test_ranges_of_azure_are_taken_anew_with_their_file_and_a_bad_one_changes_nothing(tmp_path: Path) -> None:
    tags = tmp_path / "tags.json"
    tags.write_bytes(file_of(PowerPlatformPlex=["203.0.113.0/24"], Other=["198.51.100.0/24"]))
    changes = {
        "listen.proxy_protocol_from": ["127.0.0.1"],
        "sources.azure_service_tags": "tags.json",
        "clients.dynamics.sources": ["azure:PowerPlatformPlex", "192.0.2.1"],
    }
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:

        async def seen() -> list[int]:
            return [(await _from(here, each)).status for each in ("203.0.113.7", "198.51.100.7", "192.0.2.1")]

        async def heard(event: str, times: int) -> None:
            await until(lambda: sum(each["event"] == event for each in here.lines) == times)

        assert await seen() == [200, 403, 200]
        for number, bad in enumerate((b"{", file_of(Other=["198.51.100.0/24"])), start=1):
            tags.write_bytes(bad)
            await heard("clients_refused", number)
            assert await seen() == [200, 403, 200]
        refusal = [each for each in here.lines if each["event"] == "clients_refused"][-1]
        assert refusal["key"] == "sources.azure_service_tags"
        assert "no tag PowerPlatformPlex" in str(refusal["detail"])
        tags.write_bytes(file_of(PowerPlatformPlex=["198.51.100.0/24"]))
        await heard("clients_taken", 1)
        assert await seen() == [403, 200, 200]
