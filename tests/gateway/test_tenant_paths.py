"""A client of several tenants names one in its path or in X-Relay-Tenant; the path goes on without it."""

from pathlib import Path

import orjson
import pytest

from tests.kit import upstream as up
from tests.kit.line import Answer, line, request
from tests.kit.relay import PATH, Relay, relay

LIST = "/berichtenservice/berichten/rest-pull/v1/berichten"


def _changes(port: int, *bound: str) -> dict[str, object]:
    upstream = f"https://localhost:{port}"
    return {
        "clients.dynamics.tenants": list(bound),
        "tenants.berk.environment": "acceptance",
        "tenants.berk.trust": "trust.pem",
        "tenants.berk.certificate.file": "system.p12",
        "tenants.berk.certificate.password_file": "password",
        "tenants.berk.egress.source_address": "127.0.0.9",
        "tenants.berk.routes": [
            {"name": "cov", "prefix": "/acc/cov", "upstream": upstream},
            {"name": "lists", "prefix": "/berichtenservice", "upstream": upstream, "family": "messages"},
        ],
        "tenants.berk.rewrite_payload_urls": ["lists"],
    }


async def _call(here: Relay, path: str, *fields: tuple[str, str], method: str = "POST") -> Answer:
    async with line(here.port) as caller:
        body = b"x" if method == "POST" else None
        return await (await caller.send(request(method, path, here.authorised, *fields, body=body))).answer()


@pytest.mark.parametrize("bound", [("linde", "berk"), ("berk",)])
async def test_a_path_names_the_tenant_and_goes_on_without_that(tmp_path: Path, bound: tuple[str, ...]) -> None:
    async with (
        up.running() as upstream,
        relay(tmp_path, upstream.port, changes=_changes(upstream.port, *bound)) as here,
    ):
        for fields in ((), (("X-Relay-Tenant", "berk"),)):
            assert (await _call(here, f"/t/berk{PATH}?a=/t/linde", *fields)).status == 200
        assert [each.head.partition(b"\r\n")[0] for each in upstream.requests] == [
            f"POST {PATH}?a=/t/linde HTTP/1.1".encode()
        ] * 2
        assert [each["tenant"] for each in here.exchanges] == ["berk", "berk"]


OTHERS: list[tuple[str, dict[str, str], int, str]] = [
    (f"/t/linde{PATH}", {}, 403, "tenant_refused"),
    (f"/t/nobody{PATH}", {}, 403, "tenant_refused"),
    (f"/t/BERK{PATH}", {}, 403, "tenant_refused"),
    (f"/t/b%65rk{PATH}", {}, 403, "tenant_refused"),
    (f"/t/berk;x{PATH}", {}, 403, "tenant_refused"),
    (f"/t/linde{PATH}", {"X-Relay-Tenant": "linde"}, 403, "tenant_refused"),
    (f"/t/linde{PATH}", {"X-Relay-Tenant": "berk"}, 400, "tenant_unclear"),
    (f"/t/berk{PATH}", {"X-Relay-Tenant": "linde"}, 400, "tenant_unclear"),
    (f"/t/nobody{PATH}", {"X-Relay-Tenant": "berk"}, 400, "tenant_unclear"),
    (f"/t/linde/%2e%2e/berk{PATH}", {}, 400, "ambiguous_target"),
    (f"/t/linde/..;/berk{PATH}", {}, 400, "ambiguous_target"),
    (f"/t%2fberk{PATH}", {}, 400, "ambiguous_target"),
    (f"/t/berk%2f{PATH}", {}, 400, "ambiguous_target"),
    (f"/t//berk{PATH}", {}, 400, "ambiguous_target"),
    ("/t/berk", {}, 404, "route_unknown"),
    ("/t/berk?/acc/cov", {}, 404, "route_unknown"),
    (f"/t/berk/t/berk{PATH}", {}, 404, "route_unknown"),
    (f"/T/berk{PATH}", {}, 404, "route_unknown"),
    ("/t/berk/acc/cov/%2e%2e/claims", {}, 400, "ambiguous_target"),
    ("/t/berk/acc/cov/..;x/claims", {}, 400, "ambiguous_target"),
    ("/acc/cov/%2e%2e/claims", {}, 400, "ambiguous_target"),
    ("/acc/cov/%252e%252e/claims", {}, 400, "ambiguous_target"),
    ("/acc/cov/..;/claims", {}, 400, "ambiguous_target"),
    ("/acc/cov\\..\\claims", {}, 400, "malformed_request"),
    ("/acc/cov;x/vz801802", {}, 404, "route_unknown"),
    ("/acc/COV/vz801802", {}, 404, "route_unknown"),
    ("/acc/c%6fv/vz801802", {}, 404, "route_unknown"),
]


async def test_any_other_path_is_refused_and_nothing_is_sent(tmp_path: Path) -> None:
    async with (
        up.running() as upstream,
        relay(tmp_path, upstream.port, changes=_changes(upstream.port, "berk")) as here,
    ):
        for path, fields, status, code in OTHERS:
            answer = await _call(here, path, *fields.items())
            assert (path, answer.status, orjson.loads(answer.body)["code"]) == (path, status, code)
        assert upstream.connections == 0
        assert (await _call(here, f"/t/berk{PATH}", ("X-Relay-Tenant", "berk"))).status == 200


async def test_a_tenant_is_refused_alike_whether_it_exists_or_not(tmp_path: Path) -> None:
    async with relay(tmp_path, 1, changes=_changes(1, "berk")) as here:
        told = [orjson.loads((await _call(here, f"/t/{name}{PATH}")).body) for name in ("linde", "nobody")]
    assert [each | {"request_id": ""} for each in told[:1]] == [each | {"request_id": ""} for each in told[1:]]


async def test_addresses_in_lists_lead_back_by_the_path_that_was_called(tmp_path: Path) -> None:
    async with (
        up.running() as upstream,
        relay(tmp_path, upstream.port, changes=_changes(upstream.port, "berk")) as here,
    ):
        body = b'[{"payload":{"url":"https://localhost:%d%b/1/payload"}}]' % (upstream.port, LIST.encode())
        upstream.script = up.answering(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        [listed] = orjson.loads((await _call(here, f"/t/berk{LIST}", method="GET")).body)
        assert listed["payload"]["url"] == f"https://localhost/t/berk{LIST}/1/payload"
