"""A call refused for its address goes out again: once, only where that is wanted, and only while another is proven."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from relay.errors import SourceAddressMissing
from relay.upstream.egress import Egress
from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import Answer, line, request
from tests.kit.relay import PATH, Relay, relay
from tests.kit.witness import World, telling, truth

pytestmark = pytest.mark.one_process

FIRST, SECOND, THIRD = "127.0.0.9", "127.0.0.10", "127.0.0.11"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
PAGE_HEAD = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 40000\r\n\r\n"
PAGE_BODY = b"<html>".ljust(40_000)
FUNCTIONAL = b'HTTP/1.1 403 Forbidden\r\nContent-Length: 13\r\n\r\n{"why":"x"}  '
MOST = 64 * 1024


def _peer(exchange: kit.Exchange) -> str:
    return str(exchange.writer.get_extra_info("peername")[0])


class Gate:
    """Refuses whoever comes from one of these addresses, and passes everybody else."""

    def __init__(self, *refused: str, answer: bytes = FORBIDDEN) -> None:
        self.refused = refused
        self.refusal = answer

    async def __call__(self, exchange: kit.Exchange) -> None:
        await exchange.answer(self.refusal if _peer(exchange) in self.refused else kit.OK)


@asynccontextmanager
async def _between(
    folder: Path,
    gate: Gate,
    *,
    other_egress: bool = True,
    sources: tuple[str, ...] = (FIRST, SECOND),
    tells: Callable[[web.Request], str] = truth,
    **more: object,
) -> AsyncIterator[tuple[Relay, kit.Upstream]]:
    async with kit.running(gate) as upstream, telling(World(tells=tells)) as world:
        changes: dict[str, object] = {
            "egress_proof.witnesses": [{"url": world.url, "trust": "trust.pem", "gate": False}],
            "tenants.linde.egress": [{"source_address": source} for source in sources],
            "tenants.linde.other_egress": other_egress,
            "deadlines.first_byte": 1,
        }
        changes |= {name.replace("__", "."): value for name, value in more.items()}
        async with relay(folder, upstream.port, changes=changes) as here:
            yield here, upstream


async def _call(here: Relay, body: bytes = b"<vraag/>", *, chunked: bool = False, path: str = PATH) -> Answer:
    async with line(here.port) as caller:
        if not chunked:
            return await (await caller.send(request("POST", path, here.authorised, body=body))).answer()
        await caller.send(request("POST", path, here.authorised, ("Transfer-Encoding", "chunked")))
        for piece in (body[:3], body[3:]):
            await caller.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        return await (await caller.send(b"0\r\n\r\n")).answer()


def _bodies(upstream: kit.Upstream) -> list[tuple[str, bytes]]:
    return [(_peer(exchange), exchange.body) for exchange in upstream.requests]


async def _counts(here: Relay) -> dict[str, int]:
    """How many went out again, by what became of them, over all routes."""
    counts: Counter[str] = Counter()
    for row in (await here.scrape()).splitlines():
        if row.startswith("relay_calls_again_total{"):
            counts[row.partition('result="')[2].partition('"')[0]] += int(float(row.rpartition(" ")[2]))
    return dict(counts)


@pytest.mark.parametrize("chunked", [False, True])
async def test_it_goes_out_again_from_the_other_and_everybody_can_see_it(tmp_path: Path, chunked: bool) -> None:
    async with _between(tmp_path, Gate(FIRST)) as (here, upstream):
        for path in (PATH, "/acc/claims"):  # also where a repeat does harm: the gate let nothing through
            answer = await _call(here, chunked=chunked, path=path)
            assert (answer.status, answer.body) == (200, b"<a/>")
            assert answer.field("x-relay-egress") == SECOND
            assert answer.field("x-relay-refused-egress") == FIRST
            assert answer.field("x-relay-cause") is None
        assert _bodies(upstream) == [(FIRST, b"<vraag/>"), (SECOND, b"<vraag/>")] * 2
        heads = [exchange.head for exchange in upstream.requests]
        assert heads[0] == heads[1]
        for exchange in here.exchanges:
            told = [exchange[name] for name in ("status", "egress", "refused_egress", "again", "upstream_status")]
            assert told == [200, SECOND, FIRST, "passed", 200]
        assert await _counts(here) == {"passed": 2}
        assert 'cause="address_or_blocked",route="cov",tenant="linde"} 1.0' in await here.scrape()


async def test_with_an_idempotency_key_what_counts_is_the_last_answer(tmp_path: Path) -> None:
    async with _between(tmp_path, Gate(FIRST)) as (here, upstream):
        key = ("Idempotency-Key", "11111111-2222-3333-4444-555555555555")
        answers = []
        for _ in range(2):
            async with line(here.port) as caller:
                octets = request("POST", PATH, here.authorised, key, body=b"x")
                answers.append(await (await caller.send(octets)).answer())
        assert (answers[0].status, answers[0].field("x-relay-egress")) == (200, SECOND)
        assert answers[1].status == 409
        assert b"200" in answers[1].body
        assert len(upstream.requests) == 2


async def test_it_goes_out_twice_at_most(tmp_path: Path) -> None:
    async with _between(tmp_path, Gate(FIRST, SECOND, THIRD), sources=(FIRST, SECOND, THIRD)) as (here, upstream):
        answer = await _call(here)
        assert (answer.status, answer.field("x-relay-cause")) == (403, "address_or_blocked")
        assert (answer.field("x-relay-egress"), answer.field("x-relay-refused-egress")) == (SECOND, FIRST)
        assert len(upstream.requests) == 2
        assert await _counts(here) == {"refused": 1}
        assert 'cause="address_or_blocked",route="cov",tenant="linde"} 2.0' in await here.scrape()


async def test_unless_it_is_wanted_nothing_goes_out_again(tmp_path: Path) -> None:
    async with _between(tmp_path, Gate(FIRST), other_egress=False) as (here, upstream):
        assert (await _call(here)).status == 403
        assert len(upstream.requests) == 1
        assert await _counts(here) == {}
        assert "again" not in here.exchanges[0]


async def test_nothing_goes_out_again_from_an_egress_that_is_not_proven(tmp_path: Path) -> None:
    def one_alone(request: web.Request) -> str:
        return FIRST if request.remote == FIRST else "no address"

    async with _between(tmp_path, Gate(FIRST), tells=one_alone) as (here, upstream):
        assert (await _call(here)).status == 403
        assert len(upstream.requests) == 1


async def test_one_that_is_not_proven_is_passed_over(tmp_path: Path) -> None:
    def not_of_the_second(request: web.Request) -> str:
        return "no address" if request.remote == SECOND else str(request.remote)

    sources = (FIRST, SECOND, THIRD)
    async with _between(tmp_path, Gate(FIRST), sources=sources, tells=not_of_the_second) as (here, upstream):
        assert (await _call(here)).field("x-relay-egress") == THIRD
        assert [peer for peer, _ in _bodies(upstream)] == [FIRST, THIRD]


@pytest.mark.parametrize(
    "refusal",
    [FUNCTIONAL, FORBIDDEN.replace(b"Forbidden", b"Invalid Client Certificate"), FORBIDDEN.replace(b"403", b"429")],
    ids=["functional", "certificate", "quota"],
)
async def test_only_a_refusal_of_the_address_makes_it_go_out_again(tmp_path: Path, refusal: bytes) -> None:
    async with _between(tmp_path, Gate(FIRST, answer=refusal)) as (here, upstream):
        assert (await _call(here)).status in (403, 429)
        assert len(upstream.requests) == 1


async def test_a_reading_of_the_operators_own_makes_nothing_go_out_again(tmp_path: Path) -> None:
    own = {"status": 403, "cause": "address_or_blocked", "reason": "Go Away"}
    refusal = FORBIDDEN.replace(b"Forbidden", b"Go Away")
    async with _between(tmp_path, Gate(FIRST, answer=refusal), refusals=[own]) as (here, upstream):
        answer = await _call(here)
        assert (answer.status, answer.field("x-relay-cause")) == (403, "address_or_blocked")
        assert len(upstream.requests) == 1


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("size", "times"), [(MOST, 2), (MOST + 1, 1)])
async def test_a_body_is_kept_up_to_64_kib(tmp_path: Path, chunked: bool, size: int, times: int) -> None:
    async with _between(tmp_path, Gate(FIRST)) as (here, upstream):
        answer = await _call(here, b"x" * size, chunked=chunked)
        assert answer.status == (200 if times == 2 else 403)
        assert [len(exchange.body) for exchange in upstream.requests] == [size] * times


async def test_a_refusal_that_is_still_coming_is_dropped_for_the_second_answer(tmp_path: Path) -> None:
    async with _between(tmp_path, Gate(FIRST, answer=PAGE_HEAD + PAGE_BODY[:5000])) as (here, upstream):
        assert (await _call(here)).status == 200
        await until(lambda: upstream.open == 1)


async def test_a_call_of_which_not_all_went_out_does_not_go_out_again(tmp_path: Path) -> None:
    gate = Gate(FIRST)
    async with _between(tmp_path, gate) as (here, upstream), line(here.port) as caller:
        upstream.before_body = gate
        head = request("POST", PATH, here.authorised, ("Content-Length", "8"))
        answer = await (await caller.send(head + b"<vra")).answer()
        assert (answer.status, answer.field("x-relay-cause")) == (403, "address_or_blocked")
        assert len(upstream.requests) == 1


def _guard(page: str, egress: str, state: str) -> bool:
    return f'relay_guard_state{{egress="{egress}",state="{state}",way="linde"}} 1.0' in page


async def test_each_refusal_counts_with_the_guard_of_its_egress(tmp_path: Path) -> None:
    async with _between(tmp_path, Gate(FIRST, SECOND), guard__after=1) as (here, upstream):
        assert (await _call(here)).status == 403
        page = await here.scrape()
        assert _guard(page, FIRST, "holding")
        assert _guard(page, SECOND, "holding")
        assert len(upstream.requests) == 2


async def test_nothing_goes_out_again_from_an_egress_whose_guard_holds(tmp_path: Path) -> None:
    """That guard alone says who tries, and when."""
    gate = Gate(FIRST, SECOND)
    async with _between(tmp_path, gate, guard__after=1, guard__first_pause=0.05) as (here, upstream):
        assert (await _call(here)).status == 403
        gate.refused = ()
        await asyncio.sleep(0.1)
        assert (await _call(here)).status == 200  # a probe of the first; the second still holds
        assert _guard(await here.scrape(), SECOND, "holding")
        gate.refused = (FIRST,)
        assert (await _call(here)).status == 403
        assert [peer for peer, _ in _bodies(upstream)] == [FIRST, SECOND, FIRST, FIRST]


class Gone(Gate):
    """Closes its door behind the first call."""

    upstream: kit.Upstream

    async def __call__(self, exchange: kit.Exchange) -> None:
        if _peer(exchange) not in self.refused:
            exchange.reset()
        else:
            await super().__call__(exchange)


async def test_when_the_second_gets_no_answer_its_outcome_is_told_as_ever(tmp_path: Path) -> None:
    async with _between(tmp_path, Gone(FIRST)) as (here, upstream):
        assert (await _call(here)).status == 502
        assert (await _call(here, path="/acc/claims")).status == 409
        assert len(upstream.requests) == 4
        assert await _counts(here) == {"failed": 2}
        page = await here.scrape()
        assert 'cause="address_or_blocked",route="cov",tenant="linde"} 1.0' in page


@pytest.mark.parametrize("refusal", [FORBIDDEN, PAGE_HEAD + PAGE_BODY], ids=["bare", "page"])
async def test_when_nothing_can_be_sent_the_second_time_the_first_answer_is_given(
    tmp_path: Path, refusal: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = Egress.socket

    def only_the_first(egress: Egress) -> object:
        if str(egress.source) == SECOND:
            raise SourceAddressMissing("gone a moment ago")
        return bound(egress)

    async with _between(tmp_path, Gate(FIRST, answer=refusal)) as (here, upstream):
        with monkeypatch.context() as patched:
            patched.setattr(Egress, "socket", only_the_first)
            answer = await _call(here)
        assert (answer.status, answer.field("x-relay-cause")) == (403, "address_or_blocked")
        assert answer.body == refusal.partition(b"\r\n\r\n")[2]
        assert (answer.field("x-relay-egress"), answer.field("x-relay-refused-egress")) == (FIRST, None)
        assert len(upstream.requests) == 1
        [exchange] = here.exchanges
        assert (exchange["status"], exchange["upstream_status"], exchange["again"]) == (403, 403, "unsent")
        assert await _counts(here) == {"unsent": 1}
        assert 'cause="address_or_blocked",route="cov",tenant="linde"} 1.0' in await here.scrape()


class Late(Gate):
    """Refuses with these pieces, each once it may."""

    def __init__(self, *pieces: bytes) -> None:
        super().__init__(FIRST)
        self.pieces = pieces
        self.goes_on = asyncio.Semaphore(0)

    async def __call__(self, exchange: kit.Exchange) -> None:
        for piece in self.pieces:
            await self.goes_on.acquire()
            await exchange.answer(piece)


@pytest.mark.parametrize("pieces", [(FORBIDDEN,), (PAGE_HEAD, PAGE_BODY)], ids=["bare", "page"])
async def test_a_caller_that_left_has_nothing_sent_again(tmp_path: Path, pieces: tuple[bytes, ...]) -> None:
    gate = Late(*pieces)
    async with _between(tmp_path, gate) as (here, upstream):
        async with line(here.port) as caller:
            await caller.send(request("POST", PATH, here.authorised, body=b"x"))
            await until(lambda: upstream.requests)
            for _ in pieces[1:]:
                gate.goes_on.release()
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)
        gate.goes_on.release()
        await until(lambda: here.exchanges)
        await asyncio.sleep(0.05)
        assert here.exchanges[0]["status"] == 499
        assert len(upstream.requests) == 1
