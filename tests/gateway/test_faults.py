"""What goes wrong on the way, told in the caller's words: each fault end to end, over real sockets."""

import asyncio
import ssl
from pathlib import Path

import orjson
import pytest
from lxml import etree

from relay.front import listener
from relay.x509.context import server_context_from
from tests.kit import authority
from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import Answer, CutOff, line, request
from tests.kit.relay import PASSWORD, PATH, Relay, relay


@pytest.fixture(autouse=True)
def lingering_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the end of a refused call waits for this."""
    monkeypatch.setattr(listener, "LINGER_SECONDS", 0.1)


CLAIMS = "/acc/claims/v1"
SOON = {"deadlines.first_byte": 0.2, "deadlines.connect": 0.3, "deadlines.tls": 0.3, "deadlines.total": 3}


def _problem(answer: Answer) -> dict[str, object]:
    assert answer.field("content-type") == "application/problem+json"
    problem = orjson.loads(answer.body)
    assert isinstance(problem, dict)
    assert problem["status"] == answer.status
    assert problem["request_id"] == answer.field("x-relay-request-id")
    assert str(answer.field("proxy-status")).startswith("relay")
    assert problem["remedy"]
    return problem


async def _asked(here: Relay, method: str = "POST", path: str = PATH, *fields: tuple[str, str]) -> Answer:
    """Make one call on a connection of its own."""
    async with line(here.port) as caller:
        body = None if method in ("GET", "HEAD") else b"<question/>"
        call = request(method, path, here.authorised, *fields, body=body)
        return await (await caller.send(call)).answer(to=method)


# -- before anything is sent ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [PATH, CLAIMS], ids=["repeatable", "not repeatable"])
async def test_an_upstream_whose_name_is_unknown_is_503_and_not_sent(tmp_path: Path, path: str) -> None:
    routes = [{"name": "x", "prefix": "/acc", "upstream": "https://nowhere.invalid"}]
    async with relay(tmp_path, 1, changes={"tenants.linde.routes": routes}) as here:
        answer = await _asked(here, "POST", path)
    problem = _problem(answer)
    assert (answer.status, problem["code"], problem["sent"]) == (503, "upstream_name_unknown", "false")
    assert answer.field("retry-after") == str(problem["retry_after"])
    assert "nowhere.invalid" in str(problem["detail"])


async def test_an_upstream_that_is_not_there_is_503_and_not_sent(tmp_path: Path) -> None:
    async with kit.running() as upstream:
        port = upstream.port
    async with relay(tmp_path, port, changes=SOON) as here:
        answer = await _asked(here, "POST", CLAIMS)
        assert here.exchanges[0]["sent"] == "false"
    assert (answer.status, _problem(answer)["code"]) == (503, "upstream_unreachable")


async def test_an_upstream_that_is_not_trusted_is_503_and_gets_no_byte(tmp_path: Path) -> None:
    theirs = authority.foreign_authority().issue_server(["localhost"], [], at=authority.AT)
    context = server_context_from(theirs.chain_pem(), theirs.key_pem())
    async with kit.running(context=context) as upstream, relay(tmp_path, upstream.port) as here:
        answer = await _asked(here, "POST", CLAIMS)
    assert (answer.status, _problem(answer)["code"]) == (503, "upstream_untrusted")
    assert upstream.octets == b""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda v: v.name)
async def test_a_refused_system_certificate_is_503_and_says_whose_it_is(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    context = kit.upstream_context()
    context.minimum_version = context.maximum_version = version
    foreign = authority.foreign().p12(PASSWORD)
    async with kit.refusing(context) as port, relay(tmp_path, port, certificate=foreign) as here:
        answer = await _asked(here, "POST", CLAIMS)
    problem = _problem(answer)
    assert (answer.status, problem["code"], problem["sent"]) == (503, "system_certificate_foreign", "false")


# -- after the call may have been processed ------------------------------------------------------------------


async def _closes(exchange: kit.Exchange) -> None:
    exchange.writer.close()


async def _resets(exchange: kit.Exchange) -> None:
    exchange.reset()


async def _babbles(exchange: kit.Exchange) -> None:
    await exchange.answer(b"220 mail.example ESMTP\r\n\r\n")


async def _is_silent(exchange: kit.Exchange) -> None:
    await exchange.answer(b"")


async def _cut_in_its_head(exchange: kit.Exchange) -> None:
    await exchange.answer(b"HTTP/1.1 200 OK\r\nContent-Le")
    exchange.writer.close()


FAILURES = pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        (_closes, 502, "upstream_closed"),
        (_resets, 502, "upstream_closed"),
        (_babbles, 502, "upstream_invalid"),
        (_is_silent, 504, "upstream_timeout"),
    ],
    ids=["closes", "resets", "babbles", "silent"],
)


@FAILURES
async def test_where_a_repeat_does_no_harm_a_failure_may_be_told_as_one(
    tmp_path: Path, script: kit.Script, status: int, code: str
) -> None:
    async with kit.running(script) as upstream, relay(tmp_path, upstream.port, changes=SOON) as here:
        answers = [await _asked(here, "POST", PATH), await _asked(here, "GET", CLAIMS)]
        assert {line["sent"] for line in here.exchanges} == {"unknown"}
    for answer in answers:
        problem = _problem(answer)
        assert (answer.status, problem["code"], problem["sent"]) == (status, code, "unknown")
    assert len(upstream.requests) == 2


@FAILURES
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_where_a_repeat_may_do_harm_a_failure_is_409_so_that_nobody_repeats_it(
    tmp_path: Path, script: kit.Script, status: int, code: str, method: str
) -> None:
    async with kit.running(script) as upstream, relay(tmp_path, upstream.port, changes=SOON) as here:
        answer = await _asked(here, method, CLAIMS)
    problem = _problem(answer)
    assert (answer.status, problem["code"], problem["sent"]) == (409, "outcome_unknown", "unknown")
    assert answer.field("retry-after") is None
    assert "Do not send it again" in str(problem["remedy"])
    assert len(upstream.requests) == 1


@FAILURES
async def test_a_client_that_never_repeats_is_told_of_a_failure_but_not_that_a_repeat_does_no_harm(
    tmp_path: Path, script: kit.Script, status: int, code: str
) -> None:
    changes = SOON | {"clients.dynamics.never_repeats": True}
    async with kit.running(script) as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        problem = _problem(await _asked(here, "POST", CLAIMS))
        assert here.exchanges[0]["remedy"] == problem["remedy"]
    assert (problem["status"], problem["code"], problem["sent"]) == (status, code, "unknown")
    assert "Do not send it again" in str(problem["remedy"])


@pytest.mark.parametrize(
    ("family", "where"),
    [("soap", "return information"), ("messages", "message status"), ("iwlz", "PEP")],
)
async def test_an_unknown_outcome_says_where_this_kind_of_service_tells_it(
    tmp_path: Path, family: str, where: str
) -> None:
    async with kit.running(_closes) as upstream:
        routes = [{"name": "x", "prefix": "/x", "upstream": f"https://localhost:{upstream.port}", "family": family}]
        async with relay(tmp_path, upstream.port, changes={"tenants.linde.routes": routes}) as here:
            problem = _problem(await _asked(here, "POST", "/x"))
            assert here.exchanges[0]["remedy"] == problem["remedy"]
    assert (problem["status"], problem["code"]) == (409, "outcome_unknown")
    assert where in str(problem["remedy"])
    assert "Do not send it again" in str(problem["remedy"])


async def test_a_caller_that_repeats_every_5xx_four_times_files_one_claim(tmp_path: Path) -> None:
    """Power Automate repeats 408, 429 and 5xx; what may have been processed must not read as one of these."""
    for script in (_closes, _resets, _babbles, _is_silent, _cut_in_its_head):
        async with kit.running(script) as upstream, relay(tmp_path, upstream.port, changes=SOON) as here:
            for _ in range(5):
                answer = await _asked(here, "POST", CLAIMS)
                if answer.status < 500 and answer.status not in (408, 429):
                    break
        assert answer.status == 409
        assert len(upstream.requests) == 1


async def test_the_total_deadline_strikes_an_upstream_that_keeps_the_caller_waiting(tmp_path: Path) -> None:
    changes = {"deadlines.total": 0.2}
    async with kit.running(_is_silent) as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        repeatable, not_repeatable = await _asked(here, "POST", PATH), await _asked(here, "POST", CLAIMS)
        await until(lambda: upstream.open == 0)
    assert (repeatable.status, not_repeatable.status) == (504, 409)


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
     b"HTTP/1.1 200 OK\r\n\r\n"],
    ids=["length", "chunks", "until close"],
)  # fmt: skip
async def test_an_upstream_that_hangs_up_in_its_answer_leaves_the_caller_with_a_cut(
    tmp_path: Path, head: bytes
) -> None:
    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(head + b"half ")
        await asyncio.sleep(0.05)
        exchange.reset()

    async with kit.running(script) as upstream, relay(tmp_path, upstream.port) as here:
        async with line(here.port) as caller:
            await caller.send(request("POST", PATH, here.authorised, body=b"x"))
            with pytest.raises(CutOff):
                await caller.answer()
        await until(lambda: here.exchanges)
        exchange = here.exchanges[0]
        assert (exchange["status"], exchange["cause"]) == (200, "upstream_closed")
        await until(lambda: upstream.open == 0)


async def test_an_answer_that_takes_longer_than_all_patience_is_a_cut(tmp_path: Path) -> None:
    async def script(exchange: kit.Exchange) -> None:
        await exchange.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await asyncio.sleep(5)

    changes = {"deadlines.total": 0.2}
    async with kit.running(script) as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        async with line(here.port) as caller:
            await caller.send(request("POST", PATH, here.authorised, body=b"x"))
            with pytest.raises(CutOff):
                await caller.answer()
        await until(lambda: here.exchanges)
        assert here.exchanges[0]["cause"] == "upstream_timeout"


# -- the caller's own faults ---------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
async def test_a_caller_that_hangs_up_mid_body_never_completes_a_call_upstream(tmp_path: Path, framing: str) -> None:
    name, value = framing.split(": ")
    part = b"half" if "Length" in framing else b"4\r\nhalf\r\n"
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        async with line(here.port) as caller:
            await caller.send(request("POST", CLAIMS, here.authorised, (name, value)) + part)
            await until(lambda: b"half" in upstream.octets or upstream.requests)
            caller.hang_up()
        await until(lambda: here.exchanges)
        await until(lambda: upstream.open == 0)
        exchange = here.exchanges[0]
        assert (exchange["status"], exchange["cause"], exchange["source"]) == (499, "caller_left", "caller")
        assert exchange["sent"] == "false"
    assert upstream.requests[0].body == b""
    assert b"\r\n0\r\n\r\n" not in upstream.octets


async def test_a_caller_that_leaves_a_safe_call_ends_it_upstream_too(tmp_path: Path) -> None:
    async with kit.running(_is_silent) as upstream, relay(tmp_path, upstream.port) as here:
        async with line(here.port) as caller:
            await caller.send(request("GET", PATH, here.authorised))
            await until(lambda: upstream.requests)
            caller.hang_up()
        await until(lambda: upstream.open == 0)
        await until(lambda: here.exchanges)
        assert here.exchanges[0]["status"] == 499


async def test_a_caller_that_leaves_after_its_body_has_its_outcome_noted(tmp_path: Path) -> None:
    """The claim is filed, whoever listens; so the log has to know VECOZO's word (C22)."""
    going_on = asyncio.Event()

    async def script(exchange: kit.Exchange) -> None:
        await going_on.wait()
        await exchange.answer(kit.OK)

    async with kit.running(script) as upstream, relay(tmp_path, upstream.port) as here:
        async with line(here.port) as caller:
            await caller.send(request("POST", CLAIMS, here.authorised, body=b"claim"))
            await until(lambda: upstream.requests and upstream.requests[0].body)
            caller.hang_up()
        await asyncio.sleep(0.05)
        assert here.exchanges == []
        going_on.set()
        await until(lambda: here.exchanges)
        exchange = here.exchanges[0]
        assert (exchange["status"], exchange["upstream_status"], exchange["sent"]) == (499, 200, "true")


@pytest.mark.parametrize("framed", ["length", "chunks"])
async def test_a_body_over_the_limit_is_413_and_never_complete_upstream(tmp_path: Path, framed: str) -> None:
    body, changes = b"x" * 2000, {"listen.max_body": 1000}
    if framed == "length":
        sent, field = body, ("Content-Length", "2000")
    else:
        sent, field = b"7d0\r\n%b\r\n0\r\n\r\n" % body, ("Transfer-Encoding", "chunked")
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        async with line(here.port) as caller:
            answer = await (await caller.send(request("POST", CLAIMS, here.authorised, field) + sent)).answer()
        await until(lambda: upstream.open == 0)
    problem = _problem(answer)
    assert (answer.status, problem["code"], problem["sent"]) == (413, "body_too_large", "false")
    assert "listen.max_body" in str(problem["remedy"])
    assert all(exchange.body == b"" for exchange in upstream.requests)
    assert b"\r\n0\r\n\r\n" not in upstream.octets


@pytest.mark.parametrize("size", [999, 1000])
async def test_a_body_up_to_the_limit_goes_through_however_it_is_framed(tmp_path: Path, size: int) -> None:
    body, changes = b"x" * size, {"listen.max_body": 1000}
    chunked = ("Transfer-Encoding", "chunked")
    pieces = b"1\r\nx\r\n%x\r\n%b\r\n0\r\n\r\n" % (size - 1, body[1:])
    async with (
        kit.running() as upstream,
        relay(tmp_path, upstream.port, changes=changes) as here,
        line(here.port) as caller,
    ):
        await (await caller.send(request("POST", CLAIMS, here.authorised, body=body))).answer()
        await (await caller.send(request("POST", CLAIMS, here.authorised, chunked) + pieces)).answer()
    assert [exchange.body for exchange in upstream.requests] == [body, body]


async def test_a_body_that_does_not_come_in_time_is_408_and_may_be_repeated(tmp_path: Path) -> None:
    changes = {"deadlines.total": 0.2}
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        async with line(here.port) as caller:
            half = request("POST", CLAIMS, here.authorised, ("Content-Length", "100")) + b"half"
            answer = await (await caller.send(half)).answer()
        await until(lambda: upstream.open == 0)
    assert (answer.status, _problem(answer)["code"]) == (408, "body_too_slow")
    assert upstream.requests[0].body == b""


@pytest.mark.parametrize(
    "octets",
    [
        b"GEHEIM\r\n\r\n",
        b"GET /geheim HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET /geheim HTTP/1.1\r\nHost: localhost\r\nX: a\x00geheim\r\n\r\n",
        b"POST /geheim HTTP/1.1\r\nHost: localhost\r\nContent-Length: geheim\r\n\r\n",
        b"\x16\x03\x01geheim\r\n\r\n",
    ],
    ids=["no request", "space", "NUL", "length", "TLS in TLS"],
)
async def test_a_malformed_request_is_400_and_nothing_of_it_comes_back(tmp_path: Path, octets: bytes) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        async with line(here.port) as caller:
            answer = await (await caller.send(octets)).answer()
            assert await caller.ended()
        assert b"geheim" not in here.out.getvalue().lower()
        assert [entry["status"] for entry in here.exchanges] == [400]
    assert (answer.status, _problem(answer)["code"]) == (400, "malformed_request")
    told = answer.body + b"".join(value for _, value in answer.fields)
    assert b"geheim" not in told.lower()
    assert upstream.connections == 0


async def test_chunks_that_are_malformed_never_complete_a_call_upstream(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        async with line(here.port) as caller:
            head = request("POST", CLAIMS, here.authorised, ("Transfer-Encoding", "chunked"))
            await caller.send(head + b"4\r\nhalf\r\n")
            await until(lambda: b"half" in upstream.octets)
            answer = await (await caller.send(b"geheim\r\n\r\n")).answer()
            assert await caller.ended()
        await until(lambda: upstream.open == 0)
        assert b"geheim" not in here.out.getvalue()
    assert answer.status == 400
    assert b"geheim" not in answer.body
    assert upstream.requests[0].body == b""


@pytest.mark.parametrize("host", ["elsewhere.example", "127.0.0.1", "localhost.example"])
async def test_a_host_that_is_not_ours_is_421(tmp_path: Path, host: str) -> None:
    changes = {"listen.names": ["localhost", "relay.example"]}
    async with (
        kit.running() as upstream,
        relay(tmp_path, upstream.port, changes=changes) as here,
        line(here.port) as caller,
    ):
        answer = await (await caller.send(request("GET", PATH, here.authorised, host=host))).answer()
        ours = await (await caller.send(request("GET", PATH, here.authorised, host="Relay.Example:8443"))).answer()
    assert (answer.status, _problem(answer)["code"]) == (421, "wrong_host")
    assert ours.status == 200
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("path", ["/acc/cov/../claims/v1", "/acc/cov/%2e%2e/claims", "/acc//cov", "/acc/cov%2fx"])
async def test_a_path_with_two_readings_is_400(tmp_path: Path, path: str) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        answer = await _asked(here, "GET", path)
    assert (answer.status, _problem(answer)["code"]) == (400, "ambiguous_target")
    assert upstream.connections == 0


@pytest.mark.parametrize("octets", [b"CONNECT localhost:443 HTTP/1.1", b"TRACE /acc/cov HTTP/1.1"])
async def test_the_relay_is_no_tunnel_and_no_mirror(tmp_path: Path, octets: bytes) -> None:
    name, key = "", ""
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        name, key = here.authorised
        async with line(here.port) as caller:
            call = octets + f"\r\nHost: localhost\r\n{name}: {key}\r\n\r\n".encode()
            answer = await (await caller.send(call)).answer()
    assert (answer.status, _problem(answer)["code"]) == (405, "method_refused")
    assert "POST" in str(answer.field("allow"))
    assert key.encode() not in answer.body
    assert upstream.connections == 0


async def test_a_path_without_a_route_is_404_and_another_tenant_403(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        assert (await _asked(here, "GET", "/acc/covert")).status == 404
        assert (await _asked(here, "GET", PATH, ("X-Relay-Tenant", "eik"))).status == 403
        assert (await _asked(here, "GET", PATH, ("X-Relay-Tenant", "linde"))).status == 200
        twice = [("X-Relay-Tenant", "linde")] * 2
        assert (await _asked(here, "GET", PATH, *twice)).status == 400
    assert len(upstream.requests) == 1


async def test_a_call_that_comes_back_to_the_relay_is_508(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        answer = await _asked(here, "GET", PATH, ("Via", "1.1 relay"))
    assert (answer.status, _problem(answer)["code"]) == (508, "looped")
    assert upstream.connections == 0


# -- Expect: 100-continue ------------------------------------------------------------------------------------


async def test_the_body_is_asked_for_only_once_the_caller_is_known(tmp_path: Path) -> None:
    expecting = [("Expect", "100-continue"), ("Content-Length", "8")]
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        await caller.send(request("POST", PATH, here.authorised, *expecting))
        assert (await caller.answer()).status == 100
        await caller.send(b"question")
        assert (await caller.answer()).status == 200
    assert upstream.requests[0].body == b"question"
    assert b"expect" not in upstream.requests[0].head.lower()


@pytest.mark.parametrize(
    ("size", "fields", "status"),
    [
        (8, [], 401),
        (2000, [("X-Api-Key", "KEY")], 413),
        (8, [("X-Api-Key", "KEY"), ("X-Relay-Tenant", "eik")], 403),
    ],
)
async def test_what_the_head_decides_is_answered_without_asking_for_the_body(
    tmp_path: Path, size: int, fields: list[tuple[str, str]], status: int
) -> None:
    changes = {"listen.max_body": 1000}
    async with (
        kit.running() as upstream,
        relay(tmp_path, upstream.port, changes=changes) as here,
        line(here.port) as caller,
    ):
        known = [(name, value.replace("KEY", here.key)) for name, value in fields]
        expecting = [("Expect", "100-continue"), ("Content-Length", str(size))]
        answer = await (await caller.send(request("POST", PATH, *expecting, *known))).answer()
        assert answer.field("connection") == "close"
        await caller.send(bytes(size))  # a caller may send it all the same, and must get to read the answer
        assert await caller.ended()
    assert answer.status == status
    assert upstream.connections == 0


async def test_another_expectation_is_417(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port) as here:
        answer = await _asked(here, "POST", PATH, ("Expect", "200-ok"))
    assert (answer.status, _problem(answer)["code"]) == (417, "expectation_unknown")
    assert upstream.connections == 0


# -- SOAP callers --------------------------------------------------------------------------------------------

SOAP = pytest.mark.parametrize(
    ("fields", "envelope"),
    [
        ([("Content-Type", "text/xml"), ("SOAPAction", '""')], "http://schemas.xmlsoap.org/soap/envelope/"),
        ([("Content-Type", 'application/soap+xml; action="x"')], "http://www.w3.org/2003/05/soap-envelope"),
    ],
    ids=["1.1", "1.2"],
)


@SOAP
async def test_a_soap_caller_gets_a_fault_of_its_version(
    tmp_path: Path, fields: list[tuple[str, str]], envelope: str
) -> None:
    async with kit.running(_closes) as upstream, relay(tmp_path, upstream.port) as here:
        answer = await _asked(here, "POST", CLAIMS, *fields)
    assert answer.status == 409
    assert etree.fromstring(answer.body).tag == f"{{{envelope}}}Envelope"
    assert b"<code>outcome_unknown</code>" in answer.body
    assert str(answer.field("content-type")).startswith(fields[0][1].split(";")[0])


@SOAP
async def test_a_client_of_wcf_gets_500_but_never_for_401(
    tmp_path: Path, fields: list[tuple[str, str]], envelope: str
) -> None:
    changes = {"clients.dynamics.soap_faults": "500"}
    async with kit.running(_closes) as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        assert (await _asked(here, "POST", CLAIMS, *fields)).status == 500
        assert (await _asked(here, "POST", CLAIMS)).status == 409
        async with line(here.port) as caller:
            answer = await (await caller.send(request("POST", CLAIMS, *fields, body=b"x"))).answer()
    assert answer.status == 401
    assert envelope.encode() in answer.body


# -- VECOZO's own refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "body", "cause"),
    [
        ("Forbidden", b"", "address_or_blocked"),
        ("Not Allowed", b'{"statusCode":403,"message":"Forbidden"}', "address_or_blocked"),
        ("Invalid Client Certificate", b"", "certificate_invalid"),
        ("Forbidden", b'{"code":"X"}', "functional"),
    ],
)
async def test_a_403_travels_unchanged_and_its_cause_is_told_counted_and_logged(
    tmp_path: Path, reason: str, body: bytes, cause: str
) -> None:
    octets = f"HTTP/1.1 403 {reason}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    async with kit.running(kit.answering(octets)) as upstream, relay(tmp_path, upstream.port) as here:
        answer = await _asked(here)
        scraped = await here.scrape()
    assert (answer.status, answer.reason, answer.body) == (403, reason, body)
    assert (answer.field("x-relay-cause"), answer.field("x-relay-egress")) == (cause, "127.0.0.9")
    assert f'relay_upstream_refusals_total{{cause="{cause}",route="cov",tenant="linde"}} 1.0' in scraped
    exchange = here.exchanges[0]
    assert (exchange["cause"], exchange["egress"], exchange["source"]) == (cause, "127.0.0.9", "upstream")
