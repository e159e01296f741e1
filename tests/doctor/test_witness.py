"""A witness is asked from the egress, without a certificate, and believed only when it tells one IPv4 address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from relay.doctor.witness import WitnessSilent, Word, ask
from relay.upstream.egress import Egress
from relay.x509.context import client_context
from tests.kit import authority as kit
from tests.kit import upstream

EGRESS = Egress(IPv4Address("127.0.0.9"), IPv4Address("127.0.0.9"))


@asynccontextmanager
async def _witness(body: bytes, *, status: bytes = b"200 OK") -> AsyncIterator[upstream.Upstream]:
    head = b"HTTP/1.1 %b\r\nDate: Wed, 25 Nov 2026 15:02:00 GMT\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
    context = upstream.upstream_context(client_certificate=False)
    async with upstream.running(upstream.answering(head + body), context) as there:
        yield there


async def _ask(folder: Path, there: upstream.Upstream) -> Word:
    (folder / "trust.pem").write_bytes(kit.authority().trust_pem())
    return await ask(f"https://localhost:{there.port}/x", EGRESS, client_context(None, trust=folder / "trust.pem"))


@pytest.mark.parametrize(
    "body", [b"203.0.113.10", b"203.0.113.10\n", b'{"ip": "203.0.113.10"}', b'{"address":"203.0.113.10","x":1}']
)
async def test_an_address_is_understood_as_text_and_in_json(tmp_path: Path, body: bytes) -> None:
    async with _witness(body) as there:
        word = await _ask(tmp_path, there)
        assert there.requests[0].writer.get_extra_info("peername")[0] == "127.0.0.9"
    assert word == Word(IPv4Address("203.0.113.10"), datetime(2026, 11, 25, 15, 2, tzinfo=UTC))
    assert there.serials == [""]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"2001:db8::1", b"{}", b"{", b'{"ip": ["203.0.113.10"]}', b"[1]", b"\xff"]
)
async def test_anything_else_tells_nothing(tmp_path: Path, body: bytes) -> None:
    async with _witness(body) as there:
        with pytest.raises(WitnessSilent):
            await _ask(tmp_path, there)


async def test_an_answer_other_than_200_tells_nothing(tmp_path: Path) -> None:
    async with _witness(b"203.0.113.10", status=b"302 Found") as there:
        with pytest.raises(WitnessSilent, match="302"):
            await _ask(tmp_path, there)


async def test_a_witness_that_is_not_trusted_tells_nothing() -> None:
    async with _witness(b"203.0.113.10") as there:
        with pytest.raises(WitnessSilent, match="cannot be asked"):
            await ask(f"https://localhost:{there.port}/", EGRESS, client_context(None, trust=None))
