"""What is kept of a refused call: enough to trace it, and nothing that was asked or answered."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from relay.gateway.refused import trace_of
from relay.message.fields import Fields
from relay.observe.history import MOST
from relay.x509.context import server_context_from
from tests.kit import authority
from tests.kit import upstream as kit
from tests.kit.line import Answer, line, request
from tests.kit.relay import PATH, Relay, relay
from tests.kit.witness import World, telling

BSN = "999979668"
TRACE = "0af7651916cd43dd8448eb211c80319c"
SECRET = "geheim-van-de-patient"
MANY = {"guard.after": 100}


def _refusing(status: str, body: str = "") -> kit.Script:
    return kit.answering(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


async def _called(here: Relay, *fields: tuple[str, str], path: str = PATH, body: bytes = b"<q/>") -> Answer:
    async with line(here.port) as caller:
        return await (await caller.send(request("POST", path, here.authorised, *fields, body=body))).answer()


async def _history(here: Relay) -> list[dict[str, Any]]:
    status, told = await here.ask_operator("/history")
    assert status == 200
    refusals: list[dict[str, Any]] = json.loads(told)["refusals"]
    return refusals


async def test_it_has_what_a_person_needs_to_trace_it(tmp_path: Path) -> None:
    async with kit.running(kit.answering(kit.OK)) as upstream, relay(tmp_path, upstream.port) as here:
        assert (await _called(here)).status == 200
        assert await _history(here) == []
        upstream.script = _refusing("403 Forbidden")
        answer = await _called(here, ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"))
        [told] = await _history(here)
        [_, noted] = here.exchanges
    assert told == {
        "at": noted["timestamp"],
        "id": answer.field("x-relay-request-id"),
        "trace": TRACE,
        "tenant": "linde",
        "environment": "acceptance",
        "family": "soap",
        "way": "linde",
        "route": "cov",
        "egress": "127.0.0.9",
        "certificate": answer.field("x-relay-certificate"),
        "cause": "address_or_blocked",
        "status": 403,
        "reason": "Forbidden",
        "sent": "true",
        "last_good": told["last_good"],
    }
    good = datetime.fromisoformat(told["last_good"])
    assert f"{good:%Y-%m-%dT%H:%M:%SZ}" == answer.field("x-relay-last-good")


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("401 Unauthorized", "functional"),
        ("403 Invalid Client Certificate", "certificate_invalid"),
        ("429 Too Many Requests", "quota"),
    ],
)
async def test_the_kin_of_a_403_is_there_as_well(tmp_path: Path, status: str, cause: str) -> None:
    async with kit.running(_refusing(status, "{}")) as upstream, relay(tmp_path, upstream.port) as here:
        await _called(here)
        [told] = await _history(here)
    assert (told["cause"], f"{told['status']} {told['reason']}", told["last_good"]) == (cause, status, None)


@pytest.mark.parametrize("status", ["404 Not Found", "500 Internal Server Error", "502 Bad Gateway", "200 OK"])
async def test_what_is_no_refusal_is_not_there(tmp_path: Path, status: str) -> None:
    async with kit.running(_refusing(status, "x")) as upstream, relay(tmp_path, upstream.port) as here:
        await _called(here)
        assert await _history(here) == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
async def test_a_certificate_that_tls_refuses_is_there_and_was_not_sent(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    strange = server_context_from(authority.server().chain_pem(), authority.server().key_pem())
    strange.maximum_version = version
    strange.verify_mode = ssl.CERT_REQUIRED
    strange.load_verify_locations(cadata=authority.foreign_authority().trust_pem().decode())
    async with kit.refusing(strange) as port, relay(tmp_path, port) as here:
        assert (await _called(here)).status == 503
        [told] = await _history(here)
    assert (told["cause"], told["status"], told["reason"]) == ("system_certificate_foreign", 0, "")
    assert (told["sent"], told["egress"]) == ("false", "127.0.0.9")
    assert int(told["certificate"], 16) == authority.system().certificate.serial_number


async def test_a_call_that_is_held_is_not_there_for_nobody_refused_it(tmp_path: Path) -> None:
    changes = {"guard.after": 1, "guard.first_pause": 60}
    async with (
        kit.running(_refusing("403 Forbidden")) as upstream,
        relay(tmp_path, upstream.port, changes=changes) as here,
    ):
        statuses = [(await _called(here)).status for _ in range(3)]
        assert statuses == [403, 503, 503]
        assert len(await _history(here)) == 1


@asynccontextmanager
async def _with_two_egresses(folder: Path, refused: str) -> AsyncIterator[Relay]:
    async def gate(exchange: kit.Exchange) -> None:
        peer = exchange.writer.get_extra_info("peername")[0]
        await exchange.answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n" if peer == refused else kit.OK)

    async with kit.running(gate) as upstream, telling(World()) as world:
        changes: dict[str, object] = {
            "egress_proof.witnesses": [{"url": world.url, "trust": "trust.pem"}],
            "tenants.linde.egress": [{"source_address": "127.0.0.9"}, {"source_address": "127.0.0.10"}],
            "tenants.linde.other_egress": True,
        }
        async with relay(folder, upstream.port, changes=changes) as here:
            yield here


@pytest.mark.one_process
async def test_a_refusal_is_there_though_the_call_passed_from_another_egress(tmp_path: Path) -> None:
    async with _with_two_egresses(tmp_path, refused="127.0.0.9") as here:
        assert (await _called(here)).status == 200
        [told] = await _history(here)
    assert (told["egress"], told["cause"]) == ("127.0.0.9", "address_or_blocked")


async def test_a_flood_leaves_the_latest_and_no_more(tmp_path: Path) -> None:
    async with (
        kit.running(_refusing("403 Forbidden", "not for you")) as upstream,
        relay(tmp_path, upstream.port, changes=MANY) as here,
    ):
        async with line(here.port) as caller:
            ids = []
            for _ in range(3 * MOST):
                answer = await (await caller.send(request("POST", PATH, here.authorised, body=b"x"))).answer()
                ids.append(answer.field("x-relay-request-id"))
        told = await _history(here)
    assert [each["id"] for each in told] == ids[: -MOST - 1 : -1]


async def test_nothing_that_was_asked_or_answered_shows(tmp_path: Path) -> None:
    long = "x" * 500
    script = _refusing(f"403 Niet\x85 voor {BSN} {long}", f'{{"bsn": "{BSN}", "why": "{SECRET}"}}')
    async with kit.running(script) as upstream, relay(tmp_path, upstream.port) as here:
        await _called(
            here,
            ("traceparent", f"00-{BSN:0>32}-{BSN:0>16}-01"),
            ("X-B3-TraceId", f"{BSN:0>16}"),
            ("X-Relay-Actor", SECRET),
            ("X-Correlation-Id", SECRET),
            path=f"{PATH}/{BSN}/{SECRET}?bsn={BSN}&code={SECRET}",
            body=f"<Bsn>{BSN}</Bsn>{SECRET}".encode(),
        )
        status, page = await here.ask_operator("/history")
        [told] = json.loads(page)["refusals"]
        assert status == 200
        for secret in (BSN, SECRET, here.key):
            assert secret not in page
    assert told["trace"] == ""
    assert len(told["reason"]) <= 120
    assert told["reason"].isprintable()


@pytest.mark.parametrize(
    ("fields", "trace"),
    [
        ([(b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode())], TRACE),
        ([(b"X-B3-TraceId", TRACE.upper().encode())], TRACE.upper()),
        ([(b"X-B3-TraceId", b"a3ce929d0e0e4736")], "a3ce929d0e0e4736"),
        ([(b"traceparent", b"nonsense"), (b"X-B3-TraceId", b"a3ce929d0e0e4736")], "a3ce929d0e0e4736"),
        ([(b"traceparent", b"00-%b-" % (b"1" * 32))], ""),
        ([(b"X-B3-TraceId", b"a3ce929d0e0e4736 and more")], ""),
        ([(b"X-B3-TraceId", b"<script>")], ""),
        ([], ""),
    ],
)
def test_a_trace_id_is_one_that_a_machine_made_or_none(fields: list[tuple[bytes, bytes]], trace: str) -> None:
    assert trace_of(Fields(fields)) == trace


async def test_only_the_operators_port_tells_it(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        answer = await (await caller.send(request("GET", "/history", here.authorised))).answer()
    assert answer.status == 404
