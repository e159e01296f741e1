"""What every way of proving who calls has to keep: the contract of `Authenticator`.

A new way adds one entry to WAYS: how to make it, what a call shows that it accepts, and what those show that
it must refuse.
"""

import asyncio
import math
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache

import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from relay.auth.api_key import ApiKeys, KnownKey, NewKey, digest_of, new_key
from relay.auth.basic import NewPassword, Passwords, new_password
from relay.auth.caller import Authenticator, Awaited, Caller, Outcome
from relay.auth.client_certificate import ClientCertificates
from relay.auth.client_trust import ClientTrust
from relay.auth.hashing import Hashing
from relay.auth.issuer import Issuer
from relay.auth.key_ring import KeyRing, keys_in
from relay.auth.nonces import OwnNonces, UsedNonces
from relay.auth.signature import Signatures
from relay.auth.signature_keys import SharedSecret
from relay.auth.tokens import Grant, Tokens
from relay.auth.ways import Ways
from relay.authority.issued import Issued
from relay.errors import CallerUnknown, ClientCertificateForeign, RelayError
from relay.message.fields import Field, Fields
from relay.message.head import RequestHead
from relay.x509.identity import identify, readable
from tests.kit import authority as kit
from tests.kit import directory, signing

CALLER = Caller("dynamics", frozenset(("linde",)), "api_key")
OTHER = Caller("other", frozenset(("linde",)), "api_key")
SIGNED = replace(CALLER, way="signature")
CERTIFIED, OTHER_CERTIFIED = (replace(each, way="client_certificate") for each in (CALLER, OTHER))


@dataclass(frozen=True)
class Shown:
    """What a call shows of who makes it: fields of its head, a certificate in TLS (DER), its target."""

    fields: tuple[Field, ...] = ()
    certificate: bytes | None = None
    target: bytes = b"/"


@dataclass(frozen=True)
class Way:
    """One way, ready to be tried. `secret` is what must never show."""

    authenticator: Authenticator
    nobody: Authenticator
    right: Shown
    secret: str
    wrong: dict[str, Shown] = field(default_factory=dict)


@cache
def _keys() -> tuple[NewKey, NewKey]:
    return new_key(), new_key()


def _api_keys() -> ApiKeys:
    key, other = _keys()
    return ApiKeys({key.id: KnownKey(key.digest, CALLER), other.id: KnownKey(other.digest, OTHER)})


def _key(text: str | bytes) -> tuple[Field, ...]:
    return ((b"X-Api-Key", text.encode() if isinstance(text, str) else text),)


def _wrong_keys() -> dict[str, Shown]:
    key, other = _keys()
    text = key.text.encode()
    wrong = {
        "altered": text[:-1] + (b"A" if text[-1:] != b"A" else b"B"),
        "of another": f"rk_{other.id}_{key.text.rpartition('_')[2]}".encode(),
        "cut short": text[:-1],
        "with more": text + b"x",
        "stored form": digest_of(text).encode(),
        "not ASCII": text + b"\xff",
    }
    return {name: Shown(_key(value)) for name, value in wrong.items()}


def _der(issued: Issued) -> bytes:
    return issued.certificate.public_bytes(Encoding.DER)


def _certificates(*, pinned: dict[bytes, Caller], subjects: dict[str, Caller]) -> ClientCertificates:
    trust = ClientTrust.of(kit.authority().trust_pem(), b"")
    return ClientCertificates(pinned=pinned, subjects=subjects, trust=trust)


def _by_subject() -> ClientCertificates:
    return _certificates(
        pinned={}, subjects={readable(kit.system().certificate.subject): CERTIFIED, "CN=other": OTHER_CERTIFIED}
    )


def _by_pin() -> ClientCertificates:
    pin = bytes.fromhex(identify(kit.foreign().certificate).fingerprint)
    return _certificates(pinned={pin: CERTIFIED}, subjects={})


def _api_key() -> Way:
    key = _keys()[0]
    return Way(
        authenticator=_api_keys(),
        nobody=ApiKeys({}),
        right=Shown(_key(key.text)),
        secret=key.text,
        wrong=_wrong_keys() | {"a certificate instead": Shown((), _der(kit.system()))},
    )


def _queried(text: str, more: str = "", *fields: Field) -> Shown:
    return Shown(fields, None, f"/a?b=1&code={text}{more}".encode())


def _key_in_query() -> Way:
    key, other, late, elsewhere = (*_keys(), new_key(), new_key())
    keys = {
        key.id: KnownKey(key.digest, CALLER, in_query=True),
        other.id: KnownKey(other.digest, OTHER),
        late.id: KnownKey(late.digest, CALLER, expires=kit.AT, in_query=True),
    }
    altered = key.text[:-1] + ("A" if key.text[-1] != "A" else "B")
    return Way(
        authenticator=ApiKeys(keys, field="Our-Key"),
        nobody=ApiKeys({}, field="Our-Key"),
        right=_queried(key.text),
        secret=key.text,
        wrong={
            "altered": _queried(altered),
            "unknown": _queried(elsewhere.text),
            "expired": _queried(late.text),
            "of a client that may not": _queried(other.text),
            "twice": _queried(key.text, f"&code={key.text}"),
            "beside another code": _queried(key.text, "&c%6fde=1"),
            "beside the field": _queried(key.text, "", (b"Our-Key", key.text.encode())),
            "beside an empty field": _queried(key.text, "", (b"Our-Key", b"")),
            "in another parameter": Shown((), None, f"/a?Code={key.text}".encode()),
            "in the path": Shown((), None, f"/a/code={key.text}".encode()),
            "in the field that is not ours": Shown(_key(key.text)),
        },
    )


def _ring(first: str) -> KeyRing:
    """Return the keys of a directory that had `first` when it was last asked, and has `one` now."""
    issuer = Issuer.entra("entra", directory.TENANT, [directory.AUDIENCE])
    ring = KeyRing(issuer, lambda: 0.0)
    then, now = (keys_in(orjson.dumps({"keys": [directory.jwk(kid)]}), issuer.algorithms) for kid in (first, "one"))
    ring.take(then)
    ring.awaken_by(lambda: ring.take(now))
    return ring


def _tokens(ring: KeyRing, *grants: Grant) -> Tokens:
    return Tokens({("entra", directory.APPLICATION): grants}, [ring], lambda _directory, _fault: None)


def _token(first: str) -> Way:
    grant = Grant(caller=replace(CALLER, way="token"), role="Relay.Call", scope=None, until=math.inf)
    text = directory.token()
    wrong = {
        "altered": f"{text[:-10]}{'A' * 10}",
        "cut short": text[:-4],
        "with more": f"{text}A",
        "of another application": directory.token(directory.claims(azp=directory.OTHER_TENANT)),
        "of another directory": directory.token(directory.claims(iss="https://issuer.example")),
        "expired": directory.token(directory.claims(exp=1)),
        "of another key": directory.token(number=1),
        "of a key that is not there": directory.token(kid="two"),
    }
    instead = {
        "a key instead": Shown(_key(_keys()[0].text)),
        "Basic instead": Shown(((b"Authorization", b"Basic Og"),)),
    }
    return Way(
        authenticator=_tokens(_ring(first), grant),
        nobody=_tokens(_ring(first)),
        right=Shown(_bearer(text)),
        secret=text,
        wrong={name: Shown(_bearer(each)) for name, each in wrong.items()} | instead,
    )


def _bearer(text: str) -> tuple[Field, ...]:
    return ((b"Authorization", f"Bearer {text}".encode()),)


def _certificate(authenticator: ClientCertificates, right: Issued) -> Way:
    return Way(
        authenticator=authenticator,
        nobody=_certificates(pinned={}, subjects={}),
        right=Shown((), _der(right)),
        secret=right.key_pem().decode(),
        wrong={"of nobody": Shown((), _der(kit.personal())), "a key instead": Shown(_key(_keys()[0].text))},
    )


@cache
def _new_passwords() -> tuple[NewPassword, NewPassword]:
    return new_password(), new_password()


@cache
def _hashing() -> Hashing:
    return Hashing()


def _passwords() -> Passwords:
    password, other = _new_passwords()
    return Passwords({"zorg": (password.digest, CALLER), "other": (other.digest, OTHER)}, _hashing())


def _shown(user: str, password: str, scheme: str = "Basic") -> Shown:
    encoded = b64encode(f"{user}:{password}".encode()).decode()
    return Shown(((b"Authorization", f"{scheme} {encoded}".encode()),))


def _basic() -> Way:
    password, other = _new_passwords()
    return Way(
        authenticator=_passwords(),
        nobody=Passwords({}, _hashing()),
        right=_shown("zorg", password.text),
        secret=password.text,
        wrong={
            "altered": _shown("zorg", password.text[:-1]),
            "with more": _shown("zorg", password.text + "x"),
            "of another": _shown("zorg", other.text),
            "of nobody": _shown("nobody", password.text),
            "stored form": _shown("zorg", password.digest),
            "no user": _shown("", password.text),
            "no password": _shown("zorg", ""),
            "another scheme": _shown("zorg", password.text, "Bearer"),
            "no base64": Shown(((b"Authorization", b"Basic %%%"),)),
            "not UTF-8": Shown(((b"Authorization", b"Basic " + b64encode(b"zorg:\xff")),)),
            "a key instead": Shown(_key(_keys()[0].text)),
        },
    )


def _both(right: Shown) -> Way:
    key, other = _keys()
    return Way(
        authenticator=Ways((_api_keys(), _by_subject())),
        nobody=Ways((ApiKeys({}), _certificates(pinned={}, subjects={}))),
        right=right,
        secret=key.text,
        wrong=_wrong_keys()
        | {
            "key of another than the certificate": Shown(_key(other.text), _der(kit.system())),
            "right key, certificate of nobody": Shown(_key(key.text), _der(kit.personal())),
            **{
                f"right certificate, key {name}": Shown(shown.fields, _der(kit.system()))
                for name, shown in _wrong_keys().items()
            },
        },
    )


SECRET = "a shared secret of 32 octets, or more than that"


def _signatures(keys: dict[str, Caller]) -> Signatures:
    known = {keyid: (SharedSecret(SECRET.encode()), caller) for keyid, caller in keys.items()}
    return Signatures(known, OwnNonces(UsedNonces(most=10, since=0), kit.AT.timestamp), lambda _client, _fault: None)


def _signed(keyid: str = "key", secret: str = SECRET, age: int = 0) -> Shown:
    created = int(kit.AT.timestamp()) - age
    call = signing.shared(keyid, secret.encode()).call("/", host="relay.example", created=created)
    return Shown(tuple((name.encode(), value.encode()) for name, value in call.fields))


def _signature() -> Way:
    right = _signed()
    return Way(
        authenticator=_signatures({"key": SIGNED, "other": replace(SIGNED, client="other")}),
        nobody=_signatures({}),
        right=right,
        secret=SECRET,
        wrong={
            "another secret": _signed(secret=SECRET[::-1]),
            "of nobody": _signed(keyid="nobody"),
            "keyid of another": Shown(tuple((name, value.replace(b"key", b"other")) for name, value in right.fields)),
            "without its parameters": Shown(right.fields[1:]),
            "too old": _signed(age=301),
            "a key instead": Shown(_key(_keys()[0].text)),
        },
    )


WAYS: dict[str, Callable[[], Way]] = {
    "api_key": _api_key,
    "api_key in the query": _key_in_query,
    "certificate by subject": lambda: _certificate(_by_subject(), kit.system()),
    "certificate by pin": lambda: _certificate(_by_pin(), kit.foreign()),
    "basic": _basic,
    "signature": _signature,
    "token": lambda: _token("one"),
    "token, once its key is fetched": lambda: _token("before"),
    "either, by key": lambda: _both(Shown(_key(_keys()[0].text))),
    "either, by certificate": lambda: _both(Shown((), _der(kit.system()))),
    "either, by both": lambda: _both(Shown(_key(_keys()[0].text), _der(kit.system()))),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]()


@pytest.fixture(params=[name for name, way in WAYS.items() if way().right.fields])
def way_by_field(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]()


def _head(shown: Shown) -> RequestHead:
    return RequestHead(b"POST", shown.target, Fields(((b"Host", b"relay.example"), *shown.fields)))


async def _authenticate(authenticator: Authenticator, shown: Shown) -> Caller:
    found = authenticator.authenticate(_head(shown), shown.certificate, kit.AT)
    return await _settled(found) if isinstance(found, Awaited) else found


async def _settled(awaited: Awaited) -> Caller:
    told: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    awaited.then(told.set_result)
    outcome = await asyncio.wait_for(told, 10)
    if isinstance(outcome, RelayError):
        raise outcome
    return outcome


async def test_right_credentials_prove_their_caller(way: Way) -> None:
    assert (await _authenticate(way.authenticator, way.right)).client == "dynamics"


async def test_the_fields_names_may_be_in_any_case(way_by_field: Way) -> None:
    right = way_by_field.right
    swapped = Shown(tuple((name.swapcase(), value) for name, value in right.fields), right.certificate)
    assert (await _authenticate(way_by_field.authenticator, swapped)).client == "dynamics"


def test_what_is_shown_is_seen_right_or_wrong_and_nothing_where_nothing_is(way: Way) -> None:
    assert way.authenticator.shown(_head(way.right), way.right.certificate)
    assert not way.authenticator.shown(_head(Shown()), None)


async def test_no_credentials_prove_nobody(way: Way) -> None:
    with pytest.raises(CallerUnknown):
        await _authenticate(way.authenticator, Shown())


async def test_empty_credentials_prove_nobody(way_by_field: Way) -> None:
    right = way_by_field.right
    with pytest.raises(CallerUnknown):
        await _authenticate(
            way_by_field.authenticator, Shown(tuple((name, b"") for name, _ in right.fields), right.certificate)
        )


async def test_credentials_given_twice_prove_nobody(way_by_field: Way) -> None:
    """Two readers could each take another one of the two."""
    right = way_by_field.right
    with pytest.raises(CallerUnknown):
        await _authenticate(way_by_field.authenticator, Shown(right.fields + right.fields, right.certificate))


async def test_wrong_credentials_prove_nobody_and_never_hear_which_part_was_wrong(way: Way) -> None:
    details = set()
    for shown in way.wrong.values():
        with pytest.raises(CallerUnknown) as refused:
            await _authenticate(way.authenticator, shown)
        details.add(refused.value.detail)
    with pytest.raises(CallerUnknown) as refused:
        await _authenticate(way.authenticator, Shown())
    assert details == {refused.value.detail}


async def test_where_nobody_is_known_everybody_is_refused(way: Way) -> None:
    # A pinned certificate of a foreign authority is then foreign, which its holder may know.
    with pytest.raises((CallerUnknown, ClientCertificateForeign)):
        await _authenticate(way.nobody, way.right)


def test_the_fields_with_credentials_are_named_so_that_they_stay_here(way: Way) -> None:
    assert {name.lower() for name, _ in way.right.fields} <= way.authenticator.secrets(_head(way.right))


def test_no_secret_shows(way: Way) -> None:
    assert way.secret not in repr(way.authenticator)
    kept = [getattr(way.authenticator, name, None) for name in dir(way.authenticator)]
    assert way.secret not in repr(kept)
