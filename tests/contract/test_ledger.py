"""What every ledger of keys promises, in one process or between several: of those who ask for a key one may go."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from relay.compose.relay.ledger import LineLedger, ReceiptClerk, kept_receipts
from relay.crew.line import Line, pair
from relay.crew.table import Table
from relay.gateway.ledger import NO_LEDGER, Claim, Ledger, Standing, Verdict
from relay.gateway.receipts import OwnLedger, Receipts
from relay.observe.exchange import Exchange
from relay.settings.relay import Ledger as LedgerSettings
from tests.kit.door import until

MOST = 50
NOW = 1_800_000_000.0


@dataclass
class Ends:
    """A ledger as two parts of a relay have it: the same, or each its end of one."""

    one: Ledger
    other: Ledger


@contextmanager
def _own(_folder: Path) -> Iterator[Ends]:
    ledger = OwnLedger(Receipts(most=MOST, keep=3600), lambda: NOW)
    yield Ends(ledger, ledger)


@contextmanager
def _in_a_file(folder: Path) -> Iterator[Ends]:
    with kept_receipts(LedgerSettings(most=MOST, file=folder / "keys")) as receipts:
        ledger = OwnLedger(receipts, lambda: NOW)
        yield Ends(ledger, ledger)


@contextmanager
def _between_workers(_folder: Path) -> Iterator[Ends]:
    """As between a parent and two workers, of which each has its own line."""
    loop = asyncio.get_running_loop()
    clerk = ReceiptClerk(Receipts(most=MOST, keep=3600))

    def parent(line: Line, worker: int) -> None:
        with suppress(BlockingIOError):
            while message := line.take():
                match message.words:
                    case ("tell", *words):
                        clerk.told(worker, tuple(words))
                    case ("ask", *words):
                        clerk.asked(worker, tuple(words), partial(line.send, "answer"))

    def hear(line: Line, ledger: LineLedger) -> None:
        with suppress(BlockingIOError):
            while message := line.take():
                match message.words:
                    case ("answer", number, standing, status, at):
                        ledger.answered(number, standing, status, at)

    with ExitStack() as stack:
        ends = []
        for worker in (1, 2):
            file = os.memfd_create("table")
            stack.callback(os.close, file)
            lines = []
            for sock in pair():
                sock.setblocking(False)
                lines.append(Line(sock))
                stack.callback(sock.close)
                stack.callback(loop.remove_reader, sock.fileno())
            ours, theirs = lines
            ledger = LineLedger(Table(file), theirs)
            loop.add_reader(ours.fileno(), parent, ours, worker)
            loop.add_reader(theirs.fileno(), hear, theirs, ledger)
            ends.append(ledger)
        yield Ends(*ends)


@pytest.fixture(params=[_own, _in_a_file, _between_workers], ids=["own", "file", "workers"])
async def ends(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ends]:
    with request.param(tmp_path) as made:
        yield made


def _claim(key: int = 1, call: int = 1, body: int | None = 1) -> Claim:
    digest = b"%016d"
    return Claim(digest % key, digest % call, b"" if body is None else digest % body)


async def _ask(ledger: Ledger, claim: Claim) -> Verdict:
    coming: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    ledger.claim(claim, coming.set_result)
    return await coming


async def _settled(ends: Ends, key: int, standing: Standing, status: int = 0) -> Verdict:
    """How it stands for the other end, once it has heard."""
    claim = _claim(key)
    ends.one.settle(claim.key, standing, status)
    while (verdict := await _ask(ends.other, claim)).standing is Standing.IN_PROGRESS:
        await asyncio.sleep(0)
    return verdict


async def test_the_first_who_asks_may_go_and_the_next_hears_that_it_is_in_progress(ends: Ends) -> None:
    assert (await _ask(ends.one, _claim())).standing is Standing.FREE
    for end in (ends.one, ends.other):
        assert (await _ask(end, _claim())).standing is Standing.IN_PROGRESS


async def test_of_many_who_ask_at_once_one_may_go(ends: Ends) -> None:
    for key in range(20):
        asked = [_ask(end, _claim(key)) for _ in range(10) for end in (ends.one, ends.other)]
        standings = [verdict.standing for verdict in await asyncio.gather(*asked)]
        assert standings.count(Standing.FREE) == 1
        assert standings.count(Standing.IN_PROGRESS) == 19


async def test_what_was_answered_is_told_with_its_status_and_when(ends: Ends) -> None:
    await _ask(ends.one, _claim())
    verdict = await _settled(ends, 1, Standing.ANSWERED, 204)
    assert (verdict.standing, verdict.status) == (Standing.ANSWERED, 204)
    assert verdict.at > 1_700_000_000


async def test_what_may_have_been_processed_stays_unknown(ends: Ends) -> None:
    await _ask(ends.one, _claim())
    assert (await _settled(ends, 1, Standing.UNKNOWN)).standing is Standing.UNKNOWN


async def test_what_was_not_sent_may_go_again(ends: Ends) -> None:
    await _ask(ends.one, _claim())
    assert (await _settled(ends, 1, Standing.FREE)).standing is Standing.FREE


@pytest.mark.parametrize("settled", [True, False])
async def test_another_call_with_the_same_key_is_told_so(ends: Ends, settled: bool) -> None:
    await _ask(ends.one, _claim())
    if settled:
        await _settled(ends, 1, Standing.ANSWERED, 200)
    assert (await _ask(ends.other, _claim(call=2))).standing is Standing.REUSED
    assert (await _ask(ends.other, _claim(body=2))).standing is Standing.REUSED
    assert (await _ask(ends.other, _claim(body=None))).standing is not Standing.REUSED


async def test_a_body_that_was_not_whole_is_any_body(ends: Ends) -> None:
    await _ask(ends.one, _claim(body=None))
    assert (await _ask(ends.other, _claim(body=2))).standing is Standing.IN_PROGRESS


async def test_when_it_is_full_new_keys_are_refused_and_none_is_forgotten(ends: Ends) -> None:
    for key in range(MOST):
        assert (await _ask(ends.one, _claim(key))).standing is Standing.FREE
    assert (await _ask(ends.other, _claim(MOST))).standing is Standing.FULL
    for key in range(MOST):
        assert (await _ask(ends.other, _claim(key))).standing is Standing.IN_PROGRESS
    await _settled(ends, 1, Standing.FREE)
    assert (await _ask(ends.other, _claim(MOST))).standing is Standing.FULL, "the key just settled was asked for again"


async def test_an_outcome_that_nobody_waits_for_changes_nothing(ends: Ends) -> None:
    ends.one.settle(_claim().key, Standing.ANSWERED, 200)
    assert (await _ask(ends.one, _claim())).standing is Standing.FREE
    assert (await _settled(ends, 1, Standing.ANSWERED, 200)).status == 200
    assert (await _settled(ends, 1, Standing.ANSWERED, 500)).status == 200


async def test_a_call_without_a_key_is_entered_as_well(ends: Ends) -> None:
    ends.one.begin(Exchange(id="1" * 32, at=datetime.now(UTC), peer="192.0.2.1", method="POST"))


async def test_no_ledger_promises_nothing() -> None:
    assert (await _ask(NO_LEDGER, _claim())).standing is Standing.AWAY


async def test_a_worker_whose_parent_is_gone_promises_nothing() -> None:
    file = os.memfd_create("table")
    ours, theirs = pair()
    try:
        ledger = LineLedger(Table(file), Line(theirs))
        asking = asyncio.create_task(_ask(ledger, _claim()))
        await asyncio.sleep(0)
        ledger.lost()
        assert (await asking).standing is Standing.AWAY
        ours.close()
        assert (await _ask(ledger, _claim(2))).standing is Standing.AWAY
    finally:
        theirs.close()
        os.close(file)


async def test_what_the_parent_cannot_take_now_it_is_told_later() -> None:
    file = os.memfd_create("table")
    ours, theirs = pair()
    for sock in (ours, theirs):
        sock.setblocking(False)
    try:
        ledger = LineLedger(Table(file), Line(theirs))
        full = 0
        while Line(theirs).send("x" * 1000):
            full += 1
        for key in (1, 2, 3):
            ledger.settle(_claim(key).key, Standing.ANSWERED, 200)
        line = Line(ours)
        for _ in range(full):
            line.take()
        heard: list[str] = []

        def hear() -> bool:
            with suppress(BlockingIOError):
                while message := line.take():
                    heard.append(message.words[1])
            return len(heard) == 3

        await until(hear)
        assert heard == [_claim(key).key.hex() for key in (1, 2, 3)]
    finally:
        ours.close()
        theirs.close()
        os.close(file)
