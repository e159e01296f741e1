"""Signed calls over the whole relay: the right one passes unchanged, and each that was tampered with is refused."""

import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tests.kit import signing
from tests.kit import upstream as up
from tests.kit.door import until
from tests.kit.line import Answer, line, request
from tests.kit.relay import PATH, Relay, relay
from tests.kit.signing import Signed, Signer, digest, now

SECRET = secrets.token_bytes(32)
ED25519 = ed25519.Ed25519PrivateKey.generate()
P256 = ec.generate_private_key(ec.SECP256R1())
HMAC = signing.shared("plug-in", SECRET)
OTHER = signing.shared("other", secrets.token_bytes(32))
SIGNERS = {"hmac": HMAC, "ed25519": signing.edwards("edwards", ED25519), "p256": signing.p256("nist", P256)}
BODY = b"<question>" + b"x" * 5000 + b"</question>"
TARGET = f"{PATH}?a=1&b=2"


class Whole:
    """The requests that came to their end at the upstream."""

    def __init__(self) -> None:
        self.requests: list[up.Exchange] = []

    async def answer(self, exchange: up.Exchange) -> None:
        self.requests.append(exchange)
        await exchange.answer(up.OK)


def _write_keys(folder: Path) -> dict[str, object]:
    (folder / "plug-in.secret").write_bytes(b64encode(SECRET) + b"\n")
    (folder / "nist.pem").write_bytes(signing.public_pem(P256))
    return {
        "clients.plug-in": {
            "tenants": ["linde"],
            "signature_keys": [
                {"id": "plug-in", "secret_file": "plug-in.secret"},
                {"id": "nist", "algorithm": "ecdsa-p256-sha256", "public_key_file": "nist.pem"},
            ],
        },
        "clients.other": {
            "tenants": ["linde"],
            "signature_keys": [
                {"id": "edwards", "algorithm": "ed25519", "public_key": signing.public_pem(ED25519).decode()}
            ],
        },
    }


@asynccontextmanager
async def _signing(folder: Path) -> AsyncIterator[tuple[Relay, Whole]]:
    whole = Whole()
    changes = _write_keys(folder) | {"listen.longest_delay": 0}
    async with up.running(whole.answer) as upstream, relay(folder, upstream.port, changes=changes) as here:
        yield here, whole


async def _answer(here: Relay, octets: bytes) -> Answer:
    async with line(here.port) as caller:
        return await (await caller.send(octets)).answer()


def _code(answer: Answer) -> str:
    return str(orjson.loads(answer.body).get("code"))


@pytest.mark.parametrize("signer", SIGNERS.values(), ids=SIGNERS.keys())
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_a_signed_call_passes_with_its_body_unchanged_and_its_signature_kept_here(
    tmp_path: Path, signer: Signer, chunked: bool
) -> None:
    async with _signing(tmp_path) as (here, whole):
        answer = await _answer(here, signer.call(TARGET, body=BODY, chunked=chunked).octets())
        assert (answer.status, [each.body for each in whole.requests]) == (200, [BODY])
        head = whole.requests[0].head.lower()
        assert b"\r\nsignature" not in head
        assert digest(BODY).lower().encode() in head
        await until(lambda: bool(here.exchanges))
        assert here.exchanges[0]["way"] == "signature"


async def test_a_signed_call_without_a_body_passes(tmp_path: Path) -> None:
    async with _signing(tmp_path) as (here, whole):
        call = HMAC.call(TARGET, method="GET", covered=("@method", "@authority", "@path", "@query"))
        assert (await _answer(here, call.octets())).status == 200
        assert len(whole.requests) == 1


async def test_a_signature_may_have_every_parameter_and_a_long_nonce(tmp_path: Path) -> None:
    async with _signing(tmp_path) as (here, whole):
        call = HMAC.call(TARGET, body=BODY, nonce="x" * 256, alg="hmac-sha256", expires=now() + 60, tag="relay")
        assert (await _answer(here, call.octets())).status == 200
        assert len(whole.requests) == 1


async def test_a_signed_call_names_tenant_and_actor_where_these_are_signed(tmp_path: Path) -> None:
    async with _signing(tmp_path) as (here, whole):
        call = HMAC.call(
            TARGET,
            body=BODY,
            extra=[("X-Relay-Tenant", "linde"), ("X-Relay-Actor", "job-7")],
            covered=(*signing.WITH_BODY, "x-relay-tenant", "x-relay-actor"),
        )
        assert (await _answer(here, call.octets())).status == 200
        assert len(whole.requests) == 1


async def test_a_body_that_comes_after_its_head_passes_unchanged(tmp_path: Path) -> None:
    async with _signing(tmp_path) as (here, whole):
        for chunked in (False, True):
            call = HMAC.call(TARGET, body=BODY, chunked=chunked, extra=[("Expect", "100-continue")])
            async with line(here.port) as caller:
                assert (await (await caller.send(call.head())).answer()).status == 100
                assert (await (await caller.send(call.framed())).answer()).status == 200
        assert [each.body for each in whole.requests] == [BODY, BODY]


def _tampered(change: Callable[[Signed], object], **given: object) -> Callable[[], Signed]:
    def make() -> Signed:
        call = HMAC.call(TARGET, body=BODY, **given)  # type: ignore[arg-type]  # as the table gives them
        change(call)
        return call

    return make


def _set(**values: object) -> Callable[[Signed], object]:
    def change(call: Signed) -> None:
        for name, value in values.items():
            setattr(call, name, value)

    return change


def _signed(**given: object) -> Callable[[], Signed]:
    return _tampered(lambda call: None, **given)


def _again(name: str) -> Callable[[Signed], object]:
    """Repeat a field."""
    return lambda call: call.fields.extend([each for each in call.fields if each[0] == name])


def _both(call: Signed) -> None:
    """Add a second signature by another key of ours, on the same lines."""
    second = SIGNERS["ed25519"].call(TARGET, body=BODY, label="second")
    for name in ("Signature-Input", "Signature"):
        one, two = (dict(each.fields)[name] for each in (call, second))
        call.replace(name, f"{one}, {two}")


def _uncovered(name: str) -> Callable[[Signed], object]:
    def change(call: Signed) -> None:
        text = dict(call.fields)["Signature-Input"]
        call.replace("Signature-Input", text.replace(f' "{name}"', ""))

    return change


PUBLIC = signing.shared("nist", signing.public_pem(P256))
WRONG = digest(b"another body")
UNKNOWN: dict[str, Callable[[], Signed]] = {
    "method changed": _tampered(_set(method="PUT")),
    "host changed": _tampered(_set(host="localhost:8443")),
    "path changed": _tampered(_set(target=TARGET.replace("soap11", "soap12"))),
    "query reordered": _tampered(_set(target=f"{PATH}?b=2&a=1")),
    "query dropped": _tampered(_set(target=PATH)),
    "digest changed": _tampered(lambda call: call.replace("Content-Digest", WRONG)),
    "digest added": _tampered(lambda call: call.fields.append(("Content-Digest", WRONG))),
    "target dropped from what is covered": _tampered(_uncovered("@target-uri")),
    "digest dropped from what is covered": _tampered(_uncovered("content-digest")),
    "method never covered": _signed(covered=("@authority", "@target-uri", "content-digest")),
    "host never covered": _signed(covered=("@method", "@target-uri", "content-digest")),
    "target never covered": _signed(covered=("@method", "@authority", "content-digest")),
    "query never covered": _signed(covered=("@method", "@authority", "@path", "content-digest")),
    "digest never covered": _signed(covered=signing.COVERED),
    "digest never covered, chunked": _signed(covered=signing.COVERED, chunked=True),
    "tenant added": _tampered(lambda call: call.fields.append(("X-Relay-Tenant", "linde"))),
    "actor added": _tampered(lambda call: call.fields.append(("X-Relay-Actor", "somebody-else"))),
    "tenant never covered": _signed(extra=[("X-Relay-Tenant", "linde")]),
    "tenant changed": _tampered(
        lambda call: call.replace("X-Relay-Tenant", "linde"),
        extra=[("X-Relay-Tenant", "berk")],
        covered=(*signing.WITH_BODY, "x-relay-tenant"),
    ),
    "covered twice": _signed(covered=(*signing.WITH_BODY, "@method")),
    "covered with a parameter": _tampered(
        lambda call: call.replace("Signature-Input", dict(call.fields)["Signature-Input"].replace('ity"', 'ity";sf'))
    ),
    "clock behind": lambda: HMAC.call(TARGET, body=BODY, created=now() - 400),
    "clock ahead": lambda: HMAC.call(TARGET, body=BODY, created=now() + 100),
    "created left out": _signed(created=None),
    "created in words": _signed(created="now"),
    "expired": lambda: HMAC.call(TARGET, body=BODY, expires=now() - 10),
    "nonce left out": _signed(nonce=None),
    "nonce empty": _signed(nonce=""),
    "nonce too long": _signed(nonce="x" * 257),
    "keyid left out": _signed(keyid=None),
    "keyid unknown": _signed(keyid="stranger"),
    "keyid of another": _signed(keyid="edwards"),
    "secret of another": lambda: OTHER.call(TARGET, body=BODY, keyid="plug-in"),
    "unknown parameter": _signed(audience="elsewhere"),
    "algorithm named wrong": _signed(alg="ed25519"),
    "public key as a secret": lambda: PUBLIC.call(TARGET, body=BODY),
    "public key as a secret, and named so": lambda: PUBLIC.call(TARGET, body=BODY, alg="hmac-sha256"),
    "two signatures": _tampered(_both),
    "Signature-Input twice": _tampered(_again("Signature-Input")),
    "Signature twice": _tampered(_again("Signature")),
    "label twice": _tampered(lambda call: call.replace("Signature", ", ".join([dict(call.fields)["Signature"]] * 2))),
    "other label": _tampered(
        lambda call: call.replace("Signature", dict(call.fields)["Signature"].replace("sig", "s"))
    ),
    "no octets": _tampered(lambda call: call.replace("Signature", "sig=plain")),
    "signature left out": _tampered(lambda call: call.fields.pop()),
    "only weak digests": _signed(digests="md5=:1B2M2Y8AsgTpgAmY7PhCfg==:"),
    "digest is no dictionary": _signed(digests="plain, plain"),
}
SWAPPED = BODY[:-1] + b"?"
BODIES: dict[str, Callable[[], Signed]] = {
    "body swapped": _tampered(_set(body=SWAPPED)),
    "body emptied": _tampered(_set(body=b"")),
    "body cut": _tampered(_set(body=BODY[:-1])),
    "body longer": _tampered(_set(body=BODY + b"x")),
    "one digest of two is wrong": _signed(digests=f"{digest(BODY)}, {digest(b'', 'sha-512')}"),
    "the other digest of two is wrong": _signed(digests=f"{digest(b'')}, {digest(BODY, 'sha-512')}"),
    "unsure digest beside a wrong one": _signed(digests=f"md5=:AAAA:, {digest(b'')}"),
    "chunked body swapped": _tampered(_set(body=SWAPPED), chunked=True),
}


async def _is_refused(here: Relay, whole: Whole, answer: Answer, code: str) -> None:
    assert _code(answer) == code
    assert orjson.loads(answer.body)["sent"] == "false"
    assert not whole.requests
    # In the same set-up the healthy call passes.
    assert (await _answer(here, HMAC.call(TARGET, body=BODY).octets())).status == 200
    assert [each.body for each in whole.requests] == [BODY]


async def test_each_call_that_was_tampered_with_is_refused_alike_and_nothing_sent(tmp_path: Path) -> None:
    async with _signing(tmp_path) as (here, whole):
        told = set()
        for name, make in UNKNOWN.items():
            answer = await _answer(here, make().octets())
            assert (name, answer.status, _code(answer)) == (name, 401, "caller_unknown")
            told.add(orjson.loads(answer.body)["detail"])
        assert len(told) == 1
        await _is_refused(here, whole, answer, "caller_unknown")


async def test_the_operator_alone_learns_what_was_wrong_with_a_signature(tmp_path: Path) -> None:
    faults = {
        "keyid unknown": ("", "key"),
        "Signature twice": ("", "form"),
        "unknown parameter": ("plug-in", "form"),
        "digest never covered": ("plug-in", "covered"),
        "method changed": ("plug-in", "signature"),
        "clock behind": ("plug-in", "created"),
        "expired": ("plug-in", "expired"),
        "nonce left out": ("plug-in", "nonce"),
        "secret of another": ("plug-in", "signature"),
    }
    async with _signing(tmp_path) as (here, _):
        for name in faults:
            assert (await _answer(here, UNKNOWN[name]().octets())).status == 401
        octets = HMAC.call(TARGET, body=BODY).octets()
        assert [(await _answer(here, octets)).status for _ in range(2)] == [200, 401]
        told = [*faults.values(), ("plug-in", "repeated")]
        scraped = await here.scrape()
        for client, fault in set(told):
            counted = (
                f'relay_signatures_refused_total{{client="{client}",fault="{fault}"}} {told.count((client, fault))}'
            )
            assert f"{counted}.0\n" in scraped
        assert "stranger" not in scraped


@pytest.mark.parametrize("name", BODIES)
async def test_another_body_than_was_signed_is_refused_and_never_ends_upstream(tmp_path: Path, name: str) -> None:
    async with _signing(tmp_path) as (here, whole):
        answer = await _answer(here, BODIES[name]().octets())
        assert answer.status == 400
        await _is_refused(here, whole, answer, "digest_wrong")


@pytest.mark.parametrize("name", BODIES)
async def test_another_body_that_comes_after_its_head_never_ends_upstream(tmp_path: Path, name: str) -> None:
    async with _signing(tmp_path) as (here, whole):
        call = BODIES[name]()
        call.fields.append(("Expect", "100-continue"))
        async with line(here.port) as caller:
            answer = await (await caller.send(call.head())).answer()
            if call.body:
                assert answer.status == 100
                half = len(call.framed()) // 2
                for part in (call.framed()[:half], call.framed()[half:]):
                    await caller.send(part)
                answer = await caller.answer()
        assert answer.status == 400
        await _is_refused(here, whole, answer, "digest_wrong")


async def test_a_call_that_was_seen_is_refused_whichever_worker_sees_it_again(tmp_path: Path) -> None:
    async with _signing(tmp_path) as (here, whole):
        octets = HMAC.call(TARGET, body=BODY).octets()
        assert (await _answer(here, octets)).status == 200
        for _ in range(8):
            answer = await _answer(here, octets)
            assert (answer.status, _code(answer)) == (401, "caller_unknown")
        assert len(whole.requests) == 1


async def test_a_call_that_was_signed_before_the_relay_began_cannot_be_told_from_a_repeat(tmp_path: Path) -> None:
    async with _signing(tmp_path) as (here, whole):
        answer = await _answer(here, HMAC.call(TARGET, body=BODY, created=now() - 100).octets())
        assert (answer.status, answer.field("retry-after")) == (503, "5")
        await _is_refused(here, whole, answer, "caller_undecided")


async def test_an_unsigned_digest_is_not_looked_at_and_travels_on(tmp_path: Path) -> None:
    async with _signing(tmp_path) as (here, whole):
        call = HMAC.call(TARGET, method="GET", extra=[("Content-Digest", WRONG)])
        assert (await _answer(here, call.octets())).status == 200
        assert WRONG.encode() in whole.requests[0].head


async def test_a_secret_is_replaced_without_a_restart_and_a_bad_one_changes_nothing(tmp_path: Path) -> None:
    async with _signing(tmp_path) as (here, _):
        fresh = secrets.token_bytes(32)
        file = tmp_path / "plug-in.secret"
        file.write_bytes(b64encode(b"too short"))
        await until(lambda: any(each["event"] == "clients_refused" for each in here.lines))
        refused = next(each for each in here.lines if each["event"] == "clients_refused")
        assert refused["key"] == "clients.plug-in.signature_keys.0.secret_file"
        assert (await _answer(here, HMAC.call(TARGET, body=BODY).octets())).status == 200
        file.write_bytes(b64encode(fresh))
        await until(lambda: any(each["event"] == "clients_taken" for each in here.lines))
        signer = signing.shared("plug-in", fresh)
        assert (await _answer(here, HMAC.call(TARGET, body=BODY).octets())).status == 401
        assert (await _answer(here, signer.call(TARGET, body=BODY).octets())).status == 200
        assert b64encode(fresh).decode() not in str(here.lines)


async def test_a_key_beside_a_signature_is_one_credential_too_many(tmp_path: Path) -> None:
    """Who holds both could sign with one and be taken for the other."""
    async with _signing(tmp_path) as (here, _):
        call = HMAC.call(TARGET, body=BODY, extra=[here.authorised])
        assert (await _answer(here, call.octets())).status == 401
        for half in ("Signature", "Signature-Input"):
            fields = (here.authorised, (half, dict(call.fields)[half]))
            assert (await _answer(here, request("GET", PATH, *fields))).status == 401
        assert (await _answer(here, request("GET", PATH, here.authorised))).status == 200
