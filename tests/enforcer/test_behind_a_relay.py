"""A relay before the gate: what the gate words as the service's own is handed through, and counts for no address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from relay.registry.domain.mandates import Service
from relay.registry.domain.snapshot import Snapshot
from tests.kit import authority as kit
from tests.kit.cov import headers, question
from tests.kit.door import until
from tests.kit.gate import Gate, book, running
from tests.kit.line import Answer, line
from tests.kit.relay import PATH, Relay, relay

EGRESS = "127.0.0.9"
UNAUTHORISED = book([kit.system()], [EGRESS], services=[Service.CLAIMS])
AUTHORISED = book([kit.system()], [EGRESS])
UNREGISTERED = book([kit.system()], [])


@asynccontextmanager
async def relayed(folder: Path, snapshot: Snapshot) -> AsyncIterator[tuple[Gate, Relay]]:
    async with running(Gate(book=snapshot)) as gate, relay(folder, gate.port) as here:
        yield gate, here


async def asked(here: Relay, *, soap: bool = True) -> Answer:
    body = question() if soap else b""
    told = headers() if soap else {}
    fields = "".join(f"{name}: {value}\r\n" for name, value in {**told, "X-Api-Key": here.key}.items())
    method, path = ("POST", PATH) if soap else ("GET", f"{PATH}?wsdl")
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
    async with line(here.port) as caller:
        return await (await caller.send(head.encode() + body)).answer()


@pytest.mark.parametrize("soap", [True, False], ids=["SOAP", "JSON"])
async def test_a_missing_authorisation_is_handed_through_and_holds_nothing(tmp_path: Path, soap: bool) -> None:
    async with relayed(tmp_path, UNAUTHORISED) as (gate, here):
        refused = [await asked(here, soap=soap) for _ in range(12)]
        gate.book = AUTHORISED
        passed = await asked(here, soap=soap)
        await until(lambda: len(here.exchanges) == 13)
    assert {each.status for each in refused} == {500 if soap else 403}
    assert all(b"service_not_authorised" in each.body for each in refused)
    assert passed.status == 200
    assert {line.get("cause") for line in here.exchanges[:12]} == ({None} if soap else {"functional"})
    assert len(gate.passages) == 13  # the guard kept no call back


async def test_an_unregistered_address_is_told_for_what_it_is(tmp_path: Path) -> None:
    async with relayed(tmp_path, UNREGISTERED) as (_, here):
        refused = await asked(here)
        await until(lambda: len(here.exchanges) == 1)
    assert refused.status == 403
    assert here.exchanges[0]["cause"] == "address_or_blocked"
