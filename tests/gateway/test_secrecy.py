"""Nothing of what a patient, a key or a token is shows in log, metrics, history or own answers, however it came in."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.kit import upstream as kit
from tests.kit.door import until
from tests.kit.line import CutOff, line, request
from tests.kit.relay import PATH, Relay, relay

BSN = "999979668"  # passes the eleven-test; the test person of public clients
TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJHRUhFSU0ifQ.c2lnbmF0dXVy"
WRONG_KEY = "rk_aaaaaaaaaaaaaaaa_" + "Z" * 43
SECRETS = (BSN, TOKEN, WRONG_KEY)
SOON = {"deadlines.total": 0.2}


async def _answers(exchange: kit.Exchange) -> None:
    told = f'{{"bsn":"{BSN}"}}'.encode()
    fields = f"Set-Cookie: session={TOKEN}\r\nLocation: /{BSN}\r\n".encode()
    await exchange.answer(b"HTTP/1.1 403 Forbidden\r\n%bContent-Length: %d\r\n\r\n%b" % (fields, len(told), told))


async def _refuses(exchange: kit.Exchange) -> None:
    await exchange.answer(f"HTTP/1.1 403 Niet voor {BSN}\r\nContent-Length: 9\r\n\r\n{BSN}".encode())


async def _babbles(exchange: kit.Exchange) -> None:
    await exchange.answer(f"{BSN} {TOKEN}\r\n\r\n".encode())


async def _cuts(exchange: kit.Exchange) -> None:
    await exchange.answer(f"HTTP/1.1 200 {BSN}\r\nX: {TOKEN}\r\nContent-Length: 99\r\n\r\n{BSN}".encode())
    exchange.writer.close()


def _calls(key: str) -> Iterator[bytes]:
    """Yield calls that go through and calls that fail at each step, with secrets in every place there is."""
    query = f"?bsn={BSN}&code={TOKEN}"
    soap = ("SOAPAction", f'"{BSN}"')
    places = [PATH + query, f"{PATH}/{BSN}{query}", f"/acc/claims/{BSN}", f"/unknown/{BSN}", f"/acc/../{BSN}"]
    keys = [("X-Api-Key", key), ("X-Api-Key", WRONG_KEY), ("Authorization", f"Bearer {TOKEN}")]
    tenants: list[tuple[str, str]] = [("X-Other", BSN), ("X-Relay-Tenant", BSN)]
    for place, known, tenant in product(places, keys, tenants):
        extra = [("Content-Type", "text/xml"), soap, ("Cookie", TOKEN), ("X-Relay-Actor", "a-7"), ("Via", f"1.1 {BSN}")]
        yield request("POST", place, known, tenant, *extra, body=f"<Bsn>{BSN}</Bsn>{TOKEN}".encode())
    right = ("X-Api-Key", key)
    yield request("GET", f"/{BSN}", right, host=f"{BSN}.example")
    yield request("GET", PATH, right, host=f"{BSN}@{TOKEN}")
    yield request("POST", PATH, right, ("Expect", BSN), body=b"x")
    yield request("POST", PATH, right, ("X-Relay-Actor", BSN), body=b"x")
    yield request("POST", PATH, right, ("Content-Length", TOKEN))
    yield request("POST", PATH, right, ("Transfer-Encoding", "chunked")) + f"{BSN}\r\n{TOKEN}\r\n".encode()
    yield f"B{BSN} /{TOKEN} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    yield f"{BSN} {TOKEN}\r\n\r\n".encode()


async def _own_answers(here: Relay) -> list[bytes]:
    """Make every call; return the answers that are the relay's own."""
    own = []
    for octets in _calls(here.key):
        async with line(here.port) as caller:
            try:
                answer = await (await caller.send(octets)).answer()
            except CutOff:
                continue
            if "received-status" not in str(answer.field("proxy-status")):
                own.append(b"\n".join(value for _, value in answer.fields) + answer.body)
    return own


@pytest.mark.parametrize("script", [_answers, _refuses, _babbles, _cuts])
async def test_no_secret_shows_in_log_metrics_history_or_own_answers(tmp_path: Path, script: kit.Script) -> None:
    async with kit.running(script) as upstream, relay(tmp_path, upstream.port, changes=SOON) as here:
        own = await _own_answers(here)
        made = len(list(_calls(here.key)))
        await until(lambda: len(here.exchanges) == made)
        scraped = await here.scrape() + (await here.ask_operator("/history"))[1]
        log = here.out.getvalue().decode()
        assert here.key not in log + scraped
    assert len(own) > 20
    for secret in (*SECRETS, here.key):
        assert secret not in log
        assert secret not in scraped
        assert all(secret.encode() not in answer for answer in own)


async def test_no_credential_for_us_goes_upstream(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes=SOON) as here:
        await _own_answers(here)
    assert upstream.requests
    assert here.key.encode() not in upstream.octets
    assert b"x-api-key" not in upstream.octets.lower()
    assert b"x-relay" not in upstream.octets.lower()


async def test_no_label_of_a_metric_comes_from_a_request(tmp_path: Path) -> None:
    async with kit.running() as upstream, relay(tmp_path, upstream.port, changes=SOON) as here:
        await _own_answers(here)
        scraped = await here.scrape()
    bounded = {
        "tenant": {"", "linde"},
        "client": {"", "dynamics"},
        "route": {"", "cov", "claims"},
        "environment": {"", "acceptance"},
        "source": {"relay", "upstream", "caller"},
    }
    seen: dict[str, set[str]] = {}
    for sample in scraped.splitlines():
        if sample.startswith("relay_calls_total{"):
            for pair in sample.partition("{")[2].partition("}")[0].split(","):
                name, _, value = pair.partition("=")
                seen.setdefault(name, set()).add(value.strip('"'))
    assert {name: seen[name] - values for name, values in bounded.items()} == {key: set() for key in bounded}
    assert all(status.isdigit() for status in seen["status"])
