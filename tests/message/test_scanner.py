"""The scanner refuses what two servers could read in two ways (RFC 9112; check-list C1, C2, C5, C6)."""

from contextlib import suppress
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.errors import HeadTooLarge, MalformedRequest, MethodUnknown, RelayError, TargetTooLong, VersionUnknown
from relay.message import scanner
from relay.message.head import RequestHead, request_octets
from relay.message.scanner import LONGEST_TARGET, MOST_FIELDS, overlong

PLAIN = b'POST /cov?q= HTTP/1.1\r\nHost: a\r\nSOAPAction: "x"\r\nX-Empty:\r\nX-Tab:\ta b\t'


def scan(octets: bytes) -> RequestHead:
    return scanner.scan_request(octets + b"\r\n")


def test_a_head_is_read_as_it_stands() -> None:
    head = scan(PLAIN)
    assert (head.method, head.target, head.minor) == (b"POST", b"/cov?q=", 1)
    assert head.fields == ((b"Host", b"a"), (b"SOAPAction", b'"x"'), (b"X-Empty", b""), (b"X-Tab", b"a b"))


def test_http_1_0_is_told_apart() -> None:
    assert scan(b"GET / HTTP/1.0\r\nHost: a").minor == 0


def test_a_value_may_hold_octets_beyond_ascii() -> None:
    assert scan(b"GET / HTTP/1.1\r\nX: \xc3\xa9").fields == ((b"X", b"\xc3\xa9"),)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"GET /",
        b"GET  / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b" GET / HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET\t/ HTTP/1.1",
        b"G(T / HTTP/1.1",
        b"GET / http/1.1",
        b"\r\nGET / HTTP/1.1",
        b"GET / HTTP/1.1\r\nHost : a",
        b"GET / HTTP/1.1\r\n Host: a",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded",
        b"GET / HTTP/1.1\r\nHost: a\r\n\tfolded",
        b"GET / HTTP/1.1\r\nNo colon",
        b"GET / HTTP/1.1\r\n: a",
        b"GET / HTTP/1.1\r\nX_Relay: a",
        b"GET / HTTP/1.1\r\nX\xe9: a",
        b"GET / HTTP/1.1\nHost: a",
        b"GET / HTTP/1.1\r\nX: a\rb",
        b"GET / HTTP/1.1\r\nX: a\nb",
        b"GET / HTTP/1.1\r\nX: a\x00b",
        b"GET / HTTP/1.1\r\nX: a\x7fb",
        b"GET / HTTP/1.1\r\nX: a\x0bb",
        b"GET /\x01 HTTP/1.1",
        b"GET / HTTP/1.1\r\nContent-Type: a\r\ncontent-type: b",
        b"GET / HTTP/1.1\r\nAuthorization: a\r\nAuthorization: a",
    ],
)
def test_what_is_not_plainly_a_head_is_malformed(octets: bytes) -> None:
    with pytest.raises(MalformedRequest):
        scan(octets)


@pytest.mark.parametrize("version", [b"2.0", b"1.2", b"0.9", b"9.9"])
def test_another_version_is_refused_as_such(version: bytes) -> None:
    with pytest.raises(VersionUnknown):
        scan(b"GET / HTTP/" + version + b"\r\nHost: a")


@pytest.mark.parametrize("version", [b"1", b"2", b"11.1", b"01.1", b"1.10", b"1.1.1", b"111", b"+1.1", b" 1.1", b""])
def test_what_is_no_version_is_malformed_rather_than_unknown(version: bytes) -> None:
    with pytest.raises(MalformedRequest):
        scan(b"GET / HTTP/" + version + b"\r\nHost: a")


@pytest.mark.parametrize("name", [b"Range", b"User-Agent", b"Max-Forwards", b"If-Modified-Since", b"SOAPAction"])
def test_a_field_that_stands_once_or_not_at_all_is_malformed_twice(name: bytes) -> None:
    with pytest.raises(MalformedRequest):
        scan(b"GET / HTTP/1.1\r\nHost: a\r\n%b: 1\r\n%b: 1" % (name, name.lower()))


@pytest.mark.parametrize(
    ("octets", "fault"),
    [
        (b"G" * 70_000, MethodUnknown),
        (b"G" * 70_000 + b" / HTTP/1.1\r\n", MethodUnknown),
        (b"GET /" + b"a" * 70_000, TargetTooLong),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a", TargetTooLong),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000, HeadTooLarge),
        (b"\x00" * 70_000, MalformedRequest),
        (b" " * 70_000, MalformedRequest),
    ],
    ids=["method", "method and more", "target", "target and more", "field", "NUL", "space"],
)
def test_what_is_too_long_is_told_by_its_part(octets: bytes, fault: type[RelayError]) -> None:
    assert type(overlong(octets)) is fault


def test_a_target_of_8000_octets_is_taken_and_a_longer_one_refused() -> None:
    assert len(scan(b"GET /" + b"a" * 7999 + b" HTTP/1.1").target) == 8000
    with pytest.raises(TargetTooLong):
        scan(b"GET /" + b"a" * LONGEST_TARGET + b" HTTP/1.1")


def test_too_many_fields_are_refused() -> None:
    assert len(scan(b"GET / HTTP/1.1" + b"\r\nX: a" * MOST_FIELDS).fields) == MOST_FIELDS
    with pytest.raises(HeadTooLarge):
        scan(b"GET / HTTP/1.1" + b"\r\nX: a" * (MOST_FIELDS + 1))


@given(st.binary(max_size=200))
def test_whatever_comes_is_a_head_or_a_refusal(octets: bytes) -> None:
    with suppress(RelayError):
        scan(octets)


@given(
    st.lists(
        st.tuples(
            st.from_regex(rb"[A-Za-z][A-Za-z0-9-]{0,8}", fullmatch=True),
            st.from_regex(rb"([!-~]([ -~]{0,9}[!-~])?)?", fullmatch=True),
        ),
        max_size=8,
    )
)
def test_what_is_read_goes_out_as_the_same_octets(pairs: list[tuple[bytes, bytes]]) -> None:
    octets = b"PUT /x HTTP/1.1\r\n" + b"".join(
        [b"%b: %b\r\n" % pair if pair[1] else b"%b:\r\n" % pair[:1] for pair in pairs]
    )
    try:
        head = scan(octets[:-2])
    except MalformedRequest:
        assert any(name.lower() in (b"te", b"host") for name, _ in pairs) or len(pairs) > 1
    else:
        assert request_octets(head) == octets + b"\r\n"


@pytest.mark.parametrize("filler", [b" ", b"a ", b"a", b"\t", b"X: \r\n"], ids=repr)
def test_a_head_made_to_be_slow_is_not(filler: bytes) -> None:
    began = perf_counter()
    with pytest.raises((MalformedRequest, HeadTooLarge)):
        scan(b"GET / HTTP/1.1\r\nX:" + filler * (60_000 // len(filler)) + b"\x01")
    assert perf_counter() - began < 0.2
