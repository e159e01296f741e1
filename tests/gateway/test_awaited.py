"""A call whose caller is found out later: it waits, is answered in time, and nothing of it leaves before."""

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import orjson
import pytest

from relay.auth.caller import Awaited, Caller, Outcome
from relay.compose.relay import callers
from relay.errors import CallerUnknown
from relay.message.head import RequestHead
from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import line, request
from tests.kit.relay import PATH, relay

pytestmark = pytest.mark.one_process

DYNAMICS = Caller("dynamics", frozenset(("linde",)), "token")
NOBODY = CallerUnknown("nobody")


class _Slow:
    """An `Authenticator` that knows later."""

    challenges = (b'Bearer realm="relay"',)

    def __init__(self) -> None:
        self.asked: list[Awaited] = []

    def secrets(self, head: RequestHead) -> frozenset[bytes]:
        return frozenset((b"authorization",))

    def shown(self, head: RequestHead, certificate: bytes | None) -> bool:
        return True

    def authenticate(self, head: RequestHead, certificate: bytes | None, at: datetime) -> Awaited:
        self.asked.append(Awaited())
        return self.asked[-1]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> _Slow:
    slow = _Slow()
    monkeypatch.setattr(callers.Callers, "_authenticator", lambda _: slow)
    return slow


CALL = request("POST", PATH, ("Authorization", "Bearer x"), body=b"x" * 100)


@pytest.mark.parametrize(("outcome", "status"), [(DYNAMICS, 200), (NOBODY, 401)], ids=["somebody", "nobody"])
async def test_a_call_waits_until_it_is_known_whose_it_is(
    tmp_path: Path, slow: _Slow, outcome: Outcome, status: int
) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        await caller.send(CALL[:-50])
        await until(lambda: slow.asked)
        await caller.send(CALL[-50:])
        await asyncio.sleep(0.05)
        assert not upstream.requests
        slow.asked[0].settle(outcome)
        answer = await caller.answer()
        assert answer.status == status
        assert answer.field("www-authenticate") == (
            None if status == 200 else 'Bearer realm="relay", error="invalid_token"'
        )
        assert [seen.body for seen in upstream.requests] == ([b"x" * 100] if status == 200 else [])
        assert all(b"Bearer" not in seen.head for seen in upstream.requests)
        # The connection goes on.
        await caller.send(CALL)
        await until(lambda: len(slow.asked) == 2)
        slow.asked[1].settle(DYNAMICS)
        assert (await caller.answer()).status == 200


@pytest.mark.parametrize(("way", "status"), [("token", 200), ("signature", 503)])
async def test_what_was_found_out_by_clients_that_changed_since_counts_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, status: int
) -> None:
    """The call is judged anew; where it was signed that cannot be, for its signature counts once."""
    made: list[_Slow] = []

    def make(_: callers.Callers) -> _Slow:
        made.append(_Slow())
        return made[-1]

    monkeypatch.setattr(callers.Callers, "_authenticator", make)
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        await caller.send(CALL)
        await until(lambda: made[0].asked)
        settings = tmp_path / "relay.toml"
        settings.write_text(settings.read_text() + "\nclients.dynamics.never_repeats = true")
        await until(lambda: len(made) == 2)
        made[0].asked[0].settle(replace(DYNAMICS, way=way))
        if status == 200:
            await until(lambda: made[1].asked)
            assert not upstream.requests
            made[1].asked[0].settle(DYNAMICS)
        assert (await caller.answer()).status == status
        assert len(upstream.requests) == (status == 200)


async def test_who_is_not_known_in_time_is_told_that_nothing_was_sent(tmp_path: Path, slow: _Slow) -> None:
    changes = {"deadlines.total": 0.3, "deadlines.first_byte": 0.2}
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        async with line(here.port) as caller:
            answer = await (await caller.send(CALL)).answer()
            told = orjson.loads(answer.body)
            assert (answer.status, told["code"], told["sent"]) == (503, "caller_undecided", "false")
            slow.asked[0].settle(DYNAMICS)  # too late
            await asyncio.sleep(0.05)
        assert not upstream.requests
        assert [exchange["cause"] for exchange in here.exchanges] == ["caller_undecided"]


async def test_a_caller_that_leaves_meanwhile_sends_nothing(tmp_path: Path, slow: _Slow) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        async with line(here.port) as caller:
            await caller.send(CALL)
            await until(lambda: slow.asked)
        await until(lambda: here.exchanges)
        slow.asked[0].settle(DYNAMICS)
        await asyncio.sleep(0.05)
        assert not upstream.requests
        assert [(each["cause"], each["sent"]) for each in here.exchanges] == [("caller_left", "false")]


async def test_a_shorter_total_counts_from_the_start(tmp_path: Path, slow: _Slow) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        await caller.send(request("GET", PATH, ("X-Relay-Timeout", "5")))
        await until(lambda: slow.asked)
        slow.asked[0].settle(DYNAMICS)
        assert (await caller.answer()).status == 200
        assert len(upstream.requests) == 1
