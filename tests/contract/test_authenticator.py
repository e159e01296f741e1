"""What every way of proving who calls has to keep: the contract of `Authenticator`.

A new way adds one entry to WAYS: how to make it, what a call shows that it accepts, and what those show that
it must refuse.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from relay.auth.api_key import ApiKeys, NewKey, digest_of, new_key
from relay.auth.caller import Authenticator, Caller
from relay.auth.client_certificate import ClientCertificates
from relay.auth.client_trust import ClientTrust
from relay.auth.ways import Ways
from relay.authority.issued import Issued
from relay.errors import CallerUnknown, ClientCertificateForeign
from relay.message.fields import Field, Fields
from relay.message.head import RequestHead
from relay.x509.identity import identify, readable
from tests.kit import authority as kit

CALLER = Caller("dynamics", frozenset(("linde",)), "api_key")
OTHER = Caller("other", frozenset(("linde",)), "api_key")
CERTIFIED, OTHER_CERTIFIED = (replace(each, way="client_certificate") for each in (CALLER, OTHER))


@dataclass(frozen=True)
class Shown:
    """What a call shows of who makes it: fields of its head, and a certificate in TLS (DER)."""

    fields: tuple[Field, ...] = ()
    certificate: bytes | None = None


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
    return ApiKeys({key.id: (key.digest, CALLER), other.id: (other.digest, OTHER)})


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


def _certificate(authenticator: ClientCertificates, right: Issued) -> Way:
    return Way(
        authenticator=authenticator,
        nobody=_certificates(pinned={}, subjects={}),
        right=Shown((), _der(right)),
        secret=right.key_pem().decode(),
        wrong={"of nobody": Shown((), _der(kit.personal())), "a key instead": Shown(_key(_keys()[0].text))},
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


WAYS: dict[str, Callable[[], Way]] = {
    "api_key": _api_key,
    "certificate by subject": lambda: _certificate(_by_subject(), kit.system()),
    "certificate by pin": lambda: _certificate(_by_pin(), kit.foreign()),
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
    return RequestHead(b"POST", b"/", Fields(((b"Host", b"relay.example"), *shown.fields)))


def _authenticate(authenticator: Authenticator, shown: Shown) -> Caller:
    found = authenticator.authenticate(_head(shown), shown.certificate, kit.AT)
    assert isinstance(found, Caller)
    return found


def test_right_credentials_prove_their_caller(way: Way) -> None:
    assert _authenticate(way.authenticator, way.right).client == "dynamics"


def test_the_fields_names_may_be_in_any_case(way_by_field: Way) -> None:
    right = way_by_field.right
    swapped = Shown(tuple((name.swapcase(), value) for name, value in right.fields), right.certificate)
    assert _authenticate(way_by_field.authenticator, swapped).client == "dynamics"


def test_no_credentials_prove_nobody(way: Way) -> None:
    with pytest.raises(CallerUnknown):
        _authenticate(way.authenticator, Shown())


def test_empty_credentials_prove_nobody(way_by_field: Way) -> None:
    right = way_by_field.right
    with pytest.raises(CallerUnknown):
        _authenticate(
            way_by_field.authenticator, Shown(tuple((name, b"") for name, _ in right.fields), right.certificate)
        )


def test_credentials_given_twice_prove_nobody(way_by_field: Way) -> None:
    """Two readers could each take another one of the two."""
    right = way_by_field.right
    with pytest.raises(CallerUnknown):
        _authenticate(way_by_field.authenticator, Shown(right.fields + right.fields, right.certificate))


def test_wrong_credentials_prove_nobody_and_never_hear_which_part_was_wrong(way: Way) -> None:
    details = set()
    for shown in way.wrong.values():
        with pytest.raises(CallerUnknown) as refused:
            _authenticate(way.authenticator, shown)
        details.add(refused.value.detail)
    with pytest.raises(CallerUnknown) as refused:
        _authenticate(way.authenticator, Shown())
    assert details == {refused.value.detail}


def test_where_nobody_is_known_everybody_is_refused(way: Way) -> None:
    # A pinned certificate of a foreign authority is then foreign, which its holder may know.
    with pytest.raises((CallerUnknown, ClientCertificateForeign)):
        _authenticate(way.nobody, way.right)


def test_the_fields_with_credentials_are_named_so_that_they_stay_here(way: Way) -> None:
    assert {name.lower() for name, _ in way.right.fields} <= way.authenticator.secrets(_head(way.right))


def test_no_secret_shows(way: Way) -> None:
    assert way.secret not in repr(way.authenticator)
    kept = [getattr(way.authenticator, name, None) for name in dir(way.authenticator)]
    assert way.secret not in repr(kept)
