"""A call with a key of the caller's own goes at most once, whatever becomes of it and however often it is asked for."""

import asyncio
from pathlib import Path

import orjson
import pytest
from lxml import etree

from tests.kit import authority
from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import Answer, line, request
from tests.kit.relay import PASSWORD, PATH, Relay, relay

CLAIMS = "/acc/claims/v1"
KEY = ("Idempotency-Key", '"8e03978e-40d5-43e8-bc93-6894a57f9324"')


async def _asked(
    here: Relay, *fields: tuple[str, str], method: str = "POST", path: str = CLAIMS, body: bytes | None = b"claim"
) -> Answer:
    async with line(here.port) as caller:
        call = request(method, path, here.authorised, *fields, body=body)
        return await (await caller.send(call)).answer(to=method)


def _problem(answer: Answer) -> dict[str, object]:
    problem = orjson.loads(answer.body)
    assert isinstance(problem, dict)
    assert problem["status"] == answer.status
    return problem


async def _closes(exchange: kit.Exchange) -> None:
    exchange.writer.close()


async def test_a_repeat_hears_what_became_of_the_first_and_does_not_go(tmp_path: Path) -> None:
    created = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
    async with kit.running(kit.answering(created)) as upstream, relay(tmp_path, upstream.port) as here:
        assert (await _asked(here, KEY)).status == 201
        for _ in range(2):
            problem = _problem(await _asked(here, KEY))
            assert (problem["status"], problem["code"], problem["sent"]) == (409, "already_sent", "true")
            assert (problem["first_outcome"], problem["first_status"]) == ("answered", 201)
            assert str(problem["first_at"]).endswith("Z")
            assert "was not sent" in str(problem["remedy"])
        assert [line["sent"] for line in here.exchanges] == ["true", "false", "false"]
        assert [line.get("cause") for line in here.exchanges] == [None, "already_sent", "already_sent"]
        assert "relay_idempotency_keys 1.0" in await here.scrape()
        assert b"8e03978e" not in here.out.getvalue()
        assert (await _asked(here, ("Idempotency-Key", "another"))).status == 201
        assert (await _asked(here)).status == 201
        assert (await _asked(here)).status == 201
    assert len(upstream.requests) == 4
    assert b"Idempotency-Key: %b\r\n" % KEY[1].encode() in upstream.requests[0].head, "it travels as it came"


async def test_while_the_first_is_in_progress_others_are_told_so(tmp_path: Path) -> None:
    going_on = asyncio.Event()

    async def script(exchange: kit.Exchange) -> None:
        await going_on.wait()
        await exchange.answer(kit.OK)

    async with kit.running(script) as upstream, relay(tmp_path, upstream.port) as here:
        first = asyncio.create_task(_asked(here, KEY))
        await until(lambda: upstream.requests)
        problem = _problem(await _asked(here, KEY))
        assert (problem["status"], problem["code"], problem["sent"]) == (409, "in_progress", "unknown")
        going_on.set()
        assert (await first).status == 200
        assert _problem(await _asked(here, KEY))["code"] == "already_sent"
    assert len(upstream.requests) == 1


async def test_of_many_at_once_one_goes(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        answers = await asyncio.gather(*(_asked(here, KEY) for _ in range(20)))
        statuses = sorted(answer.status for answer in answers)
    assert statuses == [200] + [409] * 19
    assert len(upstream.requests) == 1


async def test_what_was_provably_not_sent_frees_its_key(tmp_path: Path) -> None:
    async with kit.running() as upstream:
        port = upstream.port
    async with relay(tmp_path, port) as here:
        for _ in range(3):
            problem = _problem(await _asked(here, KEY))
            assert (problem["status"], problem["code"], problem["sent"]) == (503, "upstream_unreachable", "false")
        assert "relay_idempotency_keys 0.0" in await here.scrape()


@pytest.mark.parametrize(("path", "status"), [(CLAIMS, 409), (PATH, 502)], ids=["claims", "repeatable"])
async def test_what_may_have_been_processed_does_not_go_again_even_where_a_repeat_does_no_harm(
    tmp_path: Path, path: str, status: int
) -> None:
    async with kit.running(_closes) as upstream, relay(tmp_path, upstream.port) as here:
        first = _problem(await _asked(here, KEY, path=path))
        assert (first["status"], first["sent"]) == (status, "unknown")
        again = _problem(await _asked(here, KEY, path=path))
        assert (again["status"], again["code"], again["sent"]) == (409, "already_sent", "unknown")
        assert again["first_outcome"] == "unknown"
        assert "first_status" not in again
    assert len(upstream.requests) == 1


async def test_a_caller_that_left_can_ask_what_became_of_its_call(tmp_path: Path) -> None:
    going_on = asyncio.Event()

    async def script(exchange: kit.Exchange) -> None:
        await going_on.wait()
        await exchange.answer(kit.OK)

    async with kit.running(script) as upstream, relay(tmp_path, upstream.port) as here:
        async with line(here.port) as caller:
            await caller.send(request("POST", CLAIMS, here.authorised, KEY, body=b"claim"))
            await until(lambda: upstream.requests and upstream.requests[0].body)
            caller.hang_up()
        await asyncio.sleep(0.05)
        assert _problem(await _asked(here, KEY))["code"] == "in_progress"
        going_on.set()
        await until(lambda: len(here.exchanges) == 2)
        assert _problem(await _asked(here, KEY))["first_status"] == 200
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "other",
    [{"body": b"another"}, {"path": CLAIMS + "?x=1"}, {"path": PATH}, {"method": "PUT"}],
    ids=["body", "query", "path", "method"],
)
async def test_a_key_used_for_another_call_is_422_and_nothing_goes(tmp_path: Path, other: dict[str, object]) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        assert (await _asked(here, KEY)).status == 200
        problem = _problem(await _asked(here, KEY, **other))  # type: ignore[arg-type]  # each of its own kind
        assert (problem["status"], problem["code"], problem["sent"]) == (422, "idempotency_key_reused", "false")
    assert len(upstream.requests) == 1


async def test_a_body_in_pieces_keeps_its_key_however_it_comes_again(tmp_path: Path) -> None:
    chunked = ("Transfer-Encoding", "chunked")
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        async with line(here.port) as caller:
            await caller.send(request("POST", CLAIMS, here.authorised, KEY, chunked))
            await until(lambda: upstream.requests)
            assert (await (await caller.send(b"5\r\nclaim\r\n0\r\n\r\n")).answer()).status == 200
        assert _problem(await _asked(here, KEY))["code"] == "already_sent"
    assert upstream.requests[0].body == b"claim"


async def test_a_repeat_is_told_before_its_body_is_asked_for(tmp_path: Path) -> None:
    expecting = [("Expect", "100-continue"), ("Content-Length", "5")]
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        await caller.send(request("POST", CLAIMS, here.authorised, KEY, *expecting))
        assert (await caller.answer()).status == 100
        assert (await (await caller.send(b"claim")).answer()).status == 200
        answer = await (await caller.send(request("POST", CLAIMS, here.authorised, KEY, *expecting))).answer()
    assert (answer.status, _problem(answer)["code"]) == (409, "already_sent")
    assert len(upstream.requests) == 1


async def test_a_call_that_is_safe_needs_no_key_and_goes_as_often_as_it_is_asked_for(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        for method in ("GET", "GET", "HEAD", "OPTIONS"):
            assert (await _asked(here, KEY, method=method, body=None)).status == 200
    assert len(upstream.requests) == 4


@pytest.mark.parametrize("fields", [[""], ["x" * 256], ["a", "a"]], ids=["empty", "long", "twice"])
async def test_what_is_no_key_is_400_and_nothing_goes(tmp_path: Path, fields: list[str]) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        answer = await _asked(here, *(("Idempotency-Key", value) for value in fields))
        assert (answer.status, _problem(answer)["code"]) == (400, "malformed_request")
    assert upstream.connections == 0


async def test_a_client_may_name_a_field_of_its_own(tmp_path: Path) -> None:
    changes = {"clients.dynamics.idempotency_field": "X-MS-Correlation-Request-Id"}
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        for status in (200, 409):
            assert (await _asked(here, ("x-ms-correlation-request-id", "1"))).status == status
        for _ in range(2):
            assert (await _asked(here, KEY)).status == 200
    assert len(upstream.requests) == 3


async def test_when_no_more_keys_can_be_remembered_calls_with_new_ones_wait_and_others_go(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes={"ledger.most": 1}) as here:
        assert (await _asked(here, KEY)).status == 200
        answer = await _asked(here, ("Idempotency-Key", "2"))
        problem = _problem(answer)
        assert (problem["status"], problem["code"], problem["sent"]) == (503, "ledger_unavailable", "false")
        assert answer.field("retry-after") == "60"
        assert (await _asked(here)).status == 200
        assert (await _asked(here, KEY)).status == 409
    assert len(upstream.requests) == 2


async def test_a_call_that_the_guard_holds_back_keeps_no_key(tmp_path: Path) -> None:
    too_many = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
    async with kit.running(kit.answering(too_many)) as upstream, relay(tmp_path, upstream.port) as here:
        assert (await _asked(here, KEY)).status == 429
        for _ in range(2):
            problem = _problem(await _asked(here, ("Idempotency-Key", "held")))
            assert (problem["status"], problem["code"], problem["sent"]) == (503, "quota_stopped", "false")
        assert _problem(await _asked(here, KEY))["first_status"] == 429
    assert len(upstream.requests) == 1


async def test_a_soap_caller_is_told_in_a_fault(tmp_path: Path) -> None:
    fields = [("Content-Type", "text/xml"), ("SOAPAction", '""'), KEY]
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        assert (await _asked(here, *fields)).status == 200
        answer = await _asked(here, *fields)
    assert answer.status == 409
    [problem] = etree.fromstring(answer.body).iter("{urn:relay:problem}problem")
    told = {etree.QName(element).localname: element.text for element in problem}
    assert (told["code"], told["first-status"], told["sent"]) == ("already_sent", "200", "true")


async def test_a_call_with_a_key_goes_out_under_the_certificate_of_its_routes_family(tmp_path: Path) -> None:
    (tmp_path / "iwlz.p12").write_bytes(authority.other_system().p12(PASSWORD))
    async with kit.running() as upstream:
        place = {"upstream": f"https://localhost:{upstream.port}"}
        changes = {
            "tenants.linde.certificates.iwlz": {"file": "iwlz.p12", "password_file": "password"},
            "tenants.linde.routes": [{"name": "iwlz", "prefix": "/acc/netwerkmodel", "family": "iwlz"} | place],
        }
        async with relay(tmp_path, upstream.port, changes=changes) as here:
            assert (await _asked(here, KEY, path="/acc/netwerkmodel/v3")).status == 200
    assert [int(serial, 16) for serial in upstream.serials] == [authority.other_system().certificate.serial_number]
