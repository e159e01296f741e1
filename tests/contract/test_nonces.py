"""What everybody who uses nonces up promises, in one process or between several: of two who show one, one is first."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial

import pytest

from relay.auth.nonces import Nonces, OwnNonces, Seen, UsedNonces
from relay.compose.relay.ledger import ReceiptClerk
from relay.compose.relay.nonces import LineNonces, NonceClerk
from relay.crew.line import Line, pair
from relay.gateway.receipts import Receipts
from tests.kit.door import until

MOST = 50
NOW = 1_800_000_000


@dataclass
class Ends:
    """Nonces as two parts of a relay have them: the same, or each its end of one."""

    one: Nonces
    other: Nonces


@contextmanager
def _own() -> Iterator[Ends]:
    nonces = OwnNonces(UsedNonces(most=MOST, since=0), lambda: NOW)
    yield Ends(nonces, nonces)


@contextmanager
def _between_workers() -> Iterator[Ends]:
    """As between a parent and two workers, of which each has its own line."""
    loop = asyncio.get_running_loop()
    own = OwnNonces(UsedNonces(most=MOST, since=0), lambda: NOW)
    clerk = NonceClerk(own, ReceiptClerk(Receipts(most=1, keep=1)))

    def parent(line: Line, worker: int) -> None:
        with suppress(BlockingIOError):
            while message := line.take():
                clerk.asked(worker, message.words[1:], partial(line.send, "answer"))

    def hear(line: Line, nonces: LineNonces) -> None:
        with suppress(BlockingIOError):
            while message := line.take():
                nonces.answered(*message.words[1:])
            nonces.lost()
            loop.remove_reader(line.fileno())

    with ExitStack() as stack:
        ends = []
        for worker in (1, 2):
            lines = []
            for sock in pair():
                sock.setblocking(False)
                lines.append(Line(sock))
                stack.callback(sock.close)
                stack.callback(loop.remove_reader, sock.fileno())
            ours, theirs = lines
            nonces = LineNonces(theirs)
            loop.add_reader(ours.fileno(), parent, ours, worker)
            loop.add_reader(theirs.fileno(), hear, theirs, nonces)
            ends.append(nonces)
        yield Ends(*ends)


@pytest.fixture(params=[_own, _between_workers], ids=["own", "between workers"])
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    with request.param() as both:
        yield both


async def _seen(nonces: Nonces, nonce: bytes) -> Seen:
    told: list[Seen] = []
    nonces.use(nonce, NOW, told.append)
    await until(lambda: bool(told))
    [seen] = told
    return seen


async def test_what_one_has_seen_is_not_new_to_the_other(ends: Ends) -> None:
    assert await _seen(ends.one, b"a") is Seen.FIRST
    assert await _seen(ends.other, b"a") is Seen.BEFORE
    assert await _seen(ends.other, b"b") is Seen.FIRST
    assert await _seen(ends.one, b"b") is Seen.BEFORE


async def test_of_two_at_once_one_is_first(ends: Ends) -> None:
    seen = await asyncio.gather(*(_seen(each, b"a") for each in (ends.one, ends.other, ends.one)))
    assert sorted(seen) == [Seen.BEFORE, Seen.BEFORE, Seen.FIRST]


async def test_a_full_house_says_that_it_is_not_sure(ends: Ends) -> None:
    for number in range(MOST):
        assert await _seen(ends.one, b"%d" % number) is Seen.FIRST
    assert await _seen(ends.other, b"new") is Seen.UNSURE


async def test_without_its_parent_a_worker_is_sure_of_nothing() -> None:
    ours, theirs = pair()
    nonces, told = LineNonces(Line(theirs)), list[Seen]()
    nonces.use(b"a", NOW, told.append)
    assert not told
    nonces.lost()
    ours.close()
    nonces.use(b"b", NOW, told.append)
    theirs.close()
    assert told == [Seen.UNSURE, Seen.UNSURE]
