"""Tokens of directories: what proves a caller, and everything that must not. A healthy one passes each time."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from relay.auth import key_ring
from tests.kit import authority
from tests.kit import directory as kit
from tests.kit import upstream as up
from tests.kit.directory import (
    APPLICATION,
    OTHER_TENANT,
    TENANT,
    V1,
    Directory,
    answering,
    assembled,
    claims,
    jwk,
    token,
)
from tests.kit.door import until
from tests.kit.line import Answer, line, request
from tests.kit.relay import PATH, Relay, relay
from tests.kit.upstream import Upstream

pytestmark = pytest.mark.one_process

SECOND_GRANT = "aaaaaaaa-0000-4000-8000-00000000000"


@dataclass
class Place:
    upstream: Upstream
    directory: Directory
    relay: Relay

    async def call(self, *fields: tuple[str, str]) -> Answer:
        async with line(self.relay.port) as caller:
            return await (await caller.send(request("GET", PATH, *fields))).answer()

    async def show(self, text: str) -> int:
        return (await self.call(("Authorization", f"Bearer {text}"))).status

    async def passes(self) -> bool:
        """Whether a token that is in order passes."""
        return await self.show(token()) == 200


@asynccontextmanager
async def place(folder: Path, directory: Directory | None = None, **changes: object) -> AsyncIterator[Place]:
    directory = directory or Directory()
    async with directory.served(), up.running() as upstream:
        settings = directory.settings | {name.replace("__", "."): value for name, value in changes.items()}
        async with relay(folder, upstream.port, changes=settings) as here:
            yield Place(upstream, directory, here)


def _attacks() -> dict[str, str]:
    """Return tokens that prove nobody."""
    now = int(time.time())
    rs256 = {"alg": "RS256", "kid": "one", "typ": "JWT"}
    right = token()
    head, body, signature = right.split(".")
    elsewhere = "https://attacker.example/keys"
    own = jwk("one", 1)
    changed = {
        "issuer without its slash": claims(iss=V1.rstrip("/"), azp=None, appid=APPLICATION),
        "issuer with a slash more": claims(iss=f"{kit.V2}/"),
        "issuer in other letters": claims(iss=kit.V2.replace("login", "Login")),
        "issuer is a list": claims(iss=[kit.V2]),
        "no issuer": claims(iss=None),
        "issuer of another directory": claims(iss=kit.V2.replace(TENANT, OTHER_TENANT), tid=OTHER_TENANT),
        "foreign tid": claims(tid=OTHER_TENANT),
        "no tid": claims(tid=None),
        "audience of another": claims(aud="https://graph.microsoft.com"),
        "audience with a slash": claims(aud=f"{kit.APP_ID_URI}/"),
        "audiences, ours among them": claims(aud=[kit.AUDIENCE, "https://graph.microsoft.com"]),
        "audiences, none": claims(aud=[]),
        "no audience": claims(aud=None),
        "no role": claims(roles=None),
        "roles, none": claims(roles=[]),
        "another role": claims(roles=["Relay.Cal", "relay.call"]),
        "role among no texts": claims(roles=["Relay.Call", 1]),
        "role as scope of a user": claims(roles=None, scp="Relay.Call"),
        "role of a user": claims(scp="other"),
        "another application": claims(azp=OTHER_TENANT),
        "no application": claims(azp=None),
        "application of the other version": claims(azp=None, appid=APPLICATION),
        "expired beyond skew": claims(exp=now - 301),
        "no end": claims(exp=None),
        "end is a text": claims(exp=str(now + 3600)),
        "end is true": claims(exp=True),
        "not yet valid beyond skew": claims(nbf=now + 330),
        "beginning is a text": claims(nbf="soon"),
    }
    return {
        **{name: token(told) for name, told in changed.items()},
        "no algorithm": assembled({"alg": "none", "kid": "one"}, claims()),
        "no algorithm, with the signature": ".".join((assembled({**rs256, "alg": "none"}, claims())[:-1], signature)),
        "no algorithm, in other letters": assembled({"alg": "nOnE", "kid": "one"}, claims(), b"x"),
        "no signature": f"{head}.{body}.",
        "public key as a shared secret": _hs256(kit.public_pem()),
        "key set as a shared secret": _hs256(str(jwk("one")).encode()),
        "another algorithm of its own key": kit.jws(claims(), 0, "RS512", {"kid": "one"}),
        "PSS by its own key": kit.jws(claims(), 0, "PS256", {"kid": "one"}),
        "foreign key": token(number=1),
        "foreign key, told by jku": token(number=1, head={"jku": elsewhere}),
        "foreign key, told by x5u": token(number=1, head={"x5u": elsewhere}),
        "foreign key, told by jwk": token(number=1, head={"jwk": own}),
        "kid of a file": token(number=1, kid="../../../../dev/null"),
        "kid of a database": token(number=1, kid="x' UNION SELECT 'key"),
        "no kid": token(kid=None),
        "kid is a number": assembled({**rs256, "kid": 1}, claims(), b"x"),
        "kid is a list": assembled({**rs256, "kid": ["one"]}, claims(), b"x"),
        "algorithm is a list": assembled({**rs256, "alg": ["RS256"]}, claims(), b"x"),
        "algorithm is nothing": assembled({**rs256, "alg": None}, claims(), b"x"),
        "head is a list": f"W10.{body}.{signature}",
        "head is no JSON": f"AAAA.{body}.{signature}",
        "crit": token(head={"crit": ["exp"], "exp": 1}),
        "claims of another token": f"{head}.{token(claims(exp=now + 7200)).split('.')[1]}.{signature}",
        "signature cut short": right[:-2],
        "signature of zeroes": f"{head}.{body}.{'A' * 342}",
        "a part more": f"{right}.{signature}",
        "two parts": f"{head}.{body}",
        "nothing": "",
        "no JSON": assembled(rs256, {}).replace(".", ".AAAA", 1),
        "claims are a list": f"{head}.W10.{signature}",
        "issuer is nested deep": f"{head}.{_nested_issuer(1000)}.{signature}",
        "padding": f"{head}=.{body}.{signature}",
        "two tokens": f"{right} {right}",
        "two tokens, by comma": f"{right},{right}",
    }


def _nested_issuer(depth: int) -> str:
    """Return claims whose issuer is so many lists, one in the other: more than Python can write as a text."""
    octets = b'{"iss":' + b"[" * depth + b"]" * depth + b"}"
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _hs256(secret: bytes) -> str:
    unsigned = assembled({"alg": "HS256", "kid": "one"}, claims())[:-1]
    return assembled(
        {"alg": "HS256", "kid": "one"}, claims(), hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
    )


async def test_no_token_that_is_not_in_order_passes_and_nothing_of_it_goes_on(tmp_path: Path) -> None:
    async with place(tmp_path, listen__longest_delay=0) as here:
        assert await here.passes()
        octets = bytes(here.upstream.octets)
        attacks = _attacks()
        assert {name: await here.show(text) for name, text in attacks.items()} == dict.fromkeys(attacks, 401)
        assert bytes(here.upstream.octets) == octets
        assert await here.passes()
        assert len(here.directory.asked) <= 2  # at the start, and once for all those that name keys that are not there
        scraped, log = await here.relay.scrape(), here.relay.out.getvalue().decode()
        assert 'relay_tokens_refused_total{directory="entra",fault="signature"}' in scraped
        assert not [name for name, text in attacks.items() if text and (text in log or text in scraped)]


def _passing() -> dict[str, str]:
    now = int(time.time())
    return {
        "version 2": token(),
        "version 1": token(claims(iss=V1, azp=None, appid=APPLICATION, aud=kit.APP_ID_URI, ver="1.0")),
        "audiences that are all ours": token(claims(aud=[kit.AUDIENCE, kit.APP_ID_URI])),
        "expired within skew": token(claims(exp=now - 240)),
        "valid from a moment that is within skew": token(claims(nbf=now + 240)),
        "without a beginning": token(claims(nbf=None)),
        "of another typ": token(head={"typ": "at+jwt"}),
        "more roles": token(claims(roles=["Other", "Relay.Call"])),
        "with jku, which nobody looks at": token(head={"jku": "https://attacker.example/keys"}),
        "of many groups": token(claims(groups=[f"{number:08}-0000-4000-8000-000000000000" for number in range(260)])),
    }


async def test_tokens_that_are_in_order_pass(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        tokens = _passing()
        assert len(tokens["of many groups"]) > 12_000
        assert {name: await here.show(text) for name, text in tokens.items()} == dict.fromkeys(tokens, 200)
        assert {each["way"] for each in here.relay.exchanges} == {"token"}
        assert {each["client"] for each in here.relay.exchanges} == {"portal"}
        assert not [each for each in here.upstream.requests if b"uthorization" in each.head]
        assert len(here.directory.asked) == 1


async def test_a_caller_with_a_key_says_that_authorization_is_vecozos(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        theirs, key = ("Authorization", "Bearer of-vecozo"), here.relay.authorised
        assert (await here.call(key, theirs)).status == 401
        assert (await here.call(key, theirs, ("X-Relay-Authorization", "key"))).status == 200
        [sent] = here.upstream.requests
        assert b"\r\nAuthorization: Bearer of-vecozo\r\n" in sent.head
        assert b"X-Relay" not in sent.head
        assert here.relay.exchanges[-1]["way"] == "api_key"


async def test_authorization_of_vecozo_travels_on_beside_ours(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        theirs = ("Authorization", "Bearer of-vecozo")
        assert (await here.call(("X-Relay-Authorization", f"Bearer {token()}"), theirs)).status == 200
        head = here.upstream.requests[0].head
        assert b"\r\nAuthorization: Bearer of-vecozo\r\n" in head
        assert b"X-Relay" not in head
        # And a right token of ours is none where it is theirs to judge.
        ours, besides = ("Authorization", f"Bearer {token()}"), ("X-Relay-Authorization", f"Bearer {token()}")
        wrong = ("Authorization", "Bearer wrong")
        for status, *fields in (
            (401, ("X-Relay-Authorization", "Bearer wrong"), ours),
            (401, ("X-Relay-Authorization", ""), ours),
            (400, ours, ours),
            (401, besides, besides),
            (401, ours, here.relay.authorised),
            (401, wrong, here.relay.authorised),
        ):
            assert (await here.call(*fields)).status == status
        assert len(here.upstream.requests) == 1


async def test_where_nobody_has_tokens_authorization_travels_on(tmp_path: Path) -> None:
    async with up.running() as upstream, relay(tmp_path, upstream.port) as here, line(here.port) as caller:
        sent = request("GET", PATH, here.authorised, ("Authorization", "Bearer of-vecozo"))
        assert (await (await caller.send(sent)).answer()).status == 200
        assert b"\r\nAuthorization: Bearer of-vecozo\r\n" in upstream.requests[0].head


async def test_whoever_shows_a_wrong_token_hears_that_and_no_more(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        shown = [
            await here.call(("Authorization", f"Bearer {token(told)}")) for told in (claims(exp=1), claims(aud="x"))
        ]
        nothing = await here.call()
        asked = [b'ApiKey realm="relay"', b'Bearer realm="relay"']
        assert [value for name, value in nothing.fields if name == b"WWW-Authenticate"] == asked
        invalid = [asked[0], asked[1] + b', error="invalid_token"']
        for answer in shown:
            assert [value for name, value in answer.fields if name == b"WWW-Authenticate"] == invalid
        assert len({answer.body.partition(b'"request_id"')[0] for answer in (*shown, nothing)}) == 1
        assert await here.passes()


async def test_grants_by_scope_by_word_and_until_a_day(tmp_path: Path) -> None:
    grants: list[dict[str, object]] = [
        {"directory": "entra", "application": f"{SECOND_GRANT}2", "scope": "Relay.Call"},
        {"directory": "entra", "application": f"{SECOND_GRANT}3", "granted": True},
        {"directory": "entra", "application": f"{SECOND_GRANT}4", "granted": True, "until": "2024-01-01T00:00:00Z"},
        {"directory": "entra", "application": f"{SECOND_GRANT}5", "role": "A", "scope": "B"},
    ]

    def of(number: int, **changes: object) -> str:
        return token(claims(azp=f"{SECOND_GRANT}{number}", **changes))

    async with place(tmp_path, clients__portal__tokens=grants) as here:
        passing = {
            "scope": of(2, roles=None, scp="Other Relay.Call"),
            "granted": of(3, roles=None),
            "both": of(5, roles=["A"], scp="B"),
        }
        assert {name: await here.show(text) for name, text in passing.items()} == dict.fromkeys(passing, 200)
        refused = {
            "scope as part of another": of(2, roles=None, scp="Relay.Call.All"),
            "scope as role": of(2),
            "granted, acts for a user": of(3, roles=None, scp="Relay.Call"),
            "its time is over": of(4),
            "only the role": of(5, roles=["A"]),
            "only the scope": of(5, roles=None, scp="B"),
        }
        assert {name: await here.show(text) for name, text in refused.items()} == dict.fromkeys(refused, 401)


# -- keys ----------------------------------------------------------------------------------------------------


async def test_keys_rotate_and_the_next_call_passes_with_one_fetch(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        assert await here.passes()
        here.directory.keys = [jwk("two", 1)]
        fresh = token(kid="two", number=1)
        assert await asyncio.gather(*(here.show(fresh) for _ in range(5))) == [200] * 5
        assert len(here.directory.asked) == 2
        # The old key went, and what was known by it went with it.
        assert await here.show(token()) == 401


async def test_made_up_kids_have_keys_fetched_once_in_five_minutes(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        assert await here.passes()
        flood = [here.show(token(kid=f"made-up-{number}")) for number in range(30)]
        assert set(await asyncio.gather(*flood)) == {401}
        assert len(here.directory.asked) == 2
        assert await here.passes()
        assert len(here.upstream.requests) == 2


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (('"Relay.Call"', '"Relay.Other"'), 401),
        (("\nclients.portal", "\nclients.dynamics.never_repeats = true\nclients.portal"), 200),
    ],
    ids=["its role went", "another client changed"],
)
async def test_a_call_that_waits_for_keys_is_judged_by_the_clients_that_there_are_then(
    tmp_path: Path, change: tuple[str, str], status: int
) -> None:
    async with place(tmp_path) as here:
        assert await here.passes()
        here.directory.keys, go = [jwk("two", 1)], asyncio.Event()

        async def late(_: web.Request) -> web.StreamResponse:
            await go.wait()
            return web.json_response({"keys": here.directory.keys})

        here.directory.answer = late
        waiting = asyncio.create_task(here.show(token(kid="two", number=1)))
        await until(lambda: len(here.directory.asked) == 2)
        settings = tmp_path / "relay.toml"
        settings.write_text(settings.read_text().replace(*change, 1))
        await until(lambda: any(each["event"] == "clients_taken" for each in here.relay.lines))
        go.set()
        assert await waiting == status
        assert len(here.upstream.requests) == (2 if status == 200 else 1)


async def test_only_so_many_tokens_wait_for_keys_and_the_rest_is_told_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_ring, "MOST_WAITING", 2)
    async with place(tmp_path) as here:
        assert await here.passes()
        here.directory.keys = [jwk("two", 1)]
        here.directory.answer = answering(200, orjson.dumps({"keys": here.directory.keys}), after=0.5)
        fresh = token(kid="two", number=1)
        assert sorted(await asyncio.gather(*(here.show(fresh) for _ in range(4)))) == [200, 200, 503, 503]
        assert await here.show(fresh) == 200


async def test_tokens_that_could_not_pass_have_no_keys_fetched(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        assert await here.passes()
        for told in (claims(aud="x"), claims(exp=1), claims(azp=OTHER_TENANT), claims(roles=None)):
            assert await here.show(token(told, kid="made-up")) == 401
        assert len(here.directory.asked) == 1


async def test_a_relay_starts_without_its_directory_and_takes_tokens_once_it_is_there(tmp_path: Path) -> None:
    directory = Directory()
    async with directory.served():
        pass  # it has a port now, and is away
    async with up.running() as upstream, relay(tmp_path, upstream.port, changes=directory.settings) as plain:
        here = Place(upstream, directory, plain)
        answer = await here.call(("Authorization", f"Bearer {token()}"))
        assert (answer.status, b"caller_undecided" in answer.body) == (503, True)
        assert answer.field("retry-after") == "5"
        assert await here.show(token(claims(aud="x"))) == 401
        assert (await here.call(plain.authorised)).status == 200
        async with directory.served():
            await until(lambda: any(each["event"] == "directory_keys_taken" for each in plain.lines), 10)
            assert await here.passes()
        # Away again: what is known goes on, and only a key that is not known may be one of its.
        assert await here.passes()
        assert await here.show(token(kid="new", number=1)) == 503
        assert await here.passes()
        failed = next(each for each in plain.lines if each["event"] == "directory_keys_failed")
        assert (failed["directory"], failed["host"]) == ("entra", f"localhost:{directory.port}")
        assert b"p=secret" not in plain.out.getvalue()
        assert 'relay_directory_key_fetches_total{directory="entra",result="taken"} 1.0' in await plain.scrape()


async def _endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(1000):
        await answer.write(b"[" * 65536)
    return answer


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (_endless, "more than 262144 octets"),
        (answering(200, b"<html>"), "something else than JSON"),
        (answering(200, b"[" * 100_000), "something else than JSON"),
        (answering(200, b'{"keys": {}}'), "no set of keys"),
        (answering(200, b'{"keys": [{}, 1, {"kid": "one", "kty": "oct", "k": "AAAA"}]}'), "no key that can be used"),
        (answering(302, location="/keys"), "answered 302"),
        (answering(500), "answered 500"),
        (answering(200, after=30), "no answer within 0.3 seconds"),
    ],
    ids=["endless", "HTML", "deep", "no list", "no key", "redirect", "fault", "slow"],
)
async def test_what_is_no_key_set_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: kit.Answer, detail: str
) -> None:
    async with place(tmp_path) as here:
        assert await here.passes()
        here.directory.answer = answer
        with monkeypatch.context() as impatient:
            if "0.3 seconds" in detail:  # a busy machine may need longer than that for what does come
                impatient.setattr("relay.auth.key_fetch.PATIENCE", 0.3)
            assert await here.show(token(kid="two", number=1)) == 503
        failed = [each for each in here.relay.lines if each["event"] == "directory_keys_failed"]
        assert detail in str(failed[0]["detail"])
        assert await here.passes()
        here.directory.answer, here.directory.keys = None, [jwk("one"), jwk("two", 1)]
        await until(lambda: sum(each["event"] == "directory_keys_taken" for each in here.relay.lines) == 2, 10)
        assert await here.show(token(kid="two", number=1)) == 200


async def test_a_directory_whose_certificate_is_not_trusted_is_not_believed(tmp_path: Path) -> None:
    directory = Directory()
    (tmp_path / "elsewhere.pem").write_bytes(authority.foreign_authority().trust_pem())
    async with place(tmp_path, directory, directories__entra__trust="elsewhere.pem") as here:
        assert await here.show(token()) == 503
        failed = next(each for each in here.relay.lines if each["event"] == "directory_keys_failed")
        assert "not trusted" in str(failed["detail"])
        assert not here.upstream.requests


async def test_any_other_issuer_is_found_by_discovery(tmp_path: Path) -> None:
    directory = Directory()
    async with directory.served():
        issuer = f"{directory.origin}/realm"

        async def answer(request: web.Request) -> web.StreamResponse:
            if request.path == "/realm/.well-known/openid-configuration":
                return web.json_response({"issuer": issuer, "jwks_uri": f"{directory.origin}/keys"})
            return web.json_response({"keys": directory.keys})

        directory.answer = answer
        changes: dict[str, object] = {
            "directories.own.issuer": issuer,
            "directories.own.audiences": ["relay"],
            "directories.own.trust": "trust.pem",
            "clients.portal.tenants": ["linde"],
            "clients.portal.tokens": [{"directory": "own", "application": "portal", "scope": "call"}],
        }
        told: dict[str, object] = {
            "iss": issuer,
            "aud": "relay",
            "client_id": "portal",
            "scope": "a call",
            "exp": 1 << 40,
        }
        async with up.running() as upstream, relay(tmp_path, upstream.port, changes=changes) as plain:
            here = Place(upstream, directory, plain)
            assert await here.show(token(told)) == 200
            assert await here.show(token(told | {"scope": "a"})) == 401
            assert await here.show(token(told | {"iss": f"{issuer}/"})) == 401
        assert directory.asked == ["/realm/.well-known/openid-configuration", "/keys"]


async def test_grants_come_and_go_with_the_settings_file(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        assert await here.passes()
        settings = tmp_path / "relay.toml"
        text = settings.read_text()
        settings.write_text(text.replace('"Relay.Call"', '"Relay.Other"'))
        await until(lambda: any(each["event"] == "clients_taken" for each in here.relay.lines))
        assert await here.show(token()) == 401
        settings.write_text(text)
        await until(lambda: sum(each["event"] == "clients_taken" for each in here.relay.lines) == 2)
        assert await here.passes()
        assert len(here.directory.asked) == 1
