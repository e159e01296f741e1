"""Heads as octets: what goes out is what stands in the values, in their order and spelling."""

from relay.message.fields import Fields
from relay.message.head import RequestHead, ResponseHead, request_octets, response_octets

FIELDS = Fields([(b"B", b"1"), (b"a", b"2"), (b"b", b"3")])


def test_a_request_goes_out_in_the_order_and_spelling_of_its_fields() -> None:
    head = RequestHead(b"POST", b"/x?", FIELDS)
    assert request_octets(head) == b"POST /x? HTTP/1.1\r\nB: 1\r\na: 2\r\nb: 3\r\n\r\n"


def test_an_answer_keeps_its_reason_phrase() -> None:
    head = ResponseHead(403, b"Invalid Client Certificate", FIELDS)
    assert response_octets(head).startswith(b"HTTP/1.1 403 Invalid Client Certificate\r\nB: 1\r\n")


def test_an_empty_reason_phrase_stays_empty() -> None:
    assert response_octets(ResponseHead(200, b"", Fields())) == b"HTTP/1.1 200 \r\n\r\n"


def test_fields_are_found_whatever_their_case_and_all_in_order() -> None:
    assert list(FIELDS.values(b"b")) == [b"1", b"3"]
    assert list(FIELDS.values(b"c")) == []
    assert FIELDS.first(b"b") == b"1"
    assert FIELDS.first(b"c") is None
