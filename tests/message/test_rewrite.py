"""A head in, a head out: their host, our hop, none of the caller's secrets (check-list C11 to C16)."""

import pytest

from relay.errors import Looped, MalformedRequest
from relay.message.fields import Fields
from relay.message.framing import CHUNKED, NO_BODY, Framing, Length
from relay.message.head import RequestHead, ResponseHead
from relay.message.rewrite import rewrite_request, rewrite_response


def _rewritten(*fields: tuple[bytes, bytes], framing: Framing = NO_BODY, method: bytes = b"POST") -> Fields:
    head = RequestHead(method, b"http://relay.example/a?", Fields(((b"Host", b"relay.example"), *fields)))
    out = rewrite_request(
        head,
        target=b"/a?",
        host=b"api.vecozo.nl",
        secrets=frozenset((b"x-api-key",)),
        framing=framing,
        pseudonym=b"relay",
    )
    assert (out.method, out.target) == (method, b"/a?")
    return out.fields


def test_the_upstream_gets_its_own_host_first_and_our_hop_last() -> None:
    fields = _rewritten((b"SOAPAction", b"x"), (b"X-Api-Key", b"rk"))
    assert fields == ((b"Host", b"api.vecozo.nl"), (b"SOAPAction", b"x"), (b"Via", b"1.1 relay"))


def test_a_length_goes_out_as_it_came() -> None:
    fields = _rewritten((b"content-length", b"007"), framing=Length(7))
    assert (b"content-length", b"007") in fields
    assert not [name for name, _ in fields if name == b"Transfer-Encoding"]


def test_chunks_go_out_as_chunks_and_nothing_else() -> None:
    fields = _rewritten((b"transfer-encoding", b"chunked"), (b"TE", b"trailers"), framing=CHUNKED)
    assert fields == ((b"Host", b"api.vecozo.nl"), (b"Transfer-Encoding", b"chunked"), (b"Via", b"1.1 relay"))


def test_our_hop_is_added_after_connection_has_spoken() -> None:
    fields = _rewritten((b"Connection", b"Via, Host, Transfer-Encoding"), framing=CHUNKED)
    assert [name for name, _ in fields] == [b"Host", b"Transfer-Encoding", b"Via"]


def test_another_hops_via_is_kept_before_ours() -> None:
    assert [value for name, value in _rewritten((b"Via", b"1.1 front")) if name == b"Via"] == [
        b"1.1 front",
        b"1.1 relay",
    ]


@pytest.mark.parametrize("via", [b"1.1 relay", b"1.0 front, 1.1 RELAY (x)", b"HTTP/1.1 relay,1.1 a"])
def test_a_call_that_came_through_here_before_is_a_loop(via: bytes) -> None:
    with pytest.raises(Looped):
        _rewritten((b"Via", via))


@pytest.mark.parametrize("via", [b"1.1 relay-2", b"relay", b"1.1 front (relay)", b""])
def test_a_name_that_only_looks_like_ours_is_no_loop(via: bytes) -> None:
    _rewritten((b"Via", via))


def test_an_options_goes_on_with_one_hop_less_and_not_at_all_without_one() -> None:
    fields = _rewritten((b"Max-Forwards", b"10"), method=b"OPTIONS")
    assert fields == ((b"Host", b"api.vecozo.nl"), (b"Max-Forwards", b"9"), (b"Via", b"1.1 relay"))
    for value in (b"0", b"00", b"x"):
        with pytest.raises(MalformedRequest):
            _rewritten((b"Max-Forwards", value), method=b"OPTIONS")
    assert _rewritten((b"Max-Forwards", b"0"), method=b"GET") == ((b"Host", b"api.vecozo.nl"), (b"Via", b"1.1 relay"))


def test_an_answer_that_has_no_body_tells_no_length() -> None:
    fields = Fields(((b"Content-Length", b"5"), (b"ETag", b"x")))
    assert rewrite_response(ResponseHead(204, b"No Content", fields), own=()).fields == ((b"ETag", b"x"),)


def test_an_answer_keeps_status_reason_and_fields_and_gets_ours_after_them() -> None:
    fields = ((b"Server", b"theirs"), (b"Proxy-Status", b"forged"), (b"X-Relay-Cause", b"forged"), (b"ETag", b"x"))
    out = rewrite_response(ResponseHead(403, b"Not Allowed", Fields(fields)), own=((b"Proxy-Status", b"ours"),))
    assert out == ResponseHead(
        403, b"Not Allowed", Fields(((b"Server", b"theirs"), (b"ETag", b"x"), (b"Proxy-Status", b"ours")))
    )
