"""What belongs to one hop, or to us, stays there (RFC 9110 section 7.6.1; check-list C12, C14, C16)."""

from collections.abc import Iterable

import pytest

from relay.errors import MalformedRequest
from relay.message import hops
from relay.message.fields import Field, Fields
from relay.message.head import RequestHead
from relay.message.hops import HOP_BY_HOP, NOT_SENT_BACK, NOT_SENT_ON, ends_here

NOBODY = frozenset[bytes]()


def sent_on(fields: Iterable[Field], secrets: frozenset[bytes]) -> list[Field]:
    return list(Fields(lines=hops.sent_on(Fields(fields), secrets)))


def sent_back(fields: Iterable[Field]) -> list[Field]:
    return list(Fields(lines=hops.sent_back(Fields(fields))))


def connection_options(fields: Iterable[Field]) -> frozenset[bytes]:
    return hops.connection_options(Fields(fields))


def _names(fields: list[tuple[bytes, bytes]]) -> list[bytes]:
    return [name for name, _ in fields]


@pytest.mark.parametrize("name", sorted(NOT_SENT_ON))
def test_a_field_of_the_hop_is_not_sent_on(name: bytes) -> None:
    assert sent_on(((name.title(), b"x"), (b"Accept", b"y")), NOBODY) == [(b"Accept", b"y")]


@pytest.mark.parametrize("name", sorted(NOT_SENT_BACK))
def test_a_field_of_the_hop_is_not_sent_back(name: bytes) -> None:
    assert sent_back(((name.title(), b"x"), (b"Set-Cookie", b"a"), (b"Set-Cookie", b"b"))) == [
        (b"Set-Cookie", b"a"),
        (b"Set-Cookie", b"b"),
    ]


def test_the_table_holds_every_field_that_the_rfc_names() -> None:
    of_the_rfc = b"connection keep-alive proxy-connection te trailer transfer-encoding upgrade".split()
    of_proxies = b"proxy-authenticate proxy-authorization proxy-authentication-info".split()
    assert set(of_the_rfc) | set(of_proxies) <= HOP_BY_HOP
    assert {b"x-client-ip", b"x-azure-clientip", b"true-client-ip", b"cf-connecting-ip", b"client-cert"} <= NOT_SENT_ON
    assert {b"expect", b"forwarded", b"host", b"max-forwards", b"proxy-status"} <= NOT_SENT_ON


def test_what_connection_names_stays_behind_in_every_connection_field() -> None:
    fields = ((b"Connection", b"close, X-One"), (b"X-One", b"1"), (b"X-Two", b"2"), (b"CONNECTION", b" x-two ,"))
    assert sent_on(fields, NOBODY) == []
    assert sent_back(fields) == []
    assert connection_options(fields) >= {b"close", b"x-one", b"x-two"}


@pytest.mark.parametrize("name", [b"Content-Length", b"Content-Type", b"SOAPAction", b"Via"])
def test_connection_cannot_name_away_what_frames_or_routes_a_message(name: bytes) -> None:
    fields = ((b"Connection", name), (name, b"x"))
    assert _names(sent_on(fields, NOBODY)) == [name]
    assert _names(sent_back(fields)) == [name]


def test_the_callers_credentials_for_us_stay_here() -> None:
    fields = ((b"X-API-KEY", b"rk"), (b"Authorization", b"Bearer for VECOZO"))
    assert _names(sent_on(fields, frozenset((b"x-api-key",)))) == [b"Authorization"]


def _options(target: bytes, *fields: Field) -> RequestHead:
    return RequestHead(b"OPTIONS", target, Fields(fields))


def test_an_options_about_the_server_or_without_a_hop_left_ends_here() -> None:
    assert ends_here(_options(b"*"))
    assert ends_here(_options(b"/a", (b"Max-Forwards", b"0")))
    assert not ends_here(_options(b"/a"))
    assert not ends_here(_options(b"/a", (b"Max-Forwards", b"1")))


@pytest.mark.parametrize("value", [b"", b"-1", b"+1", b"x", b"1, 2", b"0x1", b"\xb2", b"1" * 10])
def test_max_forwards_is_one_plain_number(value: bytes) -> None:
    with pytest.raises(MalformedRequest):
        ends_here(_options(b"/a", (b"Max-Forwards", value)))


def test_nothing_of_the_callers_address_is_sent_on() -> None:
    fields = ((b"X-Forwarded-For", b"1"), (b"x-forwarded-anything", b"2"), (b"Forwarded", b"3"), (b"X-Real-IP", b"4"))
    assert sent_on(fields, NOBODY) == []


def test_no_other_target_than_the_one_that_was_judged_is_sent_on() -> None:
    fields = (
        (b"X-Original-URL", b"/acc/claims"),
        (b"x-rewrite-url", b"/acc/claims"),
        (b"X-Original-Host", b"a.example"),
    )
    assert sent_on(fields, NOBODY) == []


def test_fields_that_imitate_ours_go_in_neither_direction() -> None:
    fields = ((b"X-Relay-Tenant", b"linde"), (b"x-RELAY-cause", b"y"))
    assert sent_on(fields, NOBODY) == []
    assert sent_back(fields) == []


def test_unknown_fields_go_through_in_both_directions_with_spelling_and_order_kept() -> None:
    fields = ((b"x-B3-TraceId", b"1"), (b"traceparent", b"2"), (b"SOAPAction", b'""'), (b"ETag", b'W/"x"'))
    assert sent_on(fields, NOBODY) == list(fields)
    assert sent_back(fields) == list(fields)
