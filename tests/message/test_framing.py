"""Exactly one framing comes in and exactly one goes out (RFC 9112 section 6; check-list C7, C11)."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.errors import CodingUnknown, MalformedRequest, UpstreamInvalid
from relay.message import framing as under_test
from relay.message.fields import Field, Fields
from relay.message.framing import CHUNKED, NO_BODY, UNTIL_CLOSE, Framing, Length, request_framing
from relay.message.head import RequestHead

TE, CL = b"Transfer-Encoding", b"Content-Length"
WRONG: list[tuple[Field, ...]] = [
    ((TE, b"chunked"), (CL, b"4")),
    ((TE, b"chunked, gzip"),),
    ((TE, b"gzip"), (CL, b"4")),
    ((TE, b"chunked, chunked"),),
    ((TE, b"gzip, chunked, identity"),),
    ((TE, b"chunked;q=1"),),
    ((TE, b", chunked"),),
    ((TE, b"chunked"), (TE, b"")),
    ((TE, b"chunked"), (TE, b"chunked")),
    ((TE, b""),),
    ((TE, b"x chunked"),),
    ((CL, b"4"), (CL, b"5")),
    ((CL, b"4"), (CL, b"4")),
    ((CL, b"4, 4"),),
    ((CL, b"4,5"),),
    ((CL, b"+4"),),
    ((CL, b"-4"),),
    ((CL, b""),),
    ((CL, b"4 4"),),
    ((CL, b"0x4"),),
    ((CL, b"4_0"),),
    ((CL, b"9" * 19),),
    ((CL, "٤".encode()),),
]


def response_framing(method: bytes, status: int, fields: Iterable[Field]) -> Framing:
    return under_test.response_framing(method, status, Fields(fields))


def _request(fields: Iterable[Field]) -> RequestHead:
    return RequestHead(b"POST", b"/", Fields(fields))


@pytest.mark.parametrize("fields", WRONG, ids=str)
def test_a_request_with_two_or_unclear_framings_is_malformed(fields: Iterable[Field]) -> None:
    with pytest.raises(MalformedRequest):
        request_framing(_request(fields))


UNKNOWN: list[tuple[Field, ...]] = [
    ((TE, b"gzip"),),
    ((TE, b"gzip, chunked"),),
    ((TE, b"gzip"), (TE, b"chunked")),
    ((TE, b"identity"),),
    ((TE, b"xchunked"),),
]


@pytest.mark.parametrize("fields", UNKNOWN, ids=str)
def test_a_coding_that_is_not_known_is_told_as_such(fields: Iterable[Field]) -> None:
    with pytest.raises(CodingUnknown):
        request_framing(_request(fields))
    with pytest.raises(UpstreamInvalid):
        response_framing(b"POST", 200, fields)


@pytest.mark.parametrize("coding", [b"chunked", b"gzip", b""])
def test_http_1_0_knows_no_transfer_codings(coding: bytes) -> None:
    with pytest.raises(MalformedRequest):
        request_framing(RequestHead(b"POST", b"/", Fields(((TE, coding),)), 0))


@pytest.mark.parametrize("value", [b"00", b"005", b"0200"])
def test_a_length_with_leading_zeros_is_malformed_in_a_request_and_plain_in_an_answer(value: bytes) -> None:
    with pytest.raises(MalformedRequest):
        request_framing(_request(((CL, value),)))
    assert response_framing(b"GET", 200, ((CL, value),)) == Length(int(value))


@pytest.mark.parametrize("fields", WRONG, ids=str)
def test_an_answer_with_two_or_unclear_framings_is_invalid(fields: Iterable[Field]) -> None:
    with pytest.raises(UpstreamInvalid):
        response_framing(b"POST", 200, fields)


def test_a_request_without_framing_has_no_body() -> None:
    assert request_framing(_request(())) == NO_BODY


def test_an_answer_without_framing_lasts_until_the_close() -> None:
    assert response_framing(b"GET", 200, ()) is UNTIL_CLOSE


def test_chunked_is_known_in_any_case() -> None:
    assert request_framing(_request(((b"transfer-encoding", b"Chunked"),))) is CHUNKED
    assert response_framing(b"GET", 200, ((TE, b"CHUNKED"),)) is CHUNKED


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_a_plain_length_is_taken_as_it_is(octets: int) -> None:
    assert request_framing(_request(((CL, b"%d" % octets),))) == Length(octets)


# The ends of lines have ended the field before anybody asks for its value.
@given(st.binary(max_size=24).filter(lambda value: not {*b"\r\n"} & {*value}))
def test_whatever_stands_in_content_length_is_a_plain_number_or_refused(value: bytes) -> None:
    try:
        framing = request_framing(_request(((CL, value),)))
    except MalformedRequest:
        return
    assert isinstance(framing, Length)
    assert value.strip(b" \t") == b"%d" % framing.octets


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 204), (b"GET", 304), (b"GET", 103)])
@pytest.mark.parametrize("fields", [((CL, b"10"),), ((TE, b"chunked"),), ()], ids=str)
def test_some_answers_have_no_body_whatever_they_say(method: bytes, status: int, fields: Iterable[Field]) -> None:
    assert response_framing(method, status, fields) == NO_BODY
