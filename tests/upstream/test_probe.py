"""A probe: one harmless GET under a certificate, and what came of it in words."""

from pathlib import Path

import pytest

from relay.upstream.probe import Outcome, Question, probe
from tests.kit import upstream as kit
from tests.kit.door import ajar
from tests.kit.upstream import answering


async def _probed(folder: Path, script: kit.Script) -> tuple[Outcome, kit.Upstream]:
    async with kit.running(script) as upstream, ajar(folder, upstream.port) as open_door:
        question = Question(host="localhost", port=upstream.port, authority=b"gate", target=b"/whoami?a=b")
        return await probe(open_door.door, question), upstream


@pytest.mark.parametrize(
    ("answer", "succeeded", "final", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", True, False, "200 OK"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True, False, "204 No Content"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nbegun", True, False, "200 OK"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", False, False, "302 Found"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", False, False, "403 Forbidden"),
        (b"HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n", False, True, "429 Too Many"),
        (b"no HTTP at all\r\n\r\n", False, False, ""),
    ],
)
async def test_only_2xx_is_a_success_and_after_429_nothing_more_is_asked(
    tmp_path: Path, answer: bytes, succeeded: bool, final: bool, told: str
) -> None:
    outcome, upstream = await _probed(tmp_path, answering(answer))
    assert (outcome.succeeded, outcome.final) == (succeeded, final)
    assert outcome.told.startswith(told)
    assert bytes(upstream.octets) == b"GET /whoami?a=b HTTP/1.1\r\nHost: gate\r\n\r\n"


async def test_a_road_that_is_broken_is_told(tmp_path: Path) -> None:
    async with ajar(tmp_path, 1) as open_door:
        outcome = await probe(open_door.door, Question(host="localhost", port=1, authority=b"gate", target=b"/whoami"))
    assert not outcome.succeeded
    assert outcome.status == 0
    assert outcome.told
