"""A call's own direction: the body follows as the upstream takes it, and never looks complete when it is not."""

import asyncio
import ssl
from pathlib import Path

import pytest

from relay.errors import (
    CallerGone,
    MalformedRequest,
    RelayError,
    Sent,
    SystemCertificateUnanswered,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from relay.upstream.connection import Connection
from tests.kit import upstream as kit
from tests.kit.door import HASTY, Pieces, ajar, until, whole

REFUSED = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"


async def test_a_body_here_already_leaves_with_the_head(tmp_path: Path) -> None:
    async with kit.running() as upstream, ajar(tmp_path, upstream.port) as out:
        await out.fetch("POST", b"question")
    assert upstream.requests[0].body == b"question"


async def test_a_body_that_comes_in_pieces_goes_out_in_chunks_as_it_comes(tmp_path: Path) -> None:
    body = Pieces()
    async with kit.running() as upstream, ajar(tmp_path, upstream.port) as out:
        calling = asyncio.create_task(out.fetch("POST", body))
        body.come(b"ques")
        await until(lambda: b"ques" in upstream.octets)
        assert not calling.done()
        body.come(b"tion")
        body.end()
        assert (await calling)[1] == b"<a/>"
    assert upstream.requests[0].body == b"question"


@pytest.mark.parametrize("fault", [CallerGone(), MalformedRequest("bad chunk")], ids=["gone", "malformed"])
async def test_a_body_that_breaks_off_never_looks_complete(
    tmp_path: Path, fault: CallerGone | MalformedRequest
) -> None:
    body = Pieces()
    async with kit.running() as upstream, ajar(tmp_path, upstream.port) as out:
        calling = asyncio.create_task(out.call("POST", body))
        body.come(b"half")
        await until(lambda: b"half" in upstream.octets)
        body.come(fault)
        with pytest.raises(type(fault)):
            await calling
        await until(lambda: upstream.open == 0)
        assert repr(out.door).endswith("0 busy, 0 idle>>")
    assert b"\r\n0\r\n" not in upstream.octets
    assert upstream.requests[0].body == b""  # the kit keeps whole bodies only


async def test_an_early_refusal_stops_the_body_and_reaches_the_caller(tmp_path: Path) -> None:
    going_on = asyncio.Event()

    async def refuse_at_once(exchange: kit.Exchange) -> None:
        await exchange.answer(REFUSED[:-2])
        await going_on.wait()
        await exchange.answer(REFUSED[-2:])

    body = Pieces()
    async with kit.running(before_body=refuse_at_once) as upstream, ajar(tmp_path, upstream.port) as out:
        calling = asyncio.create_task(out.call("POST", body))
        body.come(b"half")
        passage = await calling
        body.come(b"other half")
        await asyncio.sleep(0.02)
        going_on.set()
        assert passage.head.status == 413
        assert await whole(passage) == b"no"
        passage.close()
        await until(lambda: upstream.open == 0)
    assert b"other half" not in upstream.octets


async def test_a_success_before_the_bodys_end_lets_the_body_go_on(tmp_path: Path) -> None:
    async def begin_at_once(exchange: kit.Exchange) -> None:
        await exchange.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")

    async def end(exchange: kit.Exchange) -> None:
        await exchange.answer(b"ok")

    body = Pieces()
    async with kit.running(end, before_body=begin_at_once) as upstream, ajar(tmp_path, upstream.port) as out:
        calling = asyncio.create_task(out.call("POST", body))
        body.come(b"half")
        passage = await calling
        body.come(b" and half")
        body.end()
        assert await whole(passage) == b"ok"
        passage.close()
    assert upstream.requests[0].body == b"half and half"


async def test_the_deadline_for_an_answer_starts_when_all_has_been_sent(tmp_path: Path) -> None:
    body = Pieces()
    async with kit.running(kit.answering(b"")) as upstream, ajar(tmp_path, upstream.port, patience=HASTY) as out:
        calling = asyncio.create_task(out.call("POST", body))
        body.come(b"half")
        await asyncio.sleep(0.15)
        assert not calling.done()
        body.end()
        with pytest.raises(UpstreamTimeout):
            await calling


async def test_the_sender_is_held_back_while_the_upstream_takes_nothing(tmp_path: Path) -> None:
    going_on = asyncio.Event()

    async def wait(exchange: kit.Exchange) -> None:
        await going_on.wait()

    body, size = Pieces(), 256 * 1024
    async with kit.running(before_body=wait) as upstream, ajar(tmp_path, upstream.port) as out:
        for _ in range(64):
            body.come(bytes(size))
        body.end()
        calling = asyncio.create_task(out.fetch("POST", body))
        await asyncio.sleep(0.3)
        assert body.taken < 48 * size
        going_on.set()
        async with asyncio.timeout(5):
            await calling
    assert len(upstream.requests[0].body) == 64 * size


@pytest.mark.parametrize(
    ("version", "kind"),
    [(ssl.TLSVersion.TLSv1_2, UpstreamUnreachable), (ssl.TLSVersion.TLSv1_3, SystemCertificateUnanswered)],
    ids=["TLS 1.2", "TLS 1.3"],
)
async def test_an_end_between_handshake_and_sending_is_told_at_once_as_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: ssl.TLSVersion, kind: type[RelayError]
) -> None:
    """Nobody would ever answer on such a connection; the caller may repeat, for nothing was sent.

    On TLS 1.2 our certificate was accepted by then; on TLS 1.3 this is how it is refused without a word.
    """
    made = Connection.connection_made

    def made_and_lost(connection: Connection, transport: asyncio.BaseTransport) -> None:
        made(connection, transport)
        connection.close(gently=False)

    monkeypatch.setattr(Connection, "connection_made", made_and_lost)
    context = kit.upstream_context()
    context.maximum_version = version
    async with kit.running(context=context) as upstream, ajar(tmp_path, upstream.port) as out:
        with pytest.raises(kind) as told:
            await out.call()
    assert told.value.sent is Sent.NO
    assert upstream.requests == []
