"""API keys over the whole relay: in a field of one's own or the query, until they expire, two at once, last used."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from relay.auth.api_key import NewKey, new_key
from tests.kit import authority as kit
from tests.kit import upstream as up
from tests.kit.caller import Caller
from tests.kit.door import until
from tests.kit.line import line, request
from tests.kit.relay import PATH, Relay, relay


def _entry(key: NewKey, **more: object) -> dict[str, object]:
    return {"id": key.id, "digest": key.digest, **more}


async def _status(here: Relay, target: str, *fields: tuple[str, str]) -> int:
    async with line(here.port) as caller:
        return (await (await caller.send(request("GET", target, *fields))).answer()).status


async def test_a_webhooks_key_in_the_query_counts_and_stays_here(tmp_path: Path) -> None:
    changes = {"clients.dynamics.key_in_query": True}
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        assert await _status(here, f"{PATH}?a=%20&code={here.key}&b") == 200
        assert await _status(here, f"{PATH}?c%6fde={quote(here.key[:3])}{here.key[3:]}") == 200
        assert [each.head.split()[1] for each in upstream.requests] == [f"{PATH}?a=%20&b".encode(), PATH.encode()]
        await until(lambda: len(here.exchanges) == 2)
        log = here.out.getvalue().decode()
    assert here.key not in log
    assert here.key.encode() not in upstream.octets


async def test_a_key_in_the_query_is_of_nobody_unless_its_client_may(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        assert await _status(here, f"{PATH}?code={here.key}") == 401
        assert await _status(here, f"{PATH}?code={here.key}", here.authorised) == 401
    assert not upstream.requests


async def test_twice_or_beside_the_field_it_is_refused(tmp_path: Path) -> None:
    changes = {"clients.dynamics.key_in_query": True}
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        for target in (f"{PATH}?code={here.key}&code={here.key}", f"{PATH}?code=1&code={here.key}"):
            assert await _status(here, target) == 401
        assert await _status(here, f"{PATH}?code={here.key}", here.authorised) == 401
    assert not upstream.requests


async def test_a_code_that_is_no_key_travels_on_and_a_key_elsewhere_does_not(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        assert await _status(here, f"{PATH}?code=x%20y&code=2", here.authorised) == 200
        for target in (f"?Code={here.key}", f"?a={here.key.replace('_', '%5f')}", f"/{here.key}"):
            assert await _status(here, PATH + target, here.authorised) == 400
        assert [each.head.split()[1] for each in upstream.requests] == [f"{PATH}?code=x%20y&code=2".encode()]


async def test_a_key_in_a_field_that_is_not_for_it_does_not_travel_on(tmp_path: Path) -> None:
    changes = {"clients.dynamics.key_in_query": True}
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        queried = f"{PATH}?code={here.key}"
        for field in (
            ("Referer", f"https://localhost{queried}"),
            ("Cookie", f"a={here.key}"),
            ("Authorization", here.key),
        ):
            assert await _status(here, PATH, field) == 401
            assert await _status(here, PATH, field, here.authorised) == 400
            assert await _status(here, queried, field) == 400
        assert not upstream.connections
        assert await _status(here, PATH, ("Referer", "https://localhost/rk_"), here.authorised) == 200
        assert here.key not in here.out.getvalue().decode()


async def test_beside_a_certificate_a_key_in_the_query_has_to_be_right_and_never_leaks(tmp_path: Path) -> None:
    pin = [{"fingerprint": kit.fingerprint(kit.system())}]
    changes = {"clients.dynamics.certificates": pin, "clients.dynamics.key_in_query": True}
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        caller = Caller(kit.system(), trust=tmp_path / "trust.pem")
        wrong = here.key[:-1] + ("A" if here.key[-1] != "A" else "B")
        seen = [
            (await caller.send(here.port, request("GET", target)))[0].status
            for target in (f"{PATH}?code={here.key}", f"{PATH}?code={wrong}", f"{PATH}?code=1")
        ]
    assert seen == [200, 401, 200]
    assert b"rk_" not in upstream.octets


async def test_keys_come_in_the_field_that_the_settings_name(tmp_path: Path) -> None:
    changes = {"listen.key_field": "Api-Key"}
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        assert await _status(here, PATH, here.authorised) == 401
        assert await _status(here, PATH, ("API-KEY", here.key), here.authorised) == 200
    assert here.key.encode() not in upstream.octets


async def test_an_expired_key_is_of_nobody_and_what_a_key_is_used_for_shows(tmp_path: Path) -> None:
    fresh, old, unused = new_key(), new_key(), new_key()
    soon = (datetime.now(UTC) + timedelta(days=9)).replace(microsecond=0)
    changes = {
        "clients.dynamics.api_keys": [
            _entry(fresh, expires=soon.isoformat()),
            _entry(old, expires="2026-01-01T00:00:00Z"),
        ],
        "clients.portal.tenants": ["linde"],
        "clients.portal.api_keys": [_entry(unused)],
    }
    began = datetime.now(UTC)
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        assert await _status(here, PATH, ("X-Api-Key", old.text)) == 401
        assert await _status(here, PATH, ("X-Api-Key", fresh.text)) == 200
        await until(lambda: len(here.exchanges) == 2)
        status, page = await here.ask_operator("/clients")
        scraped = await here.scrape()
    told = json.loads(page)
    dynamics = told["clients"]["dynamics"]
    assert status == 200
    assert told["everywhere"] is True
    assert (dynamics["tenants"], list(dynamics["ways"])) == (["linde"], ["api_key"])
    [used, unused_one] = dynamics["keys"]
    assert datetime.fromisoformat(used["expires"]) == soon
    assert datetime.fromisoformat(used["last_used"]) >= began.replace(microsecond=0)
    assert unused_one["last_used"] is told["clients"]["portal"]["ways"]["api_key"] is None
    for secret in (fresh.text, fresh.digest, unused.digest):
        assert secret not in page
    row = f'relay_client_key_expiry_timestamp_seconds{{client="dynamics",key="{fresh.id}"}} '
    [expiry] = [each for each in scraped.splitlines() if each.startswith(row)]
    assert float(expiry.split()[-1]) == soon.timestamp()
    rows = [each for each in scraped.splitlines() if each.startswith("relay_client_last_used_timestamp_seconds{")]
    assert [each.partition("}")[0].partition("{")[2] for each in rows] == [
        f'client="dynamics",key="{fresh.id}",way="api_key"'
    ]


@pytest.mark.slow
async def test_when_every_process_goes_by_new_clients_the_page_says_so(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        before = json.loads((await here.ask_operator("/clients"))[1])
        async with line(here.port) as kept:
            assert (await (await kept.send(request("GET", PATH, here.authorised))).answer()).status == 200
            settings = tmp_path / "relay.toml"
            settings.write_text(settings.read_text().replace("clients.dynamics.", "clients.portal."))
            while (now := json.loads((await here.ask_operator("/clients"))[1]))["revision"] == before["revision"]:
                pass
            while not now["everywhere"]:
                now = json.loads((await here.ask_operator("/clients"))[1])
            assert list(now["clients"]) == ["portal"]
            # The page having said so, no process knows the old client: the connection stays, its next call is refused.
            settings.write_text("\n".join(each for each in settings.read_text().splitlines() if "clients." not in each))
            while (now := json.loads((await here.ask_operator("/clients"))[1]))["clients"] or not now["everywhere"]:
                pass
            assert (await (await kept.send(request("GET", PATH, here.authorised))).answer()).status == 401


async def test_a_caller_can_try_its_key_and_nothing_goes_on(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here:
        statuses = []
        for fields in ([here.authorised], [("X-Api-Key", "rk_wrong")], []):
            async with line(here.port) as caller:
                statuses.append((await (await caller.send(request("OPTIONS", "*", *fields))).answer()).status)
        assert statuses == [204, 401, 401]
        assert not upstream.requests
