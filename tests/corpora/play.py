"""Playing rows: each on a connection of its own, and what came back told answer by answer."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.corpora.expected import FORWARDED, Outcome
from tests.corpora.oracle import differences
from tests.corpora.own import Row
from tests.kit.line import Answer, CutOff, Line, line, request
from tests.kit.recording import Recording
from tests.kit.relay import PATH, Relay
from tests.kit.strict import Message, Unsafe, read_request

# Rows at a time; seconds for an answer to come; seconds in which an unfinished request proves to get none.
_AT_ONCE: Final = 100
_PATIENCE: Final = 5.0
_SILENCE: Final = 0.15


@dataclass
class Seen:
    """What came back on a row's connection, and what is wrong with it."""

    outcomes: list[Outcome] = field(default_factory=list)
    hints: list[int] = field(default_factory=list)
    closed: bool = False
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Stand:
    """A relay before a recording upstream, and a caller who is `known`, or has no key or a wrong one."""

    here: Relay
    upstream: Recording
    expected: Mapping[str, tuple[Outcome, ...]]
    key: str | None
    known: bool

    async def play(self, rows: Iterable[Row]) -> dict[str, Seen]:
        """Send every row; return what came of each."""
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(row: Row) -> tuple[str, Seen]:
            async with places:
                return row.id, await self._play(row)

        return dict(await asyncio.gather(*map(one, rows)))

    def faults(self, row: Row, seen: Seen) -> Iterator[str]:
        """Yield what is not as it should be; the relay has to have ended what it was doing."""
        yield from seen.wrong
        expected = self.expected[row.id]
        if tuple(seen.outcomes) != expected:
            yield f"got {seen.outcomes} instead of {list(expected)}"
        if row.id.startswith(("C7-", "C8-")) and expected and expected[-1] in (400, 501) and not seen.closed:
            yield "the connection was kept after a framing that nobody can trust"
        if seen.hints and not (self.known and _may_be_asked_on(row, expected)):
            yield f"got {seen.hints} unasked"
        yield from self._upstream_faults(row, expected)

    # -- inside ----------------------------------------------------------------------------------------------

    async def _play(self, row: Row) -> Seen:
        seen, wanted = Seen(), len(self.expected[row.id])
        async with line(self.here.port) as caller:
            steps = self._steps(row)
            for number, octets in enumerate(steps, 1):
                last = number == len(steps)
                await _send(caller, octets, row.piece)
                await self._hear(caller, row, seen, wanted if last else min(wanted, number), go_on=not last)
            if not wanted:
                await self._hear_nothing(caller, row, seen)
            elif not seen.closed:
                await self._probe(caller, row, seen)
        return seen

    async def _hear(self, caller: Line, row: Row, seen: Seen, enough: int, *, go_on: bool) -> None:
        """Take answers until there are enough or the connection ends; to `go_on`, a 100 will do."""
        while not seen.closed and len(seen.outcomes) < enough:
            answer = await _answer(caller, _method(row))
            if answer is None:
                seen.closed = True
            elif answer.status >= 200:
                seen.outcomes.append(_outcome(answer, row, seen))
            else:
                seen.hints.append(answer.status)
                if go_on:
                    return

    async def _hear_nothing(self, caller: Line, row: Row, seen: Seen) -> None:
        try:
            answer = await _answer(caller, _method(row), _SILENCE)
        except TimeoutError:
            return
        if answer is not None:
            seen.outcomes.append(answer.status)

    async def _probe(self, caller: Line, row: Row, seen: Seen) -> None:
        """See that the line is still in step, or closed: a plain call on it gets its own answer next, or none."""
        key = [("X-Api-Key", self.key)] if self.key else []
        await _send(caller, request("GET", PATH, ("X-Row", f"{row.id}!"), ("Connection", "close"), *key), 0)
        answer = await _answer(caller, "GET")
        if answer is None:
            seen.closed = True
        elif (answer.status, answer.field("x-row")) != ((200, f"{row.id}!") if self.known else (401, None)):
            seen.wrong.append(f"then the line was out of step: {answer.status}")
        elif not await asyncio.wait_for(caller.ended(), _PATIENCE):
            seen.wrong.append("then more came than was asked")

    def _upstream_faults(self, row: Row, expected: Sequence[Outcome]) -> Iterator[str]:
        came, forwarded = self.upstream.messages.get(row.id, []), expected.count(FORWARDED)
        if len(came) != forwarded:
            yield f"{len(came)} reached the upstream instead of {forwarded}"
            return
        sent = _forwarded(b"".join(self._steps(row)), expected) if forwarded else []
        for one, other in zip(sent, came, strict=True):
            yield from differences(one, other, f"localhost:{self.upstream.port}".encode())

    def _steps(self, row: Row) -> list[bytes]:
        """Return the row's octets with host, lengths, key and mark in place."""
        key = f"X-Api-Key: {self.key}\r\n" if self.key else ""
        host, lines = f"localhost:{self.here.port}", f"{key}X-Row: {row.id}\r\n"
        return [_filled(step, host.encode(), lines.encode()) for step in row.steps]


def _outcome(answer: Answer, row: Row, seen: Seen) -> Outcome:
    if "received-status" not in str(answer.field("proxy-status")):
        return answer.status
    if answer.field("x-row") != row.id:
        seen.wrong.append(f"got the answer of {answer.field('x-row')}")
    return FORWARDED


def _method(row: Row) -> str:
    return "HEAD" if row.steps[0].lstrip().startswith(b"HEAD ") else "GET"


def _may_be_asked_on(row: Row, expected: Sequence[Outcome]) -> bool:
    octets = row.steps[0]
    return FORWARDED in expected and b"expect:" in octets.lower() and b" HTTP/1.0\r\n" not in octets


def _forwarded(octets: bytes, expected: Sequence[Outcome]) -> list[Message]:
    """Return those requests in `octets` that are to be forwarded, as a strict reader has them."""
    messages = []
    for outcome in expected:
        try:
            taken = read_request(octets.removeprefix(b"\r\n"))
        except Unsafe:
            assert outcome != FORWARDED
            break
        assert taken is not None
        message, octets = taken
        if outcome == FORWARDED:
            messages.append(message)
    return messages


async def _send(caller: Line, octets: bytes, piece: int) -> None:
    try:
        for start in range(0, len(octets), piece or len(octets) or 1):
            await caller.send(octets[start : start + piece] if piece else octets)
            await asyncio.sleep(0)
    except OSError:
        return  # closed meanwhile: what came before that can still be read


async def _answer(caller: Line, method: str, seconds: float = _PATIENCE) -> Answer | None:
    """Return the next answer, or None when the connection ends without one."""
    try:
        async with asyncio.timeout(seconds):
            return await caller.answer(to=method)
    except CutOff:
        return None


def _filled(octets: bytes, host: bytes, lines: bytes) -> bytes:
    def length(match: re.Match[bytes]) -> bytes:
        number = int(match[2]) + int(match[3]) * len(host)
        return b"%x" % number if match[1] else b"%d" % number

    octets = re.sub(rb"\{(HEX)?LEN:(\d+)\+(\d+)\*HOST\}", length, octets)
    return octets.replace(b"{HOST}", host).replace(b"{AUTH}", lines)
