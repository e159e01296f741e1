"""A target that can be read in two ways is refused; what is taken is never mended (check-list C2, C3, C4, C15)."""

import re
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.errors import AmbiguousTarget, MalformedRequest, RelayError, WrongHost
from relay.message.fields import Fields
from relay.message.head import RequestHead
from relay.message.target import target_of


def _head(target: bytes, *hosts: bytes) -> RequestHead:
    return RequestHead(b"GET", target, Fields((b"Host", host) for host in hosts or (b"relay.example",)))


@pytest.mark.parametrize(
    "target",
    [
        b"/",
        b"/a/b?",
        b"/a?x=/../&y=%2f//",
        b"/A%20b;c=1/~x?q=a+b&Empty=&%C3%A9=%ff?",
        b"/a/.../b",
        b"/a/..b/.c",
        b"/a/b.",
        b"/$metadata(x='1')[0]|{y}^`!*@:,=&+",
        b"/" + b"a" * 8000,
    ],
)
def test_a_plain_target_is_taken_octet_by_octet(target: bytes) -> None:
    taken = target_of(_head(target))
    assert taken.octets == target
    assert taken.path == target.split(b"?")[0]


@pytest.mark.parametrize(
    "target",
    [
        b"/a/../b",
        b"/a/./b",
        b"/..",
        b"/a/%2e%2e/b",
        b"/a/%2E./b",
        b"/a/..;x=1/b",
        b"/a/..%3bx/b",
        b"//a",
        b"/a//b",
        b"/a%2fb",
        b"/a%2Fb",
        b"/a%5cb",
        b"/a%00",
        b"/a/%252e%252e/b",
        b"/a/%252%65%252%65/b",
        b"/a%252fb",
        b"/a%25%32%66b",
        b"/a%255cb",
        b"/a%2500",
        b"/a%25252fb",
        b"/a%0d%0aX:y",
        b"/a%1F",
        b"/a%7f",
        b"/a%250a",
    ],
)
def test_a_path_that_can_be_read_in_two_ways_is_refused(target: bytes) -> None:
    with pytest.raises(AmbiguousTarget):
        target_of(_head(target))


@pytest.mark.parametrize(
    "target",
    [
        b"",
        b"a",
        b"*",
        b"relay.example:443",
        b"/a#b",
        b"/a?b#c",
        b"/a b",
        b"/a\tb",
        b"/a\x00",
        b"/a\r",
        b"/a\n",
        b"/\xc3\xa9",
        b"/a\\b",
        b'/"',
        b"/<a>",
        b"/a%",
        b"/a%2",
        b"/a%zz",
        b"/a?%x",
        b"http://relay.example",
        b"ftp://relay.example/",
    ],
)
def test_what_is_no_path_with_a_query_is_malformed(target: bytes) -> None:
    with pytest.raises(MalformedRequest):
        target_of(_head(target))


def test_the_absolute_form_is_taken_for_our_own_host() -> None:
    taken = target_of(_head(b"HTTPS://Relay.Example:8443/a?b", b"relay.example"))
    assert (taken.octets, taken.host) == (b"/a?b", "relay.example")


def test_the_absolute_form_never_leads_to_another_host() -> None:
    with pytest.raises(WrongHost):
        target_of(_head(b"http://elsewhere.example/a"))


@pytest.mark.parametrize("hosts", [(b"a.example", b"a.example"), (b"a.example", b"b.example")])
def test_two_hosts_are_malformed(hosts: tuple[bytes, ...]) -> None:
    with pytest.raises(MalformedRequest):
        target_of(_head(b"/", *hosts))


def test_no_host_is_malformed() -> None:
    with pytest.raises(MalformedRequest):
        target_of(RequestHead(b"GET", b"/", Fields()))


@pytest.mark.parametrize(
    "host",
    [b"", b" ", b"u@a.example", b"a.example/x", b"a.example, b.example", b"a.example:", b"a.example:x",
     b"a.example:65536", b"a.example:-1", b"a .example", b"-a", b"a.", b"a\x00", b"[]", b"[::1", b"::1", b"[::1]x",
     b"[v1.a]", b"\xc3\xa9.example"],
)  # fmt: skip
def test_an_invalid_host_is_malformed(host: bytes) -> None:
    with pytest.raises(MalformedRequest):
        target_of(_head(b"/", host))


def test_an_address_of_version_6_is_a_host() -> None:
    assert target_of(_head(b"/", b"[2001:DB8::1]:443")).host == "[2001:db8::1]"


@pytest.mark.parametrize("method", [b"GET", b"POST", b"HEAD"])
def test_an_asterisk_is_a_target_with_options_only(method: bytes) -> None:
    fields = Fields(((b"Host", b"relay.example"),))
    assert target_of(RequestHead(b"OPTIONS", b"*", fields)).path == b"*"
    with pytest.raises(MalformedRequest):
        target_of(RequestHead(method, b"*", fields))


def test_an_encoded_control_in_a_query_is_taken_as_it_is() -> None:
    assert target_of(_head(b"/a?b=%0d%0a%00")).octets == b"/a?b=%0d%0a%00"


def test_a_host_is_compared_in_lower_case_and_without_its_port() -> None:
    assert target_of(_head(b"/", b"Relay.EXAMPLE:8443")).host == "relay.example"


# Pieces of which second readings are made, with few harmless ones between them.
_PIECES = st.sampled_from(
    [b"/", b".", b"%2e", b"%25", b"2", b"e", b"f", b"c", b"%32", b"%35", b"%65", b"%66", b";", b"%3b"]
)


@settings(max_examples=300)
@given(st.lists(_PIECES, max_size=8))
def test_a_taken_path_reads_the_same_however_often_it_is_decoded(pieces: list[bytes]) -> None:
    octets = b"/" + b"".join(pieces)
    try:
        path = target_of(_head(octets)).path
    except RelayError:
        return
    decoded = path
    for _ in range(5):
        decoded = unquote_to_bytes(decoded)
        assert decoded.count(b"/") == path.count(b"/")
        assert not re.search(rb"(^|/)\.{1,2}(/|;|$)", decoded)
        assert b"\\" not in decoded


def test_a_path_that_stays_encoded_is_refused_rather_than_decoded_for_ever() -> None:
    with pytest.raises(AmbiguousTarget):
        target_of(_head(b"/%" + b"25" * 8000 + b"41"))


def test_an_encoded_percent_that_hides_nothing_is_taken() -> None:
    assert target_of(_head(b"/100%25/a%2541")).path == b"/100%25/a%2541"
