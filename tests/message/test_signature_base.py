"""What is signed is what RFC 9421 says, by its own vectors and by another implementation."""

from base64 import b64decode
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from http_message_signatures import (
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)
from hypothesis import given
from hypothesis import strategies as st

from relay.auth.signature_fields import read_signatures
from relay.auth.signature_keys import ED25519, P256, SharedSecret, SignatureKey, read_public_key
from relay.message.fields import Fields
from relay.message.head import RequestHead
from relay.message.signature_base import NoSignatureBase, signature_base
from tests.kit import signing

# RFC 9421, appendix B.1: keys for tests, known to all the world.
SHARED = SharedSecret(
    b64decode("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==")
)
EDWARDS = read_public_key(
    b"-----BEGIN PUBLIC KEY-----\n"
    b"MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n",
    ED25519,
)
NIST = read_public_key(
    b"-----BEGIN PUBLIC KEY-----\n"
    b"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf\n"
    b"w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==\n-----END PUBLIC KEY-----\n",
    P256,
)
CERTIFICATE = (
    b":MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF"
    b"0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaU"
    b"gmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgB"
    b"Rm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUu"
    b"Y29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBV"
    b"Z1yhk=:"
)
DATE = (b"Date", b"Tue, 20 Apr 2021 02:07:55 GMT")
JSON = (b"Content-Type", b"application/json")
LENGTH = (b"Content-Length", b"18")


def _request(host: bytes = b"example.com") -> RequestHead:
    """Return the request of appendix B.2, as another host may have it."""
    fields = ((b"Host", host), DATE, JSON, LENGTH, (b"Client-Cert", CERTIFICATE))
    return RequestHead(b"POST", b"/foo?param=Value&Pet=dog", Fields(fields))


def _transformed() -> RequestHead:
    """Return the request of appendix B.4, two of whose fields have one name."""
    fields = ((b"Host", b"example.org"), (b"Accept", b"application/json"), (b"Accept", b"*/*"))
    return RequestHead(b"GET", b"/demo?name1=Value1&Name2=value2", Fields(fields))


VECTORS = {
    "B.2.5": (
        _request(),
        SHARED,
        b'sig=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
        b"sig=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
    ),
    "B.2.6": (
        _request(),
        EDWARDS,
        b'sig=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473'
        b';keyid="test-key-ed25519"',
        b"sig=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    ),
    "B.3": (
        _request(b"service.internal.example"),
        NIST,
        b'sig=("@path" "@query" "@method" "@authority" "client-cert");created=1618884473;keyid="test-key-ecc-p256"',
        b"sig=:xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==:",
    ),
    "B.4": (
        _transformed(),
        EDWARDS,
        b'sig=("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519"',
        b"sig=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:",
    ),
}


@pytest.mark.parametrize(("head", "key", "shown", "signature"), VECTORS.values(), ids=VECTORS.keys())
def test_the_vectors_of_the_rfc_hold(head: RequestHead, key: SignatureKey, shown: bytes, signature: bytes) -> None:
    [read] = read_signatures(shown, signature)
    base = signature_base(head, read.covered, read.text)
    assert key.proves(read.signature, base)
    assert not key.proves(read.signature, base + b" ")
    assert not key.proves(read.signature[:-1], base)


def test_every_component_has_the_value_that_the_rfc_gives_it() -> None:
    head = RequestHead(
        b"POST", b"/a%20b?x=1&x=2?", Fields(((b"HOST", b"EXAMPLE.com:443"), (b"X-A", b" one "), (b"x-a", b"")))
    )
    covered = ["@method", "@scheme", "@authority", "@target-uri", "@request-target", "@path", "@query", "x-a"]
    assert signature_base(head, covered, "()").decode().splitlines() == [
        '"@method": POST',
        '"@scheme": https',
        '"@authority": example.com',
        '"@target-uri": https://example.com/a%20b?x=1&x=2?',
        '"@request-target": /a%20b?x=1&x=2?',
        '"@path": /a%20b',
        '"@query": ?x=1&x=2?',
        '"x-a": one, ',
        '"@signature-params": ()',
    ]


@pytest.mark.parametrize(
    ("target", "covered"),
    [
        (b"/", ["@method", "@method"]),
        (b"/", ["x-absent"]),
        (b"/", ["Host"]),
        (b"/", ["@status"]),
        (b"/", ["@query-param"]),
        (b"/", ["@signature-params"]),
        (b"/", ["x-latin"]),
        (b"/", ['x": y']),
        (b"https://example.com/", ["@method"]),
        (b"*", ["@path"]),
    ],
)
def test_what_has_no_one_reading_has_no_base(target: bytes, covered: list[str]) -> None:
    head = RequestHead(b"GET", target, Fields(((b"Host", b"example.com"), (b"X-Latin", b"\xe9"))))
    with pytest.raises(NoSignatureBase):
        signature_base(head, covered, "()")


# -- beside another implementation ---------------------------------------------------------------------------


@dataclass
class _Message:
    """A request as that library wants it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


class _Resolver(HTTPSignatureKeyResolver):
    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def resolve_public_key(self, key_id: str) -> object:
        return load_pem_public_key(self._pem)

    def resolve_private_key(self, key_id: str) -> object:
        raise NotImplementedError


KEY = ed25519.Ed25519PrivateKey.generate()
SIGNER = signing.edwards("key", KEY)
COVERABLE = ("@method", "@authority", "@target-uri", "@path", "@query", "x-a", "content-digest")
ALNUM = "abcXYZ019-._~"


@given(
    covered=st.lists(st.sampled_from(COVERABLE), min_size=1, unique=True),
    path=st.text(ALNUM, max_size=8),
    query=st.none() | st.text(ALNUM + "=&", max_size=8),
    host=st.sampled_from(["localhost", "relay.example", "relay.example:8443"]),
    value=st.text("abc ,;=\"'\t", max_size=10).map(str.strip),
    spoiled=st.booleans(),
)
def test_it_agrees_with_another_implementation(
    covered: list[str], path: str, query: str | None, host: str, value: str, spoiled: bool
) -> None:
    target = f"/{path}" + ("" if query is None else f"?{query}")
    call = SIGNER.call(target, host=host, body=b"x", covered=covered, extra=[("X-A", value)])
    call.method = "PUT" if spoiled else call.method
    shown = dict(call.fields)
    [read] = read_signatures(shown["Signature-Input"].encode(), shown["Signature"].encode())
    head = RequestHead(
        call.method.encode(),
        call.target.encode(),
        Fields([(b"Host", host.encode()), *((name.encode(), each.encode()) for name, each in call.fields)]),
    )
    key = read_public_key(signing.public_pem(KEY), ED25519)
    ours = key.proves(read.signature, signature_base(head, read.covered, read.text))
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=_Resolver(KEY))
    try:
        verifier.verify(_Message(call.method, f"https://{host}{target}", {"Host": host, **shown}))
        theirs = True
    except InvalidSignature:
        theirs = False
    assert ours == theirs == (not spoiled or "@method" not in covered)
