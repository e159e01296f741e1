"""A key in the query is told however it is written, and never travels on; everything else does, as it came."""

from urllib.parse import quote

import pytest

from relay.errors import MalformedRequest
from relay.message.query_key import key_in_query, without_key

KEY = b"rk_abcdefghijklmnop_" + b"Z" * 43
ENCODED = b"".join(b"%%%02x" % octet for octet in KEY)


@pytest.mark.parametrize(
    ("target", "left"),
    [
        (b"/a?code=" + KEY, b"/a"),
        (b"/a?b=1&code=" + KEY + b"&c=%20&d", b"/a?b=1&c=%20&d"),
        (b"/a?code=" + KEY + b"&", b"/a?"),
        (b"/a?&code=" + KEY, b"/a?"),
        (b"/a?c%6Fde=" + KEY, b"/a"),
        (b"/a?%63%6f%64%65=" + ENCODED + b"&b=1", b"/a?b=1"),
        (b"https://relay.example/a?code=" + KEY, b"https://relay.example/a"),
    ],
)
def test_the_parameter_goes_and_the_rest_stays(target: bytes, left: bytes) -> None:
    assert (key_in_query(target), without_key(target)) == (KEY, left)


@pytest.mark.parametrize(
    "target",
    [
        b"/a",
        b"/a?",
        b"/a?code=eyJhbGciOi&b=%20",
        b"/a?code=1&code=2",
        b"/a?code",
        b"/a?code=rk_",
        b"/a?code=rk_short_x",
        b"/a?work_item=1&rk_=%72%6b",
    ],
)
def test_what_holds_no_key_travels_as_it_came(target: bytes) -> None:
    assert key_in_query(target) is None
    assert without_key(target) is target


@pytest.mark.parametrize("other", [b"code=1", b"%63ode=1", b"code", b"code=" + KEY])
def test_a_second_code_makes_it_nobodys_and_keeps_it_here(other: bytes) -> None:
    for target in (b"/a?code=" + KEY + b"&" + other, b"/a?" + other + b"&code=" + KEY):
        assert key_in_query(target) == b""
        with pytest.raises(MalformedRequest):
            without_key(target)


@pytest.mark.parametrize(
    "target",
    [
        b"/a?Code=" + KEY,
        b"/a?b=" + KEY,
        b"/a?" + KEY,
        b"/a;code=" + KEY,
        b"/" + KEY + b"/b",
        b"/a?b=1;code=" + KEY,
        b"/a?b=" + ENCODED,
        b"/a?code=" + quote(ENCODED).encode(),
        b"/a?code=" + quote(quote(ENCODED)).encode(),
        b"/a?b=" + quote(quote(quote(quote(ENCODED)))).encode(),
        b"/a?code=" + KEY + b"&b=" + ENCODED,
        b"/a?code=x" + KEY,
    ],
)
def test_a_key_in_any_other_place_goes_nowhere(target: bytes) -> None:
    with pytest.raises(MalformedRequest) as refused:
        without_key(target)
    assert KEY.decode() not in refused.value.detail
