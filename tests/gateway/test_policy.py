"""A client's policy over the whole relay: what it refuses is not sent, and says why; what it only notes goes on."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest

from relay.tenant.hours import DAYS
from tests.kit import upstream as up
from tests.kit.door import until
from tests.kit.line import Answer, line, request
from tests.kit.relay import PATH, Relay, relay

POLICY = {
    "environments": ["acceptance"],
    "routes": ["cov"],
    "methods": ["POST"],
    "content_types": ["text/xml"],
    "hours": ["mon-sun 00:00-24:00"],
    "dataverse_field": "X-Environment",
    "dataverse_environments": ["0F8FAD5B"],
    "max_body": 20,
}
XML, HOME = ("Content-Type", "text/xml"), ("X-Environment", "0f8fad5b")


async def _post(here: Relay, *fields: tuple[str, str], path: str = PATH, body: bytes = b"<question/>") -> Answer:
    async with line(here.port) as caller:
        return await (await caller.send(request("POST", path, here.authorised, *fields, body=body))).answer()


def _changes(**changes: object) -> dict[str, object]:
    return {"clients.dynamics.policy": POLICY | changes}


async def test_a_call_that_meets_every_condition_goes_on_as_it_came(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=_changes()) as here:
        assert (await _post(here, XML, HOME)).status == 200
        assert b"X-Environment: 0f8fad5b\r\n" in upstream.requests[0].head
        [noted] = here.exchanges
    assert "would_refuse" not in noted


@pytest.mark.parametrize(
    ("changes", "fields", "path", "condition"),
    [
        ({"environments": ["production"]}, (XML, HOME), PATH, "environments"),
        ({"routes": ["claims"]}, (XML, HOME), PATH, "routes"),
        ({"methods": ["GET"]}, (XML, HOME), PATH, "methods"),
        ({}, (XML, HOME, ("X-HTTP-Method-Override", "DELETE")), PATH, "methods"),
        ({}, (("Content-Type", "text/xml, text/plain"), HOME), PATH, "content_types"),
        ({}, (("Content-Type", "text/plain; x=text/xml"), HOME), PATH, "content_types"),
        ({}, (XML, HOME, HOME), PATH, "dataverse"),
        ({}, (("Content-Type", "text/plain"), HOME), PATH, "content_types"),
        ({}, (HOME,), PATH, "content_types"),
        ({}, (XML, ("X-Environment", "0f8fad5c")), PATH, "dataverse"),
        ({}, (XML,), PATH, "dataverse"),
        ({}, (XML, HOME), "/acc/claims/x", "routes"),
    ],
)
async def test_what_misses_a_condition_is_refused_by_its_name_and_nothing_is_sent(
    tmp_path: Path, changes: dict[str, object], fields: tuple[tuple[str, str], ...], path: str, condition: str
) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=_changes(**changes)) as here:
        answer = await _post(here, *fields, path=path)
        assert upstream.connections == 0
        [noted] = here.exchanges
        if not changes:  # in the same set-up, the call that meets them all passes
            assert (await _post(here, XML, HOME)).status == 200
    assert all(told in answer.body for told in (b"not_permitted", condition.encode(), b"false"))
    assert answer.status == 403
    assert (noted["client"], noted["tenant"], noted["cause"]) == ("dynamics", "linde", "not_permitted")


async def test_outside_its_hours_a_client_is_refused(tmp_path: Path) -> None:
    yesterday = DAYS[(datetime.now(ZoneInfo("Europe/Amsterdam")).weekday() - 1) % 7]
    changes = {"clients.dynamics.policy": {"hours": [f"{yesterday} 00:00-24:00"]}}
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        answer = await _post(here)
        assert upstream.connections == 0
    problem = orjson.loads(answer.body)
    assert (answer.status, problem["code"], problem["condition"]) == (403, "not_permitted", "hours")


async def test_a_body_over_the_clients_limit_is_refused_however_it_is_framed(tmp_path: Path) -> None:
    fields = ("\r\n").join(f"{name}: {value}" for name, value in (XML, HOME))
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=_changes()) as here:
        assert (await _post(here, XML, HOME, body=b"x" * 20)).status == 200
        sent = len(upstream.requests)
        told = await _post(here, XML, HOME, body=b"x" * 21)
        async with line(here.port) as caller:
            await caller.send(
                f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {here.key}\r\n{fields}\r\n"
                "Transfer-Encoding: chunked\r\n\r\n15\r\nxxxxxxxxxxxxxxxxxxxxx\r\n0\r\n\r\n".encode()
            )
            streamed = await caller.answer()
        assert (told.status, streamed.status) == (413, 413)
        assert len(upstream.requests) == sent


async def test_in_report_mode_the_call_goes_on_and_log_and_metrics_tell(tmp_path: Path) -> None:
    changes = _changes(mode="report", methods=["GET"])
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        assert (await _post(here, XML, HOME)).status == 200
        assert len(upstream.requests) == 1
        await until(lambda: bool(here.exchanges))
        [noted] = here.exchanges
        scraped = await here.scrape()
    assert noted["would_refuse"] == "methods"
    assert 'relay_calls_would_refuse_total{client="dynamics",condition="methods"} 1.0' in scraped


async def test_in_report_mode_a_long_body_is_noted_and_goes_on(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=_changes(mode="report")) as here:
        assert (await _post(here, XML, HOME, body=b"x" * 21)).status == 200
        [noted] = here.exchanges
    assert noted["would_refuse"] == "max_body"


async def test_a_policy_changes_without_a_restart(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        assert (await _post(here)).status == 200
        settings = tmp_path / "relay.toml"
        settings.write_text(settings.read_text() + '\nclients.dynamics.policy.methods = ["GET"]\n')
        await until(lambda: any(each["event"] == "clients_taken" for each in here.lines))
        assert (await _post(here)).status == 403
