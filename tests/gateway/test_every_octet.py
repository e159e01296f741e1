"""An upstream that fails at every octet of a POST and of its answer: seen once at most, nobody gets another's answer.

C10, C18 to C21 and C23 at once: whatever the moment, the caller of a claim is told the truth, and in such a way that
software which repeats every 5xx does not file it again.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import orjson
import pytest

from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import Answer, CutOff, line, request
from tests.kit.relay import Relay, relay

CLAIMS = "/acc/claims/v1"
# For those who wait for an answer that does not come.
HASTY = {"deadlines.first_byte": 1.0, "deadlines.total": 2.0}
ID = re.compile(rb"\r\nX-Id: (\d{6})\r\n")
LENGTH = len(b"claim 000000")


@dataclass
class Peer:
    """One connection, and what came of the request so far."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    octets: bytearray = field(default_factory=bytearray)

    async def come(self, size: int) -> None:
        """Wait until so many octets of the request are here."""
        while len(self.octets) < size:
            self.octets += await self._more()

    async def request(self) -> str:
        """Wait for the rest of the request, and return its id."""
        while b"\r\n\r\n" not in self.octets:
            self.octets += await self._more()
        await self.come(self.octets.index(b"\r\n\r\n") + 4 + LENGTH)
        found = ID.search(self.octets)
        assert found
        return found[1].decode()

    async def _more(self) -> bytes:
        octets = await self.reader.read(4096)
        if not octets:
            raise ConnectionResetError
        return octets

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()


Plan = Callable[[Peer], Awaitable[None]]


def answer_to(name: str) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nanswer to %b" % name.encode()


async def well(peer: Peer) -> None:
    await peer.send(answer_to(await peer.request()))


class Faulty:
    """An upstream that does with each request as its plan says, and well when there is none."""

    def __init__(self) -> None:
        self.plan: Plan = well
        self.port = 0
        self.open = 0
        self.acted = asyncio.Event()
        self.seen: Counter[bytes] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        peer = Peer(reader, writer)
        try:
            while True:
                peer.octets.clear()
                await peer.come(1)
                try:
                    await self.plan(peer)
                finally:
                    self.seen.update(ID.findall(peer.octets))
                    self.acted.set()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            with suppress(OSError):
                writer.close()


@asynccontextmanager
async def faulty(folder: Path, act: Plan | None = None) -> AsyncIterator[tuple[Faulty, Relay]]:
    upstream = Faulty()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, ssl=kit.upstream_context())
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        async with relay(folder, upstream.port, changes=HASTY if act is _stalls else None) as here:
            yield upstream, here
            await until(lambda: len(here.exchanges) > 0)
            assert "relay_calls_in_progress 0.0" in await here.scrape()
        await until(lambda: upstream.open == 0)
    finally:
        server.close()


def claim(here: Relay, name: str) -> bytes:
    return request("POST", CLAIMS, here.authorised, ("X-Id", name), body=b"claim %b" % name.encode())


async def asked(here: Relay, name: str) -> Answer | None:
    """The answer to one claim, or None when it was cut off."""
    async with line(here.port) as caller:
        try:
            return await (await caller.send(claim(here, name))).answer()
        except CutOff:
            return None


def judge(answer: Answer | None, name: str) -> str:
    """What the caller takes it for; whatever it is, it is the truth and provokes no repeat."""
    if answer is None:
        return "cut"
    if answer.status == 200:
        assert answer.body == b"answer to %b" % name.encode()
        return "answered"
    problem = orjson.loads(answer.body)
    assert (answer.status, problem["code"], problem["sent"]) == (409, "outcome_unknown", "unknown")
    return "unknown"


async def others_are_well(upstream: Faulty, here: Relay, name: str) -> None:
    upstream.plan = well
    assert judge(await asked(here, name), name) == "answered"


# -- at every octet of the request ---------------------------------------------------------------------------


async def _resets(peer: Peer) -> None:
    peer.writer.transport.abort()


async def _closes(peer: Peer) -> None:
    peer.writer.close()
    raise ConnectionResetError


async def _ends_without_notice(peer: Peer) -> None:
    kit.end_without_notice(kit.Exchange(peer.reader, peer.writer))
    await peer.reader.read()
    raise ConnectionResetError


async def _stalls(peer: Peer) -> None:
    while await peer.reader.read(4096):
        pass
    raise ConnectionResetError


async def _babbles(peer: Peer) -> None:
    await peer.send(b"220 mail.example\r\n\r\n")
    raise ConnectionResetError


async def _refuses(peer: Peer) -> None:
    """An answer before the request is complete, and the end (C21)."""
    await peer.send(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    await peer.reader.read()
    raise ConnectionResetError


def after(size: int, act: Plan) -> Plan:
    async def plan(peer: Peer) -> None:
        await peer.come(size)
        await act(peer)

    return plan


async def sent_up_to(here: Relay, upstream: Faulty, name: str, octet: int, head: int) -> Answer | None:
    """The same with a body that comes in two parts, the second after the upstream has done what it does."""
    whole = claim(here, name)
    split = len(whole) - LENGTH + max(0, octet - head)
    async with line(here.port) as caller:
        try:
            await caller.send(whole[:split])
            await upstream.acted.wait()
            with suppress(ConnectionError):
                await caller.send(whole[split:])
            return await caller.answer()
        except CutOff:
            return None


@pytest.mark.slow
@pytest.mark.parametrize("act", [_resets, _closes, _ends_without_notice, _stalls, _babbles, _refuses])
async def test_at_every_octet_of_a_request(tmp_path: Path, act: Plan) -> None:
    async with faulty(tmp_path, act) as (upstream, here):
        sizes: list[int] = []

        async def measured(peer: Peer) -> None:
            await well(peer)
            sizes.append(len(peer.octets))

        upstream.plan = measured
        assert judge(await asked(here, "999999"), "999999") == "answered"
        whole, head = sizes[0], sizes[0] - LENGTH
        took: Counter[str] = Counter()
        octets = range(1, whole + 1, 1 if act is not _stalls else 12)
        for octet in octets:
            name = f"{octet:06}"
            upstream.plan = after(octet, act)
            upstream.acted.clear()
            if act is _stalls or octet <= head:
                answer = await asked(here, name)  # the head leaves whole, however much of it is read
            else:
                answer = await sent_up_to(here, upstream, name, octet, head)
            if act is _refuses:
                assert answer is not None
                assert answer.status == 413
            else:
                took[judge(answer, name)] += 1
            await others_are_well(upstream, here, f"{500_000 + octet}")
        assert max(upstream.seen.values()) == 1, "the upstream saw each at most once"
        if act is not _refuses:
            assert took == {"unknown": len(octets)}


@pytest.mark.slow
@pytest.mark.parametrize("act", [_resets, _closes, _stalls])
async def test_a_caller_that_repeats_5xx_four_times_is_seen_once_at_the_gate(tmp_path: Path, act: Plan) -> None:
    async with faulty(tmp_path, act) as (upstream, here):
        for octet in (1, 50, 100):
            upstream.plan = after(octet, act)
            for _ in range(5):
                answer = await asked(here, f"{octet:06}")
                assert answer is not None
                if answer.status < 500 and answer.status not in (408, 429):
                    break
        await until(lambda: upstream.open == 0)
        assert set(upstream.seen.values()) == {1}


# -- at every octet of the answer ----------------------------------------------------------------------------

ANSWERS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nanswer to %b",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nanswer\r\na\r\n to %b\r\n0\r\n\r\n",
    "after interims": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nanswer to %b",
    "until close": b"HTTP/1.1 200 OK\r\n\r\nanswer to %b",
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", ANSWERS)
@pytest.mark.parametrize("act", [_resets, _closes, _ends_without_notice, _stalls])
async def test_at_every_octet_of_an_answer(tmp_path: Path, shape: str, act: Plan) -> None:
    template = ANSWERS[shape]
    whole = len(template % b"000000")
    head = template.index(b"\r\n\r\n", template.index(b"200 OK")) + 4
    vouched = shape == "until close" and act is _closes
    gate = asyncio.Semaphore(30)

    async def plan(peer: Peer) -> None:
        name = await peer.request()
        octets = template % name.encode()
        await peer.send(octets[: int(name)])
        await asyncio.sleep(0.01)  # so that what was sent is read by itself
        if act is not _stalls or int(name) < whole or shape == "until close":
            await act(peer)

    async def judged(here: Relay, octet: int) -> str:
        async with gate:
            answer = await asked(here, f"{octet:06}")
            if vouched and answer is not None and answer.status == 200:
                # Without framing a close in order is the end, wherever it is: TLS vouches for it, nothing else does.
                assert (template % b"%06d" % octet)[:octet].endswith(answer.body)
                return "answered"
            return judge(answer, f"{octet:06}")

    async with faulty(tmp_path, act) as (upstream, here):
        upstream.plan = plan
        took = await asyncio.gather(*(judged(here, octet) for octet in range(whole + 1)))
        assert set(took[:head]) == {"unknown"}
        assert set(took[head:-1]) == {"answered" if vouched else "cut"}
        assert took[-1] == ("cut" if shape == "until close" and not vouched else "answered")
        if act is not _stalls:
            # A call sent in the moment in which its kept connection ends is unknown as well, and rightly so.
            await until(lambda: upstream.open == 0)
            await asyncio.sleep(0.05)
        await others_are_well(upstream, here, "777777")
        assert max(upstream.seen.values()) == 1


SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nanswer to ANYONE"


async def _answers_twice(peer: Peer, octet: int) -> None:
    """In two writes, at once."""
    await peer.send(answer_to(await peer.request()) + SECOND[:octet])
    await peer.send(SECOND[octet:])


async def _answers_a_moment_later(peer: Peer, octet: int) -> None:
    await peer.send(answer_to(await peer.request()))
    await asyncio.sleep(0)
    await peer.send(SECOND[octet:])


async def _answers_the_next(peer: Peer, octet: int) -> None:
    """With a part of the second answer behind the first, and the rest for whoever asks next on this connection."""
    await peer.send(answer_to(await peer.request()) + SECOND[: octet + 1])
    peer.octets += await peer.reader.read(4096)
    await peer.send(SECOND[octet + 1 :])


@pytest.mark.slow
@pytest.mark.parametrize("twice", [_answers_twice, _answers_a_moment_later, _answers_the_next])
async def test_an_upstream_that_answers_twice_gives_nobody_the_second(
    tmp_path: Path, twice: Callable[..., Awaitable[None]]
) -> None:
    async with faulty(tmp_path) as (upstream, here):
        for octet in range(len(SECOND)):
            for turn in range(3):
                upstream.plan = partial(twice, octet=octet)
                name = f"{turn}{octet:05}"
                assert judge(await asked(here, name), name) == "answered"
            await others_are_well(upstream, here, f"9{octet:05}")
        assert set(upstream.seen.values()) == {1}


@pytest.mark.slow
async def test_an_upstream_that_lies_about_its_length_never_has_a_cut_look_complete(tmp_path: Path) -> None:
    body = b"answer to 000000"

    async with faulty(tmp_path) as (upstream, here):
        for told in range(40):

            async def plan(peer: Peer, told: int = told) -> None:
                await peer.request()
                await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (told, body))
                if told > len(body):
                    await _closes(peer)

            upstream.plan = plan
            answer = await asked(here, f"{told:06}")
            if told > len(body):
                assert answer is None
            else:
                assert answer is not None
                assert answer.body == body[:told]
            await others_are_well(upstream, here, f"{500 + told:06}")
        assert set(upstream.seen.values()) == {1}
