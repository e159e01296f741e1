"""What callers show to prove themselves, through the whole relay: what is not right is refused, and nothing is sent."""

import asyncio
from base64 import b64encode
from pathlib import Path

import pytest

from relay.auth.api_key import new_key
from relay.auth.hashing import digest_of
from tests.kit import authority as kit
from tests.kit import upstream as up
from tests.kit.caller import Caller
from tests.kit.door import until
from tests.kit.line import Answer, line, request
from tests.kit.relay import PATH, Relay, relay

USER, PASSWORD = "zorgé", "gehéim: ja:"
DIGEST = digest_of(PASSWORD)
OTHER = new_key()
CHANGES = {
    "clients.wcf": {"tenants": ["linde"], "passwords": [{"user": USER, "digest": DIGEST}]},
    "clients.other": {"tenants": ["linde"], "api_keys": [{"id": OTHER.id, "digest": OTHER.digest}]},
}


def basic(user: str = USER, password: str = PASSWORD, *, encoding: str = "utf-8") -> tuple[str, str]:
    return "Authorization", "Basic " + b64encode(f"{user}:{password}".encode(encoding)).decode()


async def _call(here: Relay, *fields: tuple[str, str]) -> Answer:
    async with line(here.port) as caller:
        return await (await caller.send(request("POST", PATH, *fields, body=b"x"))).answer()


RIGHT = basic()
VALUE = RIGHT[1]
BESIDE = ("X-Relay-Authorization", VALUE)
KEY = ("X-Api-Key", OTHER.text)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([basic(password="gehéim")], 401),
        ([basic(password="gehéim: ja")], 401),
        ([basic(user="zorg")], 401),
        ([basic(encoding="latin-1")], 401),
        ([basic(password="")], 401),
        ([basic(user="")], 401),
        ([basic(user="", password=f"{USER}:{PASSWORD}")], 401),
        ([("Authorization", "Basic")], 401),
        ([("Authorization", "Basic ")], 401),
        ([("Authorization", "Basic %%%")], 401),
        ([("Authorization", VALUE + "!")], 401),
        ([("Authorization", VALUE + ", " + VALUE)], 401),
        ([("Authorization", VALUE[: len("Basic ") + 5])], 401),
        ([("Authorization", VALUE.removeprefix("Basic "))], 401),
        ([("Authorization", VALUE.replace("Basic", "Bearer"))], 401),
        ([("Authorization", "Basic " + PASSWORD.encode().decode("latin-1"))], 401),
        ([("Authorization", "Basic " + "A" * 8000)], 401),
        ([RIGHT, RIGHT], 400),
        ([RIGHT, basic(password="x")], 400),
        ([RIGHT, ("Authorization", "Bearer x")], 400),
        ([("X-Relay-Authorization", "Basic x"), RIGHT], 401),
        ([("X-Relay-Authorization", ""), RIGHT], 401),
        ([BESIDE, BESIDE], 401),
        ([("Proxy-Authorization", VALUE)], 401),
        ([("Cookie", f"X-Api-Key={OTHER.text}; Authorization={VALUE}")], 401),
        ([("Referer", f"https://localhost{PATH}?code={OTHER.text}")], 401),
        ([("X-Forwarded-Authorization", VALUE)], 401),
        ([("X-Original-Authorization", VALUE)], 401),
        ([("Authorization_", VALUE)], 400),
        ([("X_Relay_Authorization", VALUE)], 400),
        ([("X_Api_Key", OTHER.text)], 400),
        ([RIGHT, KEY], 401),
        ([BESIDE, KEY], 401),
        ([basic(password="x"), KEY], 401),
        ([KEY, KEY], 401),
    ],
)
async def test_what_is_not_right_is_refused_and_no_byte_goes_on(
    tmp_path: Path, fields: list[tuple[str, str]], status: int
) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=CHANGES) as here:
        answer = await _call(here, *fields)
        assert answer.status == status
        if status == 401:
            assert b"caller_unknown" in answer.body
            challenges = [value for name, value in answer.fields if name.lower() == b"www-authenticate"]
            assert b'Basic realm="relay", charset="UTF-8"' in challenges
        assert not upstream.connections
        # In the same set-up, the right call passes.
        assert (await _call(here, RIGHT)).status == 200
        assert len(upstream.requests) == 1
        log = str(here.lines)
        assert all(each not in log for each in (PASSWORD, VALUE.removeprefix("Basic "), OTHER.text))


@pytest.mark.parametrize(
    "fields",
    [[RIGHT], [("authorization", VALUE.replace("Basic", "bASIC  "))], [BESIDE], [KEY]],
    ids=["basic", "any case, more spaces", "beside", "key"],
)
@pytest.mark.parametrize("hop", [(), (("Connection", "Authorization"),), (("Connection", "X-Api-Key"),)])
async def test_right_credentials_pass_and_stay_here(
    tmp_path: Path, fields: list[tuple[str, str]], hop: tuple[tuple[str, str], ...]
) -> None:
    """Naming a field of one hop takes nothing away from what proves the caller, nor what proves it to VECOZO."""
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=CHANGES) as here:
        assert (await _call(here, *fields, *hop)).status == 200
        sent = upstream.requests[0].head.lower()
        assert b"authorization" not in sent
        assert b"api-key" not in sent


async def test_calls_sent_together_are_each_of_whoever_proves_itself_in_it(tmp_path: Path) -> None:
    shown = [[RIGHT], [], [KEY], [basic(password="x")], [("X-Api-Key", OTHER.text + "x")], [RIGHT]]
    async with (
        up.running() as upstream,
        relay(tmp_path, upstream.port, changes=CHANGES) as here,
        line(here.port) as caller,
    ):
        calls = [request("POST", PATH, *fields, body=b"%d" % number) for number, fields in enumerate(shown)]
        await caller.send(b"".join(calls))
        assert [(await caller.answer()).status for _ in shown] == [200, 401, 200, 401, 401, 200]
        assert [each.body for each in upstream.requests] == [b"0", b"2", b"5"]
        await until(lambda: len(here.exchanges) == len(shown))
        assert [each["client"] for each in here.exchanges] == ["wcf", "", "other", "", "", "wcf"]


async def test_a_key_behind_the_body_proves_nobody(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=CHANGES) as here:

        async def answered(*fields: tuple[str, str], name: str) -> int:
            sent = request("POST", PATH, *fields, ("Transfer-Encoding", "chunked"), ("Trailer", name))
            async with line(here.port) as caller:
                trailer = f"1\r\nx\r\n0\r\n{name}: {OTHER.text}\r\n\r\n"
                return (await (await caller.send(sent + trailer.encode())).answer()).status

        assert await answered(name="X-Api-Key") == 401
        assert not upstream.connections
        assert await answered(KEY, name="X-Note") == 200
        assert OTHER.text.encode() not in upstream.octets


async def test_the_token_for_vecozo_travels_beside_ours(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=CHANGES) as here:
        for theirs in ("Bearer for-the-pep", basic("vecozo", "x")[1]):
            assert (await _call(here, BESIDE, ("Authorization", theirs))).status == 200
            assert f"\r\nAuthorization: {theirs}\r\n".encode() in upstream.requests[-1].head
            assert b"X-Relay-" not in upstream.requests[-1].head


async def test_a_password_is_verified_once_and_no_more_after_its_client_has_gone(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=CHANGES) as here:
        answers = await asyncio.gather(*(_call(here, RIGHT) for _ in range(20)))
        assert {answer.status for answer in answers} == {200}
        settings = tmp_path / "relay.toml"
        settings.write_text(settings.read_text().replace(DIGEST, digest_of("another")))
        async with asyncio.timeout(10):
            while (await _call(here, RIGHT)).status != 401:
                await asyncio.sleep(0.05)
        assert (await _call(here, basic(password="another"))).status == 200


BOTH = {
    "clients.wcf": {
        "tenants": ["linde"],
        "passwords": [{"user": USER, "digest": DIGEST}],
        "api_keys": [{"id": OTHER.id, "digest": OTHER.digest}],
        "requires": ["api_key", "basic"],
    }
}


async def test_ways_that_are_required_together_count_together_only(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=BOTH) as here:
        for fields in ([RIGHT], [KEY], [KEY, basic(password="x")], [("X-Api-Key", here.key), RIGHT]):
            assert (await _call(here, *fields)).status == 401
        assert not upstream.connections
        assert (await _call(here, RIGHT, KEY)).status == 200
        assert (await _call(here, here.authorised)).status == 200  # another client, which requires nothing


async def test_a_key_counts_with_its_certificate_only_where_both_are_required(tmp_path: Path) -> None:
    changes = {
        "clients.wcf": {
            "tenants": ["linde"],
            "api_keys": [{"id": OTHER.id, "digest": OTHER.digest}],
            "certificates": [{"fingerprint": kit.fingerprint(kit.system())}],
            "requires": ["api_key", "client_certificate"],
        }
    }
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as here:
        certified, bare = (Caller(each, trust=tmp_path / "trust.pem") for each in (kit.system(), None))
        call, anonymous = request("GET", PATH, KEY), request("GET", PATH)
        seen = [
            *await bare.send(here.port, call),
            *await certified.send(here.port, anonymous, request("GET", PATH, here.authorised)),
        ]
        assert [each.status for each in seen] == [401, 401, 401]
        assert not upstream.connections
        assert [each.status for each in await certified.send(here.port, call)] == [200]
